//! The second step: `up`, for as long as the settings say.

use super::decide::{self, Verdict};
use super::report::{Step, StepStatus};
use super::{Deploy, folder};
use crate::cli::exit::{self, Failure};
use crate::cli::settings::{JobSettings, Origin};
use crate::cli::{secret, summary};
use crate::engine::{self, Preview};
use crate::error::{Error, ErrorKind};
use crate::history::RunStatus;
use crate::migrator::{Drift, Migrator, Report, Run};
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// How long the batch in hand has to come to its end when time is up; after that it is left to be rolled back.
const GRACE: Duration = Duration::from_secs(30);

/// What became of the step.
enum Outcome {
    /// There was nothing to do, or it is not wanted.
    Skipped(String),
    /// It came to its end, within its time or by being canceled when that was over.
    Ended { report: Report, timed_out: bool },
    /// Time is over, and somebody else's process goes on with the run.
    LeftRunning(String),
}

/// What the run would do; `count` asks for the number of documents, too.
pub(super) async fn preview(
    migrator: &Migrator,
    request: Run,
    count: bool,
) -> Result<Preview, Failure> {
    let preview = migrator
        .on_thread(move |migrator| engine::preview(migrator, &request, count))
        .await?;
    Ok(preview)
}

/// What differs, in words.
pub(super) fn drift(drift: &[Drift]) -> String {
    let mut text = "applied history differs from the code:".to_owned();
    for drift in drift {
        text.push_str("\n  ");
        text.push_str(&drift.message);
    }
    text.push_str(
        "\n`drift` shows what changed; --migrations-allow-drift lets this one deploy pass",
    );
    text
}

impl Deploy {
    /// The run that the settings ask for.
    pub(super) fn request(&self) -> Run {
        let job = &self.settings.migrations;
        let size = job.batch_size.value.get();
        let mut run = Run::up()
            .start_batch_size(size)
            .out_of_order(self.out_of_order)
            .poll_interval(job.poll_interval());
        if let Origin::Flag(_) = job.batch_size.origin {
            run = run.batch_size(size);
        }
        if job.allow_drift.value {
            run = run.allow_drift(self.reason.clone().unwrap_or_else(|| {
                format!("allow_drift of `deploy` ({})", job.allow_drift.origin)
            }));
        }
        if !job.wait.value {
            run = run.detach();
        }
        run
    }

    /// The second step; says whether somebody else is still to do it.
    pub(super) async fn migrate(&mut self) -> Result<bool, Failure> {
        let job = self.settings.migrations.clone();
        let outcome = self.drive(&job).await;
        let (step, end) = match outcome {
            Ok(Outcome::Skipped(why)) => (Step::skipped("migrations", &why), Ok(())),
            Ok(Outcome::LeftRunning(message)) => {
                let failure = Failure::new(exit::TIMED_OUT, message);
                let step = Step::ended("migrations", StepStatus::LeftRunning, Some(&failure));
                (step, Err(failure))
            }
            Ok(Outcome::Ended { report, timed_out }) => {
                let end = self.judge_report(&report, timed_out.then_some(job.timeout_ms.value));
                let status = match report.status {
                    _ if end.is_err() => StepStatus::of_code(end.as_ref().err()),
                    RunStatus::Pending => StepStatus::Enqueued,
                    RunStatus::Running => StepStatus::LeftRunning,
                    _ => StepStatus::Completed,
                };
                let step = Step::ended("migrations", status, end.as_ref().err());
                self.run = Some(report);
                (step, end)
            }
            Err(failure) => {
                let step = Step::of("migrations", &Err(failure.clone()));
                (step, Err(failure))
            }
        };
        let is_good =
            end.is_ok() && matches!(step.status, StepStatus::Completed | StepStatus::Skipped);
        let is_left = matches!(step.status, StepStatus::Enqueued | StepStatus::LeftRunning);
        self.steps.push(step);
        self.let_pass(end, job.strict.value)?;
        if is_good && job.enabled.value != crate::cli::config::Enabled::Off {
            self.lock();
        }
        Ok(is_left)
    }

    /// Runs it, unless there is nothing to do.
    async fn drive(&mut self, job: &JobSettings) -> Result<Outcome, Failure> {
        if let Some(why) = decide::left_out(job, true, "") {
            return Ok(Outcome::Skipped(why));
        }
        let migrator = self.connect().await?;
        // The command may have taken its time: what was looked up before it is history.
        let ahead = preview(&migrator, self.request(), false).await?;
        let work = ahead.is_blocked || !ahead.work.is_empty();
        if let Some(why) = decide::left_out(job, work, "nothing is pending") {
            return Ok(Outcome::Skipped(why));
        }
        let progress = self.progress.clone();
        let migrator = migrator.observer(move |event| progress.observe(event));
        let token = self.stop.new_run();
        let mut running = pin!(migrator.run(self.request().cancel_on(&token)));
        if let Ok(ended) = timeout(job.timeout(), &mut running).await {
            return Ok(Outcome::Ended {
                report: ended?,
                timed_out: false,
            });
        }
        token.cancel();
        self.progress
            .note("time is up (timeout_ms): stopping after this batch");
        match timeout(GRACE, &mut running).await {
            Ok(Ok(report)) => Ok(Outcome::Ended {
                report,
                timed_out: true,
            }),
            Ok(Err(error)) => left_running(error, job),
            Err(_) => Err(Failure::new(
                exit::TIMED_OUT,
                format!(
                    "the run did not end within timeout_ms = {} ({}), nor its batch in hand soon after: that batch is left to be rolled \
                     back, and the next `up` or `deploy` resumes after the last one that was committed",
                    job.timeout_ms.value, job.timeout_ms.origin
                ),
            )),
        }
    }

    /// What is said of a run that has ended, and whether that is how it should be.
    fn judge_report(&mut self, report: &Report, timed_out: Option<u64>) -> Result<(), Failure> {
        for warning in &report.warnings {
            self.warn(warning.clone());
        }
        if !report.drift.is_empty() && report.status != RunStatus::DriftBlocked {
            self.warn(format!("let pass: {}", drift(&report.drift)));
        }
        let words = summary::result(report, self.session.manifest, &self.target.shown());
        self.session.output.result(&words);
        let (code, message) = decide::of_report(report, timed_out);
        if code == exit::DONE {
            return Ok(());
        }
        let message = message
            .or_else(|| summary::problem(report, false, &[]))
            .unwrap_or_else(|| format!("the run ended as {}", report.status));
        Err(Failure::new(code, message))
    }

    /// Ends the deploy with a failure, or turns it into a warning.
    pub(super) fn let_pass(
        &mut self,
        end: Result<(), Failure>,
        strict: bool,
    ) -> Result<(), Failure> {
        let Err(failure) = end else { return Ok(()) };
        match decide::judge(failure.code, strict, self.stop.is_asked()) {
            Verdict::Fail(_) => Err(failure),
            Verdict::Warn | Verdict::Good => {
                self.warn(failure.message);
                Ok(())
            }
        }
    }

    /// Says something that is not as it should be, in both languages.
    pub(super) fn warn(&mut self, message: String) {
        let message = secret::mask_text(&message);
        self.session.output.warn(&message);
        self.warnings.push(message);
    }

    /// What production has applied is released: from now on an edit of it fails the build.
    fn lock(&mut self) {
        if !self.target.protected {
            return;
        }
        match folder::lock_released(self.session.manifest) {
            Ok(None) => self.session.output.note(
                "migrations.lock is not on this machine; run `migrate lock` where the code is, and commit it",
            ),
            Ok(Some(locked)) if locked.added.is_empty() => {}
            Ok(Some(locked)) => self.session.output.note(&locked.to_string()),
            Err(failure) => self.warn(format!("migrations.lock is not written: {}", failure.message)),
        }
    }
}

/// Somebody else's process executes the run, and goes on with it.
fn left_running(error: Error, job: &JobSettings) -> Result<Outcome, Failure> {
    if error.kind() != ErrorKind::Canceled {
        return Err(error.into());
    }
    Ok(Outcome::LeftRunning(format!(
        "timeout_ms = {} ({}) is over: {}; `status --watch` shows it",
        job.timeout_ms.value,
        job.timeout_ms.origin,
        error.chain()
    )))
}
