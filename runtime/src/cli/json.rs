//! The objects of `--json`, in types of their own: other people's scripts depend on every key.

use crate::aggregate::{AggregateReport, AggregateStatus};
use crate::cli::exit::{self, Failure};
use crate::cli::secret;
use crate::event::Event;
use crate::history::RunStatus;
use crate::migrator::{Difference, Drift, Report};
use crate::quarantine::{QuarantinedDocument, Retried};
use crate::worker::WorkerReport;
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
    /// Something that went well and was no run.
    pub(crate) fn without_run(status: &'r str) -> Self {
        RunEnd {
            status,
            run_id: None,
            direction: None,
            migrations: Vec::new(),
            drift: &[],
            error: None,
        }
    }

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

    /// A command that found nothing to run.
    pub(crate) fn nothing_to_do(direction: &'r str) -> Self {
        RunEnd {
            status: RunStatus::Noop.as_str(),
            run_id: None,
            direction: Some(direction),
            migrations: Vec::new(),
            drift: &[],
            error: None,
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

/// The last line of `work`: how the last run that it drove ended, and what else it did.
#[derive(Debug, Serialize)]
pub(crate) struct WorkEnd<'r> {
    #[serde(flatten)]
    pub(crate) last: RunEnd<'r>,
    pub(crate) driven: u64,
    pub(crate) helped: u64,
    pub(crate) refused: u64,
}

impl<'r> WorkEnd<'r> {
    pub(crate) fn of_report(report: &'r WorkerReport) -> Self {
        let nothing = RunEnd::without_run(RunStatus::Noop.as_str());
        WorkEnd {
            last: report.last.as_ref().map_or(nothing, RunEnd::of_report),
            driven: report.driven,
            helped: report.helped,
            refused: report.refused,
        }
    }
}

/// The last line of `aggregate backfill` and `aggregate rebuild`.
#[derive(Debug, Serialize)]
pub(crate) struct AggregateEnd<'r> {
    #[serde(flatten)]
    pub(crate) end: RunEnd<'r>,
    pub(crate) aggregates: &'r [AggregateStatus],
}

impl<'r> AggregateEnd<'r> {
    pub(crate) fn of_report(report: &'r AggregateReport) -> Self {
        AggregateEnd {
            end: RunEnd {
                error: report.error.as_deref().map(secret::mask_text),
                ..RunEnd::without_run(report.status.as_str())
            },
            aggregates: &report.aggregates,
        }
    }
}

/// The line of `aggregate prune`.
#[derive(Debug, Serialize)]
pub(crate) struct PruneEnd<'r> {
    #[serde(flatten)]
    pub(crate) end: RunEnd<'r>,
    /// The names of those that were removed.
    pub(crate) pruned: &'r [String],
}

impl<'r> PruneEnd<'r> {
    pub(crate) fn of(pruned: &'r [String]) -> Self {
        let status = match pruned {
            [] => RunStatus::Noop,
            _ => RunStatus::Completed,
        };
        PruneEnd {
            end: RunEnd::without_run(status.as_str()),
            pruned,
        }
    }
}

/// The line of `aggregate status`.
#[derive(Debug, Serialize)]
pub(crate) struct StatusOfAggregates<'r> {
    pub(crate) aggregates: &'r [AggregateStatus],
}

/// The lines of `work` before the last, as things happen. Progress is not among them.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum WorkEvent<'e> {
    RunStarted {
        run_id: &'e str,
        direction: &'e str,
        migrations: &'e [String],
    },
    TakenOver {
        run_id: &'e str,
        holder: &'e str,
    },
    StepStarted {
        migration_id: &'e str,
        processed: u64,
        total: u64,
    },
    StepCompleted {
        migration_id: &'e str,
        processed: u64,
        changed: u64,
    },
    Retrying {
        migration_id: &'e str,
        reason: String,
    },
    RunEnded {
        run_id: &'e str,
        status: &'e str,
        error: Option<String>,
    },
    AggregateReady {
        name: &'e str,
    },
    Idle,
    Refused {
        run_id: &'e str,
        reason: &'e str,
    },
    Warning {
        message: String,
    },
}

impl<'e> WorkEvent<'e> {
    /// The line of an event, if it has one.
    pub(crate) fn of(event: &'e Event) -> Option<Self> {
        Some(match event {
            Event::RunStarted {
                run_id,
                direction,
                migration_ids,
                ..
            } => WorkEvent::RunStarted {
                run_id,
                direction: direction.as_str(),
                migrations: migration_ids,
            },
            Event::TakenOver { run_id, holder } => WorkEvent::TakenOver { run_id, holder },
            Event::StepStarted {
                migration_id,
                processed,
                total,
                ..
            } => WorkEvent::StepStarted {
                migration_id,
                processed: *processed,
                total: *total,
            },
            Event::StepCompleted {
                migration_id,
                processed,
                changed,
            } => WorkEvent::StepCompleted {
                migration_id,
                processed: *processed,
                changed: *changed,
            },
            Event::Retrying {
                migration_id,
                reason,
                ..
            } => WorkEvent::Retrying {
                migration_id,
                reason: secret::mask_text(reason),
            },
            Event::RunEnded {
                run_id,
                status,
                error,
            } => WorkEvent::RunEnded {
                run_id,
                status: status.as_str(),
                error: error.as_deref().map(secret::mask_text),
            },
            Event::WorkerIdle => WorkEvent::Idle,
            Event::WorkerRefused { run_id, reason } => WorkEvent::Refused { run_id, reason },
            Event::Warning { message } => WorkEvent::Warning {
                message: secret::mask_text(message),
            },
            Event::AggregateReady { name } => WorkEvent::AggregateReady { name },
            Event::Following { .. }
            | Event::BatchCommitted { .. }
            | Event::AggregateStarted { .. }
            | Event::AggregateAwaited { .. }
            | Event::AggregateBatch { .. } => return None,
        })
    }
}

/// The line of `cancel`.
#[derive(Debug, Serialize)]
pub(crate) struct CancelEnd<'r> {
    /// `nothing_active`, `requested` or `done`.
    pub(crate) result: &'r str,
    pub(crate) run_id: Option<&'r str>,
}

/// The line of `baseline`.
#[derive(Debug, Serialize)]
pub(crate) struct BaselineEnd<'r> {
    /// The retired migrations that count as applied from now on.
    pub(crate) recorded: &'r [String],
}

/// The line of `quarantine list`.
#[derive(Debug, Serialize)]
pub(crate) struct QuarantineEnd {
    pub(crate) documents: Vec<QuarantinedDocument>,
}

/// The line of `quarantine retry`.
#[derive(Debug, Serialize)]
pub(crate) struct RetriedEnd<'r> {
    /// `completed`, `failed` when a document failed again, `noop` when there was none.
    pub(crate) status: &'r str,
    #[serde(flatten)]
    pub(crate) retried: Retried,
}

impl RetriedEnd<'_> {
    pub(crate) fn nothing() -> Self {
        RetriedEnd {
            status: RunStatus::Noop.as_str(),
            retried: Retried::default(),
        }
    }

    pub(crate) fn of(retried: &Retried) -> Self {
        let status = match retried.failed.is_empty() {
            true => RunStatus::Completed,
            false => RunStatus::Failed,
        };
        RetriedEnd {
            status: status.as_str(),
            retried: retried.clone(),
        }
    }
}

/// The line of `quarantine drop`.
#[derive(Debug, Serialize)]
pub(crate) struct DroppedEnd {
    pub(crate) dropped: u64,
}

/// The line of `drift`.
#[derive(Debug, Serialize)]
pub(crate) struct DriftEnd<'r> {
    pub(crate) drift: &'r [Drift],
    /// One for each of them, in the same order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) diffs: Vec<Diff<'r>>,
}

/// How the sources of one migration differ.
#[derive(Debug, Serialize)]
pub(crate) struct Diff<'r> {
    pub(crate) migration_id: &'r str,
    /// Unified, without colour.
    pub(crate) diff: String,
}
