//! `accept`: an edited migration's code becomes the history of one database, for a reason that is kept.

use crate::cli::args::Accept;
use crate::cli::exit::{self, Failure};
use crate::cli::output::{GREEN, paint};
use crate::cli::{Session, folder};

/// `accept`
pub(crate) async fn command(mut session: Session, flags: Accept) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    target.refuse_unless_sure("accepts a change of its history", session.global.yes)?;
    let migrator = session.connect(&target).await?;
    let accepted = migrator.accept(&flags.id, &flags.reason).await?;
    session.output.object(&accepted);
    let (id, on) = (&accepted.migration_id, target.shown());
    session.output.result(&match accepted.changed {
        true => format!(
            "{} {id} on {on}\n  was {}\n  is  {}\nother databases that applied it keep their own history",
            paint(GREEN, "accepted"),
            accepted.old_checksum,
            accepted.new_checksum
        ),
        false => format!("nothing to accept: {id} on {on} is what is compiled in"),
    });
    Ok(exit::DONE)
}
