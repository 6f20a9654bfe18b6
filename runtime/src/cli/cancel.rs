//! `cancel`: asks the active run to stop.

use crate::cli::args::Cancel;
use crate::cli::exit::{self, Failure};
use crate::cli::json::CancelEnd;
use crate::cli::{Session, folder};
use crate::migrator::Canceled;

/// `cancel`
pub(crate) async fn command(mut session: Session, flags: Cancel) -> Result<u8, Failure> {
    if let Err(stale) = folder::refuse_if_stale(session.manifest) {
        session.output.warn(&stale.message);
    }
    let config = session.config()?;
    let target = session.target(&config)?;
    let migrator = session.connect(&target).await?;
    let canceled = migrator.cancel_run(flags.run_id, flags.force).await?;
    let (result, run_id, words) = match &canceled {
        Canceled::NothingActive => (
            "nothing_active",
            None,
            "no run is active, so there is nothing to cancel".to_owned(),
        ),
        Canceled::Requested { run_id } => (
            "requested",
            Some(run_id.as_str()),
            format!("run {run_id} will stop after its batch; `status` shows when"),
        ),
        Canceled::Done { run_id } => (
            "done",
            Some(run_id.as_str()),
            format!("run {run_id} is canceled; `up` goes on where it stopped"),
        ),
    };
    session.output.object(&CancelEnd { result, run_id });
    session.output.result(&words);
    Ok(exit::DONE)
}
