//! The objects of `--json`, in types of their own: other people's scripts depend on every key.

use crate::cli::exit::{self, Failure};
use crate::cli::secret;
use crate::migrator::{Difference, Drift, Report};
use serde::Serialize;

/// The last line of `up` and `down`, and of every command that fails.
#[derive(Debug, Serialize)]
pub(crate) struct RunEnd<'r> {
    /// A run status.
    pub(crate) status: &'r str,
    pub(crate) run_id: Option<&'r str>,
    /// `up` or `down`; `null` from a command that has no direction.
    pub(crate) direction: Option<&'r str>,
    pub(crate) migrations: Vec<Migration<'r>>,
    pub(crate) drift: &'r [Drift],
    /// Free of secrets.
    pub(crate) error: Option<String>,
}

/// What a run did to one migration.
#[derive(Debug, Serialize)]
pub(crate) struct Migration<'r> {
    pub(crate) id: &'r str,
    pub(crate) status: &'r str,
    pub(crate) processed: u64,
    pub(crate) changed: u64,
    pub(crate) quarantined: u64,
    /// Only in a dry run.
    #[serde(skip_serializing_if = "<[Difference]>::is_empty")]
    pub(crate) sample: &'r [Difference],
}

impl<'r> RunEnd<'r> {
    /// A run that was planned.
    pub(crate) fn of_report(report: &'r Report) -> Self {
        let migrations = report.migrations.iter().map(|migration| Migration {
            id: &migration.id,
            status: &migration.status,
            processed: migration.processed,
            changed: migration.changed,
            quarantined: migration.quarantined,
            sample: &migration.sample,
        });
        RunEnd {
            status: report.status.as_str(),
            run_id: report.run_id.as_deref(),
            direction: Some(report.direction.as_str()),
            migrations: migrations.collect(),
            drift: &report.drift,
            error: report.error.as_deref().map(secret::mask_text),
        }
    }

    /// A command that failed before there was a run.
    pub(crate) fn of_failure(failure: &'r Failure, direction: Option<&'r str>) -> Self {
        let status = match failure.code {
            exit::DRIFT => "drift_blocked",
            exit::CANCELED => "canceled",
            _ => "failed",
        };
        RunEnd {
            status,
            run_id: None,
            direction,
            migrations: Vec::new(),
            drift: &[],
            error: Some(failure.message.clone()),
        }
    }
}

/// The line of `cancel`.
#[derive(Debug, Serialize)]
pub(crate) struct CancelEnd<'r> {
    /// `nothing_active`, `requested` or `done`.
    pub(crate) result: &'r str,
    pub(crate) run_id: Option<&'r str>,
}

/// The line of `drift`.
#[derive(Debug, Serialize)]
pub(crate) struct DriftEnd<'r> {
    pub(crate) drift: &'r [Drift],
}
