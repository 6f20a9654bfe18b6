//! The third step: aggregates, since what `up` rewrote past their triggers made them `STALE`.

use super::report::{Step, StepStatus};
use super::{Deploy, decide};
use crate::aggregate::{AggregateReport, AggregateState, AggregateStatus, Backfill};
use crate::cli::aggregate;
use crate::cli::config::Enabled;
use crate::cli::exit::{self, Failure};
use crate::cli::progress::Progress;
use crate::cli::settings::{JobSettings, Origin};
use crate::history::RunStatus;
use crate::migrator::Migrator;
use std::time::Duration;
use tokio::time::timeout;

/// How long the batch in hand has to come to its end when time is up; after that it is left to be rolled back.
const GRACE: Duration = Duration::from_secs(30);

/// The declared aggregates that are to be built.
pub(super) async fn to_build(migrator: &Migrator) -> Result<Vec<AggregateStatus>, Failure> {
    let mut statuses = migrator.aggregate_status().await?;
    statuses.retain(|status| status.declared && status.state != Some(AggregateState::Ready));
    Ok(statuses)
}

impl Deploy {
    /// The third step. When migrations were left to a worker, so are aggregates: they would be `STALE` before long.
    pub(super) async fn aggregate(&mut self, after_a_worker: bool) -> Result<(), Failure> {
        let job = self.settings.aggregates.clone();
        let (step, end) = match self.build(&job, after_a_worker).await {
            Ok(None) => {
                let off = decide::left_out(&job, true, "");
                let why = off.unwrap_or_else(|| "none are declared".to_owned());
                (Step::skipped("aggregates", &why), Ok(()))
            }
            Ok(Some(report)) => {
                let end = judge(&report);
                let status = match (&end, report.status) {
                    (Err(failure), _) => StepStatus::of_code(Some(failure)),
                    (Ok(()), RunStatus::Pending) => StepStatus::Enqueued,
                    (Ok(()), _) => StepStatus::Completed,
                };
                let words = aggregate::words(&report, &self.target.shown());
                self.session.output.result(&words);
                let step = Step::ended("aggregates", status, end.as_ref().err());
                self.aggregates = report.aggregates;
                (step, end)
            }
            Err(failure) => {
                let step = Step::of("aggregates", &Err(failure.clone()));
                (step, Err(failure))
            }
        };
        self.steps.push(step);
        self.let_pass(end, job.strict.value)
    }

    /// Builds what is declared; `None` when nothing is, or when it is not wanted.
    async fn build(
        &mut self,
        job: &JobSettings,
        after_a_worker: bool,
    ) -> Result<Option<AggregateReport>, Failure> {
        if job.enabled.value == Enabled::Off {
            return Ok(None);
        }
        let migrator = self.connect().await?;
        let statuses = migrator.aggregate_status().await?;
        if !job.allow_drift.value {
            for status in statuses.iter().filter(|status| !status.declared) {
                self.warn(format!(
                    "the aggregate {} of {} is kept up and not declared by this program; `aggregate prune` removes it",
                    status.name, status.table
                ));
            }
        }
        if !statuses.iter().any(|status| status.declared) {
            return Ok(None);
        }
        let token = self.stop.new_run();
        let request = request(job, after_a_worker).cancel_on(&token);
        let progress = Progress::new(self.session.output, "building");
        let building = aggregate::drive(&migrator, request, &progress);
        match timeout(job.timeout().saturating_add(GRACE), building).await {
            Ok(report) => report.map(Some),
            Err(_) => Err(Failure::new(
                exit::TIMED_OUT,
                format!(
                    "the aggregates were not built within timeout_ms = {} ({}), nor did the batch in hand end soon after: it is left \
                     to be rolled back, and the next `deploy` or `aggregate backfill` goes on from there",
                    job.timeout_ms.value, job.timeout_ms.origin
                ),
            )),
        }
    }
}

/// The backfill that the settings ask for.
fn request(job: &JobSettings, after_a_worker: bool) -> Backfill {
    let size = job.batch_size.value.get();
    let mut request = Backfill::new()
        .start_batch_size(size)
        .poll_interval(job.poll_interval())
        .timeout(job.timeout());
    if let Origin::Flag(_) = job.batch_size.origin {
        request = request.batch_size(size);
    }
    if after_a_worker || !job.wait.value {
        request = request.detach();
    }
    request
}

/// Whether a backfill ended as it should.
fn judge(report: &AggregateReport) -> Result<(), Failure> {
    let code = aggregate::code(report);
    if code == exit::DONE {
        return Ok(());
    }
    let of_one = || {
        let errors = report.aggregates.iter().filter_map(|one| one.error.clone());
        errors.collect::<Vec<_>>().join("\n")
    };
    let message = report.error.clone().unwrap_or_else(of_one);
    let message = match message.is_empty() {
        true => format!("building aggregates ended as {}", report.status),
        false => message,
    };
    Err(Failure::new(code, message))
}
