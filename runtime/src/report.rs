//! What is said of a run, of history, and of requests to change either: plain data.

use crate::error::{Error, ErrorKind, Result};
use crate::history::{Direction, RunRow, RunStatus, StateRow};
use serde::Serialize;

/// How a run ended.
#[derive(Debug, Serialize)]
#[must_use = "a run that failed is reported here, not as an error: look at `status` or call `into_result`"]
pub struct Report {
    /// How it ended.
    pub status: RunStatus,
    /// The run; `None` when there was nothing to run.
    pub run_id: Option<String>,
    /// Which halves it executed.
    pub direction: Direction,
    /// What happened to each migration of the plan.
    pub migrations: Vec<MigrationReport>,
    /// What differs between applied history and the code.
    pub drift: Vec<Drift>,
    /// Why it failed, with causes.
    pub error: Option<String>,
    /// Things worth a line that are not failures.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// What kind of failure it was.
    #[serde(skip)]
    pub error_kind: Option<ErrorKind>,
}

impl Report {
    /// An error that says why, unless the run ended well (`completed`, `noop`, `dry_run`).
    ///
    /// # Errors
    /// The run failed, was canceled, or was blocked by drift.
    pub fn into_result(self) -> Result<()> {
        match self.status {
            RunStatus::Completed | RunStatus::Noop | RunStatus::DryRun if self.error.is_none() => {
                Ok(())
            }
            status => {
                let kind = match status {
                    RunStatus::DriftBlocked => ErrorKind::Drift,
                    RunStatus::Canceled => ErrorKind::Canceled,
                    _ => self.error_kind.unwrap_or(ErrorKind::Step),
                };
                Err(Error::new(
                    kind,
                    self.error
                        .unwrap_or_else(|| format!("the run ended as {status}")),
                ))
            }
        }
    }
}

/// What a run did to one migration.
#[derive(Debug, Clone, Serialize)]
pub struct MigrationReport {
    /// The migration.
    pub id: String,
    /// How it stands after the run; in a dry run, how it would.
    pub status: String,
    /// Documents visited by this step.
    pub processed: u64,
    /// Documents changed by this step.
    pub changed: u64,
    /// Documents set aside.
    pub quarantined: u64,
    /// Dry run: a sample of what would change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Difference>,
}

/// One document, before and after.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The document's table.
    pub table: String,
    /// The document's key, as messages show it.
    pub key: String,
    /// Columns that change: name, before, after. A removed document lists every column with no value after.
    pub columns: Vec<(String, String, Option<String>)>,
}

/// One difference between applied history and the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What kind.
    pub kind: DriftKind,
    /// The migration.
    pub migration_id: String,
    /// What changed, and the way out.
    pub message: String,
}

/// The kinds of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// The code of a migration is not the code that was applied.
    ChecksumMismatch,
    /// A migration was applied and is not compiled in.
    MissingFromManifest,
}

/// What became of [`Migrator::accept`](crate::Migrator::accept).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The migration.
    pub migration_id: String,
    /// The checksum that history had.
    pub old_checksum: String,
    /// The checksum it has now.
    pub new_checksum: String,
    /// Whether they differ; if not, there was nothing to accept and nothing was recorded.
    pub changed: bool,
}

/// Where everything stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Whether something is going on.
    pub status: StatusKind,
    /// The run that has not ended.
    pub active_run: Option<RunRow>,
    /// The newest runs, newest first, 20 at most.
    pub runs: Vec<RunRow>,
    /// Every migration that has ever begun, in id order.
    pub migrations: Vec<StateRow>,
    /// Ids that `up` would apply, in order.
    pub pending: Vec<String>,
    /// Steps that have begun and not ended.
    #[serde(skip)]
    pub partial: Vec<PartialStep>,
    /// What differs between applied history and the code.
    pub drift: Vec<Drift>,
}

/// A step that has begun and not ended.
#[derive(Debug, Clone)]
pub struct PartialStep {
    /// The migration.
    pub migration_id: String,
    /// Which half.
    pub direction: Direction,
    /// How much of it is done, 0 to 99.
    pub percent: u64,
}

/// Whether something is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusKind {
    /// No run is active.
    Idle,
    /// A run is active.
    Running,
    /// A run is active and told to wait.
    Paused,
    /// A run is active and the process that executed it is gone, or has not committed for a whole lease.
    Stale,
}

/// What became of a request to cancel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Canceled {
    /// No run is active.
    NothingActive,
    /// The run will stop after its batch.
    Requested {
        /// The run.
        run_id: String,
    },
    /// The run is canceled: its process was gone, or `force` was given.
    Done {
        /// The run.
        run_id: String,
    },
}
