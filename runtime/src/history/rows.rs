//! The rows of `migration_state` and `migration_run`, as the code sees them and as JSON shows them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Which half of the migrations a run executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Applies.
    Up,
    /// Rolls back.
    Down,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Enqueued; no worker has picked it up.
    Pending,
    /// A worker executes it.
    Running,
    /// Every migration of the plan is done.
    Completed,
    /// A batch failed; what was committed before stays, and the next `up` goes on from there.
    Failed,
    /// It was asked to stop and stopped between two batches; the next `up` goes on from there.
    Canceled,
    /// Everything was tried and rolled back.
    DryRun,
    /// There was nothing to do.
    Noop,
    /// Applied history differs from the code, so nothing was done.
    DriftBlocked,
}

/// How a migration's step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateStatus {
    /// Not applied: planned and not begun, or rolled back entirely.
    Pending,
    /// Begun and not ended.
    Running,
    /// Every document is done.
    Completed,
    /// A batch failed.
    Failed,
    /// Stopped between two batches.
    Canceled,
}

/// Whether a migration's documents are all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// All of them have the change, or none.
    Even,
    /// Those up to the cursor have what the step does, the others have not.
    Half,
    /// The step undoes what the other half did up to where that stopped; the documents after that never had it.
    Turned,
}

macro_rules! names {
    ($type:ident: $($variant:ident = $name:literal),*) => {
        impl $type {
            /// The name in tables, JSON and messages.
            pub const fn as_str(self) -> &'static str {
                match self { $($type::$variant => $name),* }
            }

            pub(crate) fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some($type::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

names!(Direction: Up = "up", Down = "down");
names!(RunStatus: Pending = "pending", Running = "running", Completed = "completed", Failed = "failed",
    Canceled = "canceled", DryRun = "dry_run", Noop = "noop", DriftBlocked = "drift_blocked");
names!(StateStatus: Pending = "pending", Running = "running", Completed = "completed", Failed = "failed", Canceled = "canceled");
names!(Spread: Even = "even", Half = "half", Turned = "turned");

/// A row of `migration_state`. Times are RFC 3339 in UTC, by the database's clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateRow {
    /// The migration.
    pub migration_id: String,
    /// The checksum of the code that was applied.
    pub checksum: String,
    /// Whether every document has the change: true from the commit of `up`'s last batch to the commit of `down`'s first.
    pub applied: bool,
    /// How the last step stands.
    pub status: StateStatus,
    /// Which step that is.
    pub direction: Direction,
    /// The run that touched it last.
    pub run_id: String,
    /// The key up to which the step is committed, as JSON; `None` before the first batch and after the last.
    pub cursor: Option<String>,
    /// Documents visited by the step.
    pub processed: u64,
    /// Documents changed by the step.
    pub changed: u64,
    /// Documents set aside by the step.
    pub quarantined: u64,
    /// Documents the step had to visit, as counted when it began.
    pub total: u64,
    /// When the step began.
    pub started_at: String,
    /// When its last batch was committed.
    pub updated_at: String,
    /// When the step was completed.
    pub completed_at: Option<String>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// Whether hooks and triggers fired.
    pub write_mode: String,
    #[serde(skip)]
    pub(crate) spread: Spread,
    #[serde(skip)]
    pub(crate) source: String,
    #[serde(skip)]
    pub(crate) parts: [String; 3],
    #[serde(skip)]
    pub(crate) details: String,
}

impl StateRow {
    /// The source text that was applied, or the newest one that was accepted in its place.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a step has begun and not ended: some documents are changed and others are not.
    pub fn is_partial(&self) -> bool {
        matches!(
            self.status,
            StateStatus::Running | StateStatus::Failed | StateStatus::Canceled
        )
    }

    /// How much of the step is done, 0 to 100.
    pub fn percent(&self) -> u64 {
        let whole = if self.is_partial() { 99 } else { 100 };
        match (self.processed * 100).checked_div(self.total) {
            _ if self.status == StateStatus::Completed => 100,
            Some(percent) => percent.min(whole),
            // Nothing was counted: the step failed before it could begin, or there was nothing to visit.
            None if self.is_partial() => 0,
            None => 100,
        }
    }
}

/// A row of `migration_run`. Times are RFC 3339 in UTC, by the database's clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRow {
    /// The run.
    pub run_id: String,
    /// Which halves it executes.
    pub direction: Direction,
    /// How it stands.
    pub status: RunStatus,
    /// Always false: dry runs are not recorded, since they write nothing.
    pub dry_run: bool,
    /// Whether drift was allowed to pass.
    pub allow_drift: bool,
    /// Why drift was allowed to pass.
    pub reason: Option<String>,
    /// The migrations, in the order of execution.
    pub migration_ids: Vec<String>,
    /// Position in `migration_ids` of the one being executed.
    pub current_index: u64,
    /// When it began.
    pub started_at: String,
    /// When it last committed something.
    pub updated_at: String,
    /// When it ended.
    pub completed_at: Option<String>,
    /// Whether it has been asked to stop.
    pub cancel_requested: bool,
    /// Why it failed.
    pub last_error: Option<String>,
    /// The digest of the manifest it was planned with.
    pub manifest_digest: String,
    /// Who executes it: host, process, and a name that no other process has.
    pub lease_holder: Option<String>,
    /// Until when nobody else may.
    pub lease_expires_at: Option<String>,
    /// The number that fences everyone who executed it before.
    pub lease_epoch: i64,
    /// Who started it: user, host, process.
    pub started_by: String,
    /// Whether the lease has ended by the database's clock.
    #[serde(skip)]
    pub(crate) lease_expired: bool,
}

impl RunRow {
    /// Whether it has not ended.
    pub fn is_active(&self) -> bool {
        matches!(self.status, RunStatus::Pending | RunStatus::Running)
    }
}
