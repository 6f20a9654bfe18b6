//! A worker: drives runs that nobody drives, and helps with those that somebody does.

use super::lease::Holder;
use super::poller::Poller;
use super::retry::Patience;
use super::run::{Attempt, Drive, attempt};
use super::status::is_live;
use super::step;
use crate::aggregate;
use crate::engine::plan::{Begin, Work};
use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, Direction, RunRow, RunStatus};
use crate::migrator::{CancelToken, Migrator, Run};
use crate::store::Limit;
use crate::worker::WorkerReport;
use backon::{BackoffBuilder, ExponentialBuilder};
use std::time::{Duration, Instant};

/// What a worker was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// How many workers of this process visit documents; `None` does as the run says.
    pub workers: Option<u32>,
    /// Return when there is nothing to do, instead of waiting for something.
    pub until_idle: bool,
    /// Asks to stop after the batch in hand.
    pub stop: CancelToken,
}

/// What a look at the database tells a worker to do.
enum Errand {
    /// Nobody drives this run.
    Drive(Run),
    /// Somebody drives this run and could do with help.
    Help(Box<RunRow>),
    Nothing,
}

/// Works until asked to stop, or until there is nothing to do.
pub(crate) fn work(
    migrator: &Migrator,
    request: &Request,
    runtime: Option<&tokio::runtime::Handle>,
) -> Result<WorkerReport> {
    let runtime = Poller::new(runtime)?;
    let mut worker = Working {
        migrator,
        request,
        runtime: &runtime,
        report: WorkerReport::default(),
        refused: None,
        idle: false,
    };
    let mut pauses = pauses();
    while !request.stop.is_canceled() {
        // A database that is away comes back; an app's worker waits for it.
        let busy = match worker.errand() {
            Ok(errand) => worker.run_errand(errand),
            Err(error) => Err(error),
        };
        match busy {
            Ok(true) => {
                worker.idle = false;
                pauses = self::pauses();
            }
            Ok(false) if request.until_idle => break,
            Ok(false) => worker.wait(&mut pauses),
            Err(error) if error.is_busy() && !request.until_idle => {
                let message = error.chain();
                (migrator.observer)(&Event::Warning { message });
                worker.wait(&mut pauses);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(worker.report)
}

fn pauses() -> backon::ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(10))
        .with_factor(1.5)
        .with_jitter()
        .without_max_times()
        .build()
}

struct Working<'w> {
    migrator: &'w Migrator,
    request: &'w Request,
    runtime: &'w Poller,
    report: WorkerReport,
    /// The run that was refused last: that is said once.
    refused: Option<String>,
    idle: bool,
}

impl Working<'_> {
    fn errand(&mut self) -> Result<Errand> {
        let mut session = self.migrator.store.connect()?;
        let patience = Patience::new(Duration::from_secs(30));
        let history = patience.repeat(|| history::load(&mut *session))?;
        let Some(run) = history.active() else {
            return Ok(Errand::Nothing);
        };
        if run.manifest_digest != self.migrator.manifest.digest() {
            self.refuse(run);
            return Ok(Errand::Nothing);
        }
        let driven = run.status == RunStatus::Running && is_live(run);
        if driven {
            let one = self.migrator.limits().contains(&Limit::OneWriter);
            return Ok(match one {
                true => Errand::Nothing,
                false => Errand::Help(Box::new(run.clone())),
            });
        }
        let options = history::load_options(&mut *session, &run.run_id)?;
        let mut request = Run::of_row(run, options.as_deref().unwrap_or("{}"))?;
        request.workers = self.workers(request.workers);
        Ok(Errand::Drive(request))
    }

    fn workers(&self, of_run: u32) -> u32 {
        match self.migrator.limits().contains(&Limit::OneWriter) {
            true => 1,
            false => self.request.workers.unwrap_or(of_run).max(1),
        }
    }

    /// A run executes the code it was planned with (P5).
    fn refuse(&mut self, run: &RunRow) {
        if self.refused.as_ref() == Some(&run.run_id) {
            return;
        }
        self.refused = Some(run.run_id.clone());
        self.report.refused += 1;
        let short = |digest: &str| digest.chars().take(15).collect::<String>();
        (self.migrator.observer)(&Event::WorkerRefused {
            run_id: run.run_id.clone(),
            reason: format!(
                "run {} was planned with other migrations (manifest {}) than this worker is built from ({}); start a worker of the build that planned it, or end it with `cancel`",
                run.run_id,
                short(&run.manifest_digest),
                short(self.migrator.manifest.digest()),
            ),
        });
    }

    /// Says whether there was something to do.
    fn run_errand(&mut self, errand: Errand) -> Result<bool> {
        match errand {
            Errand::Nothing => self.build_aggregates(),
            Errand::Drive(request) => self.drive(&request),
            Errand::Help(run) => self.help(&run),
        }
    }

    fn drive(&mut self, request: &Run) -> Result<bool> {
        let attempt = attempt(self.migrator, request, self.runtime, &self.request.stop);
        match attempt {
            Ok(Attempt::Ended(report)) if report.status == RunStatus::Noop => Ok(false),
            Ok(Attempt::Ended(report)) => {
                self.report.driven += 1;
                self.report.last = Some(report);
                Ok(true)
            }
            // Somebody was faster.
            Ok(Attempt::Follow(_)) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::LeaseLost | ErrorKind::RunActive) => {
                let message = error.chain();
                (self.migrator.observer)(&Event::Warning { message });
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn help(&mut self, run: &RunRow) -> Result<bool> {
        let at = usize::try_from(run.current_index).unwrap_or(usize::MAX);
        let migration = run
            .migration_ids
            .get(at)
            .and_then(|id| self.migrator.manifest.get(id));
        let step = migration.and_then(|migration| match run.direction {
            Direction::Up => Some(&migration.up),
            Direction::Down => migration.down.as_ref(),
        });
        let (Some(migration), Some(step)) = (migration, step) else {
            return Ok(false);
        };
        let session = self.migrator.store.connect()?;
        let options = {
            let mut session = self.migrator.store.connect()?;
            history::load_options(&mut *session, &run.run_id)?
        };
        let mut request = Run::of_row(run, options.as_deref().unwrap_or("{}"))?;
        request.workers = self.workers(1);
        let holder = Holder::new()?;
        let drive = Drive {
            migrator: self.migrator,
            request: &request,
            run_id: run.run_id.as_str().into(),
            fence: None,
            holder: Some(&holder),
            runtime: self.runtime,
            leave: self.request.stop.clone(),
        };
        let work = Work {
            migration,
            step,
            begin: Begin::Resume,
        };
        let last = at + 1 == run.migration_ids.len();
        let helped = step::help(&drive, session, &work, at, last)?;
        self.report.helped += u64::from(helped);
        Ok(helped)
    }

    /// Builds the aggregates that somebody left to a worker. Says whether it built one.
    fn build_aggregates(&mut self) -> Result<bool> {
        let report = aggregate::build_requested(self.migrator, &self.request.stop)?;
        let Some(report) = report else {
            return Ok(false);
        };
        if let Some(message) = report.error {
            (self.migrator.observer)(&Event::Warning { message });
            return Ok(false);
        }
        self.report.built += 1;
        Ok(true)
    }

    /// Waits for something to do; whoever asks us to stop cuts that short.
    fn wait(&mut self, pauses: &mut backon::ExponentialBackoff) {
        const LOOK: Duration = Duration::from_millis(50);
        if !std::mem::replace(&mut self.idle, true) {
            (self.migrator.observer)(&Event::WorkerIdle);
        }
        let until = Instant::now() + pauses.next().unwrap_or(Duration::from_secs(10));
        while Instant::now() < until && !self.request.stop.is_canceled() {
            std::thread::sleep(LOOK);
        }
    }
}
