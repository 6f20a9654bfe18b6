//! Ctrl-C: the first asks the run to stop after its batch, the second ends the process at once.
//!
//! Ending at once loses nothing: every batch is one transaction, so the one in hand is rolled back by the database and
//! the next `up` goes on after the last one that was committed.

use crate::cli::exit;
use crate::cli::json::RunEnd;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::migrator::CancelToken;

const FIRST: &str = "stopping after this batch (Ctrl-C again stops at once)";
const SECOND: &str = "stopped at once; nothing is lost: the batch in hand is rolled back, and the next run goes on after \
the last one that was committed";

/// Listens for Ctrl-C (and the system's requests to terminate) from now on.
pub(crate) fn listen(
    token: &CancelToken,
    progress: &Progress,
    output: Output,
    direction: &'static str,
) {
    let (token, progress) = (token.clone(), progress.clone());
    let handler = move || {
        if !token.is_canceled() {
            token.cancel();
            progress.note(FIRST);
            return;
        }
        progress.note(SECOND);
        let run_id = progress.run_id();
        output.object(&RunEnd {
            status: "canceled",
            run_id: run_id.as_deref(),
            direction: Some(direction),
            migrations: Vec::new(),
            drift: &[],
            error: Some(SECOND.to_owned()),
        });
        std::process::exit(i32::from(exit::CANCELED));
    };
    // Someone else's handler is already there when the app around us installed one: then theirs decides.
    let _ = ctrlc::set_handler(handler);
}
