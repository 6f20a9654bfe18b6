//! Ctrl-C, and the system's requests to terminate: the first asks to stop after the batch in hand, the second ends the process
//! at once.
//!
//! Ending at once loses nothing: every batch is one transaction, so the one in hand is rolled back by the database, and
//! whoever goes on does so after the last one that was committed.

use crate::cli::exit;
use crate::cli::json::RunEnd;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is said at the first Ctrl-C and at the second.
pub(crate) struct Said {
    pub(crate) first: &'static str,
    pub(crate) second: &'static str,
}

/// Of `up` and `down`.
pub(crate) const RUN: Said = Said {
    first: "stopping after this batch (Ctrl-C again stops at once)",
    second: "stopped at once; nothing is lost: the batch in hand is rolled back, and the next run goes on after the last one \
that was committed",
};

/// Of `work`.
pub(crate) const WORKER: Said = Said {
    first: "finishing the batch in hand and handing back what is left (Ctrl-C again stops at once)",
    second: "stopped at once; nothing is lost: the batch in hand is rolled back, and other workers go on after the last one that \
was committed, when this one's lease has ended",
};

/// Listens from now on; `ask` asks whatever goes on to stop.
pub(crate) fn listen(
    said: Said,
    progress: &Progress,
    output: Output,
    direction: Option<&'static str>,
    ask: impl Fn() + Send + 'static,
) {
    let first = move || {
        ask();
        said.first
    };
    listen_in_stages(progress, output, direction, first, move || said.second);
}

/// The same where more than one thing goes on, one after another: `first` and `second` stop what goes on just then, and tell
/// what to say about it.
pub(crate) fn listen_in_stages(
    progress: &Progress,
    output: Output,
    direction: Option<&'static str>,
    first: impl Fn() -> &'static str + Send + 'static,
    second: impl Fn() -> &'static str + Send + 'static,
) {
    let progress = progress.clone();
    let asked = AtomicBool::new(false);
    let handler = move || {
        if !asked.swap(true, Ordering::AcqRel) {
            progress.note(first());
            return;
        }
        let said = second();
        progress.note(said);
        let run_id = progress.run_id();
        output.object(&RunEnd {
            status: "canceled",
            run_id: run_id.as_deref(),
            direction,
            migrations: Vec::new(),
            drift: &[],
            error: Some(said.to_owned()),
        });
        std::process::exit(i32::from(exit::CANCELED));
    };
    // Someone else's handler is already there when the app around us installed one: then theirs decides.
    let _ = ctrlc::set_handler(handler);
}
