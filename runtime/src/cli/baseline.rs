//! `baseline`: a new database begins with what the retired migrations did.

use crate::cli::args::Baseline;
use crate::cli::exit::{self, Failure};
use crate::cli::json::BaselineEnd;
use crate::cli::{Session, folder, summary};

/// `baseline`
pub(crate) async fn command(mut session: Session, flags: Baseline) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    target.refuse_unless_sure(
        "declares migrations applied that were not run",
        session.global.yes,
    )?;
    let migrator = session.connect(&target).await?;
    let recorded = migrator.baseline(&flags.reason).await?;
    session.output.object(&BaselineEnd {
        recorded: &recorded,
    });
    let on = target.shown();
    session.output.result(&match recorded.last() {
        Some(last) => format!(
            "{on} begins after {last}: {} recorded as applied, and none was run",
            summary::migrations(recorded.len())
        ),
        None => format!("nothing to record: no retired migration is missing on {on}"),
    });
    Ok(exit::DONE)
}
