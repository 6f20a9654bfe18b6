//! `dev`: rebuilding is `cargo migrate`'s part, so this binary hands over to it; what it does itself is one pass, `--once`,
//! which `cargo migrate dev` calls after each build.

mod hand_over;
mod once;

use crate::cli::Session;
use crate::cli::args::Dev;
use crate::cli::exit::Failure;

/// `dev`
pub(crate) async fn command(session: Session, flags: Dev) -> Result<u8, Failure> {
    if let Some(name) = session.global.environment() {
        return Err(Failure::usage(format!(
            "`dev` works on the local database only, and `{name}` is another; leave out --prod and --env (DRIFTLESS_ENV says the same), or apply there with `up` or `deploy`"
        )));
    }
    if flags.once {
        once::command(session, flags.until_input_ends).await
    } else {
        hand_over::command(&session)
    }
}
