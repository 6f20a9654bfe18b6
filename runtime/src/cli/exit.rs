//! Exit codes, and the failures that end a command with one of them.

use crate::cli::secret;
use crate::error::{Error, ErrorKind};
use crate::history::RunStatus;
use crate::migrator::Report;

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// It failed: a migration, the database, the `migration_*` tables.
pub const FAILED: u8 = 1;
/// The command line or the configuration cannot be meant.
pub const USAGE: u8 = 2;
/// Applied history differs from the code.
pub const DRIFT: u8 = 3;
/// Canceled, from here or from elsewhere; what was committed stays, and `up` goes on from there.
pub const CANCELED: u8 = 4;
/// The database stayed locked, or away, for longer than the lock timeout.
pub const TIMED_OUT: u8 = 5;
/// Another run, with another plan, is active.
pub const RUN_ACTIVE: u8 = 6;

/// Why a command ended without doing what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// What is wrong and the way out; free of secrets.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl AsRef<str>) -> Self {
        Failure {
            code,
            message: secret::mask_text(message.as_ref()),
        }
    }

    /// The command line or the configuration cannot be meant.
    pub(crate) fn usage(message: impl AsRef<str>) -> Self {
        Failure::new(USAGE, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::new(code_of_kind(error.kind()), error.chain())
    }
}

/// The exit code of an error.
pub(crate) fn code_of_kind(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => USAGE,
        ErrorKind::Drift => DRIFT,
        ErrorKind::RunActive => RUN_ACTIVE,
        ErrorKind::Canceled => CANCELED,
        ErrorKind::Busy => TIMED_OUT,
        _ => FAILED,
    }
}

/// The exit code of a run that has ended.
pub(crate) fn code_of_report(report: &Report) -> u8 {
    match report.status {
        RunStatus::Completed | RunStatus::Noop => DONE,
        // Left to workers, who say themselves how it ends.
        RunStatus::Pending | RunStatus::Running => DONE,
        RunStatus::DryRun if report.error.is_none() => DONE,
        RunStatus::DriftBlocked => DRIFT,
        RunStatus::Canceled => CANCELED,
        _ => report.error_kind.map_or(FAILED, code_of_kind),
    }
}
