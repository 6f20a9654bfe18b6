//! Where `async fn` steps are polled.

use crate::error::{Error, ErrorKind, Result};

/// What polls `async fn` steps.
pub(crate) enum Poller {
    /// The runtime the caller was in, which drives its own timers.
    Callers(tokio::runtime::Handle),
    /// Ours, whose timers only move while it is itself what blocks: a handle to it would wait for ever.
    Own(tokio::runtime::Runtime),
}

impl Poller {
    /// An `async fn` step needs a runtime to be polled in; without the caller's, a small one of our own.
    pub(crate) fn new(callers: Option<&tokio::runtime::Handle>) -> Result<Self> {
        if let Some(handle) = callers {
            return Ok(Poller::Callers(handle.clone()));
        }
        let own = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        own.map(Poller::Own).map_err(|error| {
            Error::new(
                ErrorKind::Step,
                "the runtime for `async fn` steps cannot be started",
            )
            .with_source(error)
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match self {
            Poller::Callers(handle) => handle.block_on(future),
            Poller::Own(runtime) => runtime.block_on(future),
        }
    }
}
