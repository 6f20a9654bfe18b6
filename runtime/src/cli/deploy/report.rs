//! What `deploy` asks and tells, in words and as an object. Pure.

use super::{Ahead, RunAhead};
use crate::aggregate::AggregateStatus;
use crate::cli::exit::{self, Failure};
use crate::cli::json::RunEnd;
use crate::cli::output::{BOLD, DIM, GREEN, YELLOW, paint};
use crate::cli::secret;
use crate::cli::summary::{documents, migrations};
use crate::cli::target::Target;
use crate::engine::Preview;
use crate::history::RunStatus;
use crate::migrator::Report;
use serde::Serialize;
use std::fmt::Write as _;

/// How many migrations the question names.
const NAMED: usize = 10;

/// What became of one step.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    /// `command`, `migrations` or `aggregates`.
    pub(super) step: &'static str,
    pub(super) status: StepStatus,
    /// Why it was skipped, or how it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// The ways in which a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepStatus {
    Completed,
    Skipped,
    /// A worker is to do it.
    Enqueued,
    /// Another process does it, and goes on.
    LeftRunning,
    Failed,
    DriftBlocked,
    TimedOut,
    Canceled,
}

impl StepStatus {
    /// The status of a step that ended with this.
    pub(super) fn of_code(failure: Option<&Failure>) -> StepStatus {
        match failure.map(|failure| failure.code) {
            None => StepStatus::Completed,
            Some(exit::DRIFT) => StepStatus::DriftBlocked,
            Some(exit::CANCELED) => StepStatus::Canceled,
            Some(exit::TIMED_OUT) => StepStatus::TimedOut,
            Some(_) => StepStatus::Failed,
        }
    }
}

impl Step {
    pub(super) fn skipped(step: &'static str, why: &str) -> Step {
        Step {
            step,
            status: StepStatus::Skipped,
            reason: Some(why.to_owned()),
        }
    }

    pub(super) fn ended(step: &'static str, status: StepStatus, failure: Option<&Failure>) -> Step {
        Step {
            step,
            status,
            reason: failure.map(|failure| failure.message.clone()),
        }
    }

    pub(super) fn of(step: &'static str, ended: &Result<(), Failure>) -> Step {
        let failure = ended.as_ref().err();
        Step::ended(step, StepStatus::of_code(failure), failure)
    }
}

/// The last line of `deploy --json`: that of `up`, and what became of every step.
#[derive(Debug, Serialize)]
pub(super) struct End<'r> {
    #[serde(flatten)]
    run: RunEnd<'r>,
    steps: &'r [Step],
    /// How they stand; empty when none are declared or that step was not reached.
    aggregates: &'r [AggregateStatus],
    /// What did not go as it should and was let pass.
    warnings: &'r [String],
}

impl<'r> End<'r> {
    pub(super) fn of(
        run: Option<&'r Report>,
        steps: &'r [Step],
        aggregates: &'r [AggregateStatus],
        warnings: &'r [String],
        failure: Option<&'r Failure>,
    ) -> Self {
        let mut end = match (run, failure) {
            (Some(report), _) => RunEnd::of_report(report),
            (None, Some(failure)) => RunEnd::of_failure(failure, Some("up")),
            (None, None) => RunEnd::nothing_to_do("up"),
        };
        if let Some(failure) = failure {
            end.error = Some(failure.message.clone());
        }
        // The truth, whether or not it was let pass: a run status that is that of the worst step.
        if let Some(worst) = steps.iter().find_map(|step| worse(step.status)) {
            end.status = worst.as_str();
        }
        End {
            run: end,
            steps,
            aggregates,
            warnings,
        }
    }
}

/// The run status of a step that did not end well.
fn worse(status: StepStatus) -> Option<RunStatus> {
    match status {
        StepStatus::Failed => Some(RunStatus::Failed),
        StepStatus::DriftBlocked => Some(RunStatus::DriftBlocked),
        StepStatus::TimedOut | StepStatus::Canceled => Some(RunStatus::Canceled),
        StepStatus::LeftRunning => Some(RunStatus::Running),
        StepStatus::Completed | StepStatus::Skipped | StepStatus::Enqueued => None,
    }
}

/// The one question: where, what is run there, what is applied, and to how many documents.
pub(super) fn question(target: &Target, command: Option<&str>, ahead: &Ahead) -> String {
    let mut text = format!("deploy to {}:\n", paint(BOLD, target.shown()));
    if let Some(command) = command {
        let _ = writeln!(text, "  run `{}`", secret::mask_command(command));
    }
    match &ahead.run {
        RunAhead::Nothing => text.push_str("  apply no migrations\n"),
        RunAhead::Unknown => text.push_str("  apply what is pending, which is not known yet\n"),
        RunAhead::Known(preview) => text.push_str(&plan(preview)),
    }
    for aggregate in &ahead.aggregates {
        let name = paint(BOLD, &aggregate.name);
        let _ = writeln!(text, "  build the aggregate {name} of {}", aggregate.table);
    }
    text.push_str("go on?");
    text
}

/// What a run would do, line by line.
fn plan(preview: &Preview) -> String {
    let mut text = String::new();
    for drift in &preview.drift {
        let message = format!("let pass: {}", drift.message);
        let _ = writeln!(text, "  {}", paint(YELLOW, message));
    }
    for migration in preview.work.iter().take(NAMED) {
        let verb = if migration.is_begun {
            "go on with"
        } else {
            "apply"
        };
        let extent = match migration.documents {
            Some(count) => format!("{}, about {}", migration.table, documents(count)),
            None => migration.table.clone(),
        };
        let _ = writeln!(
            text,
            "  {verb} {} {}\n    {}",
            paint(BOLD, migration.id),
            paint(DIM, format!("({extent})")),
            migration.description
        );
    }
    match preview.work.len() {
        0 => text.push_str("  no migration is pending\n"),
        count if count > NAMED => {
            let _ = writeln!(text, "  and {} more", migrations(count - NAMED));
        }
        _ => {}
    }
    text
}

/// What became of the deploy, in a line for each step.
pub(super) fn words(target: &str, steps: &[Step], is_good: bool) -> String {
    if !is_good {
        return String::new();
    }
    let mut text = paint(GREEN, format!("deployed to {target}"));
    for step in steps {
        let status = match step.status {
            StepStatus::Completed => "done",
            StepStatus::Skipped => "skipped",
            StepStatus::Enqueued => "left to a worker",
            StepStatus::LeftRunning => "left running",
            StepStatus::Failed => "failed",
            StepStatus::DriftBlocked => "blocked by drift",
            StepStatus::TimedOut => "timed out",
            StepStatus::Canceled => "canceled",
        };
        let status = match worse(step.status) {
            Some(_) => paint(YELLOW, status),
            None => status.to_owned(),
        };
        let why = match (&step.reason, step.status) {
            (Some(why), StepStatus::Skipped) => format!(" {}", paint(DIM, format!("({why})"))),
            _ => String::new(),
        };
        let _ = write!(text, "\n  {:10} {status}{why}", step.step);
    }
    text
}
