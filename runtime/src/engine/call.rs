//! Calling the generated function of a step.

use super::poller::Poller;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::manifest::StepFunction;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls it for the batch; a panic in it is a failure like any other.
pub(super) fn call_step(function: StepFunction, batch: &mut Batch, poller: &Poller) -> Result<()> {
    let called = catch_unwind(AssertUnwindSafe(|| match function {
        StepFunction::Sync(function) => function(batch),
        StepFunction::Async(function) => poller.block_on(function(batch)),
    }));
    called.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::step(format!(
            "the step panicked: {}",
            text.as_deref().unwrap_or("without a message")
        )))
    })
}
