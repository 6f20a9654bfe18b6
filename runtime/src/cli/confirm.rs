//! The one question that is asked: before a protected environment is changed.

use crate::cli::exit::{self, Failure};
use crate::cli::output::{confirm, is_interactive};
use crate::cli::target::Target;

/// What to do where nobody can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unattended {
    /// The command itself is the answer.
    GoOn,
    /// Somebody has to say `--yes`.
    Refuse,
}

/// Asks whether to do this to a protected environment, or to its database under another name. Others are not asked for.
///
/// # Errors
/// The answer is no; nobody can answer and that is not enough.
pub(crate) fn ask_first(
    target: &Target,
    question: &str,
    yes: bool,
    unattended: Unattended,
) -> Result<(), Failure> {
    if yes || !target.is_delicate() {
        return Ok(());
    }
    if !is_interactive() {
        return match unattended {
            Unattended::GoOn => Ok(()),
            // Whoever gave it another name has said what is meant.
            Unattended::Refuse if !target.protected => Ok(()),
            Unattended::Refuse => Err(Failure::usage(format!(
                "{} is protected, and there is no terminal to ask on; give --yes if this is meant",
                target.shown()
            ))),
        };
    }
    if confirm(question) {
        return Ok(());
    }
    Err(Failure::new(
        exit::CANCELED,
        "not confirmed, so nothing was done",
    ))
}
