//! Executing one step: workers lease ranges of its keys and visit them, batch after batch, each in one transaction.

use super::open::{Opened, end_unopened, in_transaction, join, open};
use super::plan::Work;
use super::run::Drive;
use super::visit::Execution;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, Progress, RunStatus, StateStatus};
use crate::manifest::WriteMode;
use crate::migrator::Difference;
use crate::store::Session;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What became of a step.
pub(crate) struct StepEnd {
    pub status: RunStatus,
    pub progress: Progress,
    pub error: Option<Error>,
    pub sample: Vec<Difference>,
}

/// What the workers of a step share.
pub(super) struct Step<'d, 'm> {
    pub(super) drive: &'d Drive<'m>,
    pub(super) work: &'d Work,
    pub(super) opened: Opened,
    /// Position in the run's plan.
    pub(super) index: usize,
    /// Whether the run ends with this step.
    pub(super) last: bool,
    /// How far the step is, as far as this process knows.
    tally: Mutex<Progress>,
    /// One of the workers has stopped the step: the others are not to begin another batch.
    stop: AtomicBool,
    /// Ranges of a dry run that are taken.
    pub(super) taken: AtomicUsize,
    sample: Mutex<Vec<Difference>>,
}

impl<'d, 'm> Step<'d, 'm> {
    fn new(drive: &'d Drive<'m>, work: &'d Work, opened: Opened, index: usize, last: bool) -> Self {
        Step {
            drive,
            work,
            tally: Mutex::new(opened.progress),
            opened,
            index,
            last,
            stop: AtomicBool::new(false),
            taken: AtomicUsize::new(0),
            sample: Mutex::new(Vec::new()),
        }
    }

    /// How far the step is, as far as this process knows.
    pub(super) fn tally(&self) -> Progress {
        *self.tally_to_change()
    }

    /// A worker that panicked has not left it half written.
    pub(super) fn tally_to_change(&self) -> MutexGuard<'_, Progress> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sample(&self) -> MutexGuard<'_, Vec<Difference>> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the workers of this process are to stop after the batch in hand.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// Executes a step to its end and gives the session back. `last` says whether the run ends with it.
pub(crate) fn execute(
    drive: &Drive<'_>,
    mut session: Box<dyn Session>,
    work: &Work,
    index: usize,
    last: bool,
) -> (Box<dyn Session>, Result<StepEnd>) {
    match open(drive, &mut *session, work) {
        Ok(opened) => {
            let step = Step::new(drive, work, opened, index, last);
            step.tell_start();
            step.visit(session)
        }
        Err(error) => {
            let id = work.migration.id;
            let error = error.context(format!(
                "migration {id} ({}) could not begin",
                drive.request.direction
            ));
            let end = end_unopened(drive, &mut *session, work, error);
            (session, end)
        }
    }
}

/// Helps with a step that somebody else drives, until there is nothing to help with. Says whether there was.
pub(crate) fn help(
    drive: &Drive<'_>,
    mut session: Box<dyn Session>,
    work: &Work,
    index: usize,
    last: bool,
) -> Result<bool> {
    let Some(opened) = join(drive, &mut *session, work)? else {
        return Ok(false);
    };
    let step = Step::new(drive, work, opened, index, last);
    step.tell_start();
    match step.visit(session).1 {
        Err(error) if !error.is_lease_lost() => Err(error),
        _ => Ok(true),
    }
}

/// How a worker's part in a step ended.
pub(super) enum Part {
    /// There is nothing left to visit.
    Over,
    /// The run was asked to stop, and this worker has recorded that.
    Canceled,
    /// This worker was asked to leave; the run goes on without it.
    Left,
    /// This worker failed, and has recorded that.
    Failed(Error),
}

impl Step<'_, '_> {
    /// Visits the step's documents with as many workers as were asked for.
    fn visit(&self, session: Box<dyn Session>) -> (Box<dyn Session>, Result<StepEnd>) {
        let (mut session, parts) = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.workers())
                .map(|_| scope.spawn(|| self.another_worker()))
                .collect();
            let (session, part) = Execution::new(self, session, true).work();
            let mut parts = vec![part];
            for other in others {
                parts.push(other.join().unwrap_or_else(|_| {
                    let text = "a worker's thread panicked; its message is above";
                    Err(Error::step(text))
                }));
            }
            (session, parts)
        });
        let end = self.end(&mut *session, parts);
        if let Err(error) = session.fire_triggers(true) {
            tracing::warn!(error = %error.chain(), "triggers could not be switched on again");
        }
        (session, end)
    }

    /// A dry run tries documents one after another.
    fn workers(&self) -> u32 {
        match self.drive.request.dry_run {
            true => 1,
            false => self.drive.request.workers,
        }
    }

    /// One more worker, on a connection of its own. Without one the others do its part.
    fn another_worker(&self) -> Result<Part> {
        let connected = self.drive.migrator.store.connect().and_then(|mut session| {
            session.fire_triggers(self.work.step.write_mode == WriteMode::Normal)?;
            Ok(session)
        });
        match connected {
            Ok(session) => Execution::new(self, session, false).work().1,
            Err(error) => {
                let message = format!("one worker fewer: {}", error.chain());
                self.drive.tell(Event::Warning { message });
                Ok(Part::Over)
            }
        }
    }

    /// What the step came to, whoever brought it to its end.
    fn end(&self, session: &mut dyn Session, parts: Vec<Result<Part>>) -> Result<StepEnd> {
        let end = |status, error| StepEnd {
            status,
            progress: self.tally(),
            error,
            sample: std::mem::take(&mut *self.sample()),
        };
        if self.drive.request.dry_run {
            // It has one worker.
            return match parts.into_iter().next() {
                Some(Ok(Part::Failed(error))) => Ok(end(RunStatus::Failed, Some(error))),
                Some(Ok(Part::Canceled)) => Ok(end(RunStatus::Canceled, None)),
                Some(Err(error)) => Err(error),
                _ => {
                    self.tell_completed();
                    Ok(end(RunStatus::DryRun, None))
                }
            };
        }
        let stored = in_transaction(self.drive, session, |session| {
            let run = history::load_run(session, &self.drive.run_id)?;
            Ok((run, history::load_state(session, self.work.migration.id)?))
        });
        // Whoever was asked to stop by the very last batch has nothing left to stop.
        if let Ok((_, Some(state))) = &stored {
            *self.tally_to_change() = Progress::of(state);
            let over = [StateStatus::Completed, StateStatus::Pending].contains(&state.status);
            if over && state.run_id == *self.drive.run_id {
                self.tell_completed();
                return Ok(end(RunStatus::Completed, None));
            }
        }
        let mut lost = None;
        let mut left = false;
        for part in parts {
            match part {
                Ok(Part::Failed(error)) => return Ok(end(RunStatus::Failed, Some(error))),
                Ok(Part::Canceled) => return Ok(end(RunStatus::Canceled, None)),
                Ok(Part::Left) => left = true,
                Ok(Part::Over) => {}
                Err(error) => lost = Some(error),
            }
        }
        let (run, _) = stored?;
        match run.map(|run| (run.status, run.last_error)) {
            Some((RunStatus::Canceled, _)) if lost.is_none() => Ok(end(RunStatus::Canceled, None)),
            Some((RunStatus::Failed, why)) if lost.is_none() => {
                let why = why.unwrap_or_else(|| "another worker failed".into());
                Ok(end(RunStatus::Failed, Some(Error::step(why))))
            }
            _ if left => Ok(end(RunStatus::Pending, None)),
            _ => Err(lost.unwrap_or_else(|| {
                Error::new(
                    ErrorKind::LeaseLost,
                    format!("run {} goes on without this process", self.drive.run_id),
                )
            })),
        }
    }

    fn tell_start(&self) {
        let table = &self.opened.table;
        let bypassed = self.work.step.write_mode == WriteMode::SafeBypass;
        let Progress {
            total, processed, ..
        } = self.tally();
        self.drive.tell(Event::StepStarted {
            migration_id: self.work.migration.id.to_owned(),
            table: table.name.clone(),
            total,
            processed,
            bypassed_triggers: if bypassed {
                table.triggers.clone()
            } else {
                Vec::new()
            },
        });
    }

    fn tell_completed(&self) {
        let Progress {
            processed, changed, ..
        } = self.tally();
        self.drive.tell(Event::StepCompleted {
            migration_id: self.work.migration.id.to_owned(),
            processed,
            changed,
        });
    }
}
