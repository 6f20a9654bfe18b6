//! What the engine tells an observer: one vocabulary for the progress bar, the log and the tests.

use crate::history::{Direction, RunStatus};
use std::time::Duration;

/// Something happened in a run.
///
/// Observers are called on the engine's thread, between transactions: a slow observer slows the run, never the
/// database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The plan is made and the run recorded.
    RunStarted {
        /// The run.
        run_id: String,
        /// Which halves it executes.
        direction: Direction,
        /// The migrations, in the order they will be executed.
        migration_ids: Vec<String>,
        /// Whether everything is rolled back.
        dry_run: bool,
    },
    /// Another process executes the same plan; this one waits for it.
    Following {
        /// The other's run.
        run_id: String,
        /// Who executes it: host and process.
        holder: String,
    },
    /// The process that executed the run is gone, and this one goes on where it stopped.
    TakenOver {
        /// The run.
        run_id: String,
        /// Who executed it before.
        holder: String,
    },
    /// A migration begins, or goes on after an interruption.
    StepStarted {
        /// The migration.
        migration_id: String,
        /// Its table.
        table: String,
        /// Documents to visit in all, as counted when the step first began.
        total: u64,
        /// Documents visited before the interruption.
        processed: u64,
        /// Triggers of the table that do not fire because of `safe_bypass`.
        bypassed_triggers: Vec<String>,
    },
    /// Another process builds an aggregate; this one waits for it.
    AggregateAwaited {
        /// The aggregate.
        name: String,
        /// Who builds it: host and process.
        holder: String,
    },
    /// An aggregate is being built from now on, or gone on with.
    AggregateStarted {
        /// The aggregate.
        name: String,
        /// The table it counts.
        table: String,
        /// Rows counted before.
        processed: u64,
        /// Rows to count in all, about.
        total: u64,
    },
    /// A batch of an aggregate's build is committed.
    AggregateBatch {
        /// The aggregate.
        name: String,
        /// Rows counted so far.
        processed: u64,
        /// Rows to count in all, about.
        total: u64,
    },
    /// An aggregate is built: it is `READY`.
    AggregateReady {
        /// The aggregate.
        name: String,
    },
    /// A batch is committed (in a dry run: rolled back).
    BatchCommitted {
        /// The migration.
        migration_id: String,
        /// Documents visited so far.
        processed: u64,
        /// Documents changed so far.
        changed: u64,
        /// Documents to visit in all.
        total: u64,
        /// How many documents this batch held.
        batch: usize,
        /// How long its transaction took.
        took: Duration,
    },
    /// The database was busy; the batch is tried again after a pause.
    Retrying {
        /// The migration.
        migration_id: String,
        /// Why.
        reason: String,
        /// How long the pause is.
        pause: Duration,
    },
    /// A migration's last batch is committed.
    StepCompleted {
        /// The migration.
        migration_id: String,
        /// Documents visited.
        processed: u64,
        /// Documents changed.
        changed: u64,
    },
    /// The run has ended.
    RunEnded {
        /// The run.
        run_id: String,
        /// How.
        status: RunStatus,
        /// Why it failed, with causes.
        error: Option<String>,
    },
    /// A worker has nothing to do, and waits.
    WorkerIdle,
    /// A worker leaves a run alone that was planned with other migrations than its own.
    WorkerRefused {
        /// The run.
        run_id: String,
        /// Why, and the way out.
        reason: String,
    },
    /// Something worth a line that is not a failure.
    Warning {
        /// The line.
        message: String,
    },
}

/// Where events go.
pub(crate) type Observer = std::sync::Arc<dyn Fn(&Event) + Send + Sync>;
