//! Executing one step: batch after batch until the last, each in one transaction.

use super::failing::of_a_document;
use super::open::{Opened, end_unopened, open};
use super::pace::Pace;
use super::passes::{pass_filter, refuse_endless_growth};
use super::plan::Work;
use super::retry::{Patience, gave_up};
use super::run::Drive;
use super::state::{Happening, Standing, next};
use crate::batch::{Batch, Redo};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::history::{self, Progress, RangeRow, RunStatus};
use crate::manifest::{Locking, OnError, StepFunction, WriteMode};
use crate::migrator::Difference;
use crate::store::{Limit, Page, Session};
use crate::value::Key;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What became of a step.
pub(crate) struct StepEnd {
    pub status: RunStatus,
    pub progress: Progress,
    pub error: Option<Error>,
    pub sample: Vec<Difference>,
}

/// How many differences a dry run shows per migration.
const SAMPLE: usize = 5;

/// Executes a step to its end and gives the session back. `last` says whether the run ends with it.
pub(crate) fn execute(
    drive: &Drive<'_>,
    session: Box<dyn Session>,
    work: &Work,
    index: usize,
    last: bool,
) -> (Box<dyn Session>, Result<StepEnd>) {
    let mut session = session;
    match open(drive, &mut *session, work) {
        Ok(opened) => {
            let (mut session, end) =
                Execution::new(drive, session, work, opened, index, last).run_out();
            if let Err(error) = session.fire_triggers(true) {
                tracing::warn!(error = %error.chain(), "triggers could not be switched on again");
            }
            (session, end)
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

/// A step between its first batch and its last.
pub(super) struct Execution<'d, 'm> {
    pub(super) drive: &'d Drive<'m>,
    pub(super) work: &'d Work,
    pub(super) batch: Batch,
    pub(super) pace: Pace,
    pub(super) range: RangeRow,
    pub(super) standing: Standing,
    pub(super) progress: Progress,
    /// Documents matching `remaining` when the last pass began: a pass that helps none is the last.
    pub(super) remaining: Option<u64>,
    /// Documents visited in this pass that still match `remaining`.
    pub(super) stuck: u64,
    pub(super) sample: Vec<Difference>,
    /// Whether documents are written one by one for good.
    pub(super) one_by_one: bool,
    /// Whether rows are locked as they are read, in every batch.
    pub(super) locks: bool,
    /// How long the last batch's transaction lasted before its commit, and its commit.
    pub(super) work_took: Duration,
    pub(super) commit_took: Duration,
    /// Position in the run's plan.
    pub(super) index: usize,
    /// Whether the run ends with this step.
    pub(super) last: bool,
}

/// What one batch came to.
pub(super) enum Outcome {
    /// Committed, and there are more documents.
    More,
    /// Committed, and it was the last.
    Last,
    /// Not begun: the run was asked to stop.
    Canceled,
}

impl<'d, 'm> Execution<'d, 'm> {
    fn new(
        drive: &'d Drive<'m>,
        session: Box<dyn Session>,
        work: &'d Work,
        opened: Opened,
        index: usize,
        last: bool,
    ) -> Self {
        let Opened {
            table,
            columns,
            fields,
            range,
            standing,
            progress,
        } = opened;
        let request = drive.request;
        let mut ctx = Ctx::new(
            session,
            work.migration,
            table.clone(),
            Arc::new(drive.migrator.hooks.clone()),
        );
        ctx.run_id = drive.run_id.clone();
        ctx.direction = request.direction;
        ctx.dry_run = request.dry_run;
        ctx.write_mode = work.step.write_mode;
        let filter = pass_filter(work, range.pass).map(str::to_owned);
        let hooked = ctx.write_mode == WriteMode::Normal && !ctx.hooks.of(&table.name).is_empty();
        // Hooks look at rows as they are. Where nobody else writes meanwhile there is nothing to guard against.
        let locks = hooked
            || work.step.locking == Locking::Rows
            || drive.migrator.limits().contains(&Limit::NoRowLocks);
        let page = Page {
            table,
            columns,
            filter,
            after: range.cursor.clone(),
            until: range.until.clone(),
            limit: 0,
            lock: locks,
        };
        let exact = work.step.batch_size.or(request.batch_size);
        let pause = request
            .pause
            .unwrap_or_else(|| drive.migrator.store.default_pause());
        let pace = Pace::new(exact, request.start_batch_size, request.target_batch, pause)
            .rows_per_second(request.rows_per_second)
            .full_speed(request.full_speed);
        let batch = Batch::new(ctx, page, fields);
        Execution {
            drive,
            work,
            batch,
            pace,
            range,
            standing,
            progress,
            remaining: None,
            stuck: 0,
            sample: Vec::new(),
            one_by_one: false,
            locks,
            work_took: Duration::ZERO,
            commit_took: Duration::ZERO,
            index,
            last,
        }
    }

    fn run_out(mut self) -> (Box<dyn Session>, Result<StepEnd>) {
        self.tell_start();
        let end = self.batches();
        let end = match end {
            Ok(status) => Ok((status, None)),
            Err(error) if error.is_lease_lost() => Err(error),
            Err(error) => Ok((RunStatus::Failed, Some(self.explain(error)))),
        };
        let end = end.map(|(status, error)| {
            self.record_end(status, error.as_ref());
            let sample = std::mem::take(&mut self.sample);
            StepEnd {
                status,
                progress: self.progress,
                error,
                sample,
            }
        });
        (self.batch.ctx.session, end)
    }

    fn tell_start(&self) {
        let table = &self.batch.page.table;
        let bypassed = self.work.step.write_mode == WriteMode::SafeBypass;
        self.drive.tell(Event::StepStarted {
            migration_id: self.work.migration.id.to_owned(),
            table: table.name.clone(),
            total: self.progress.total,
            processed: self.progress.processed,
            bypassed_triggers: if bypassed {
                table.triggers.clone()
            } else {
                Vec::new()
            },
        });
    }

    /// Batch after batch.
    fn batches(&mut self) -> Result<RunStatus> {
        loop {
            if self.drive.request.cancel.is_canceled() {
                return Ok(RunStatus::Canceled);
            }
            let started = Instant::now();
            let outcome = self.batch_with_patience()?;
            let took = started.elapsed();
            match outcome {
                Outcome::Canceled => return Ok(RunStatus::Canceled),
                Outcome::More => {
                    let documents = self.batch.ctx.keys.len();
                    self.tell_batch(documents, took);
                    self.pace.took(documents, self.work_took, self.commit_took);
                    self.pause(self.pace.pause(documents, took));
                }
                Outcome::Last => {
                    self.tell_batch(self.batch.ctx.keys.len(), took);
                    return Ok(if self.drive.request.dry_run {
                        RunStatus::DryRun
                    } else {
                        RunStatus::Completed
                    });
                }
            }
        }
    }

    /// Leaves the database to others; a cancel cuts a long pause short.
    fn pause(&self, pause: Duration) {
        const LOOK: Duration = Duration::from_millis(50);
        let until = Instant::now() + pause;
        while let Some(left) = until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            if self.drive.request.cancel.is_canceled() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn tell_batch(&self, documents: usize, took: Duration) {
        self.drive.tell(Event::BatchCommitted {
            migration_id: self.work.migration.id.to_owned(),
            processed: self.progress.processed,
            changed: self.progress.changed,
            total: self.progress.total,
            batch: documents,
            took,
        });
    }

    /// One batch, tried again while the database is busy, and redone one document at a time where that is noticeable.
    fn batch_with_patience(&mut self) -> Result<Outcome> {
        let mut patience = Patience::new(self.drive.request.lock_timeout);
        loop {
            let error = match self.one_batch() {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            self.batch.ctx.session.rollback();
            if let Some(redo) = self.batch.redo {
                self.redo(redo);
            } else if error.is_busy() {
                let Some(pause) = patience.pause() else {
                    return Err(gave_up(error, self.drive.request.lock_timeout));
                };
                self.pace.timed_out();
                self.drive.tell(Event::Retrying {
                    migration_id: self.work.migration.id.to_owned(),
                    reason: error.chain(),
                    pause,
                });
                std::thread::sleep(pause);
            } else if self.work.step.on_error == OnError::Quarantine && of_a_document(&error) {
                return self.around_the_failing_document(error);
            } else {
                return Err(error);
            }
        }
    }

    /// Prepares for doing the batch again.
    fn redo(&mut self, redo: Redo) {
        match redo {
            Redo::OneByOne => (self.one_by_one, self.batch.eager) = (true, true),
            Redo::OneByOneOnce => self.batch.eager = true,
            Redo::Locked => {}
        }
        // Whoever does it again does it with nobody in between.
        self.batch.page.lock = true;
    }

    fn one_batch(&mut self) -> Result<Outcome> {
        let limit = self.pace.size();
        self.batch_of(limit)
    }

    /// The transaction: fence, page, step, patches, cursor, commit.
    pub(super) fn batch_of(&mut self, limit: usize) -> Result<Outcome> {
        self.batch.reset();
        self.batch.page.limit = limit;
        self.batch.page.after.clone_from(&self.range.cursor);
        if self.drive.request.dry_run {
            self.batch.sample = SAMPLE.saturating_sub(self.sample.len());
        }
        self.batch.ctx.session.begin()?;
        let begun = Instant::now();
        if let Some(fence) = &self.drive.fence
            && history::fence(&mut *self.batch.ctx.session, fence)?
        {
            self.batch.ctx.session.rollback();
            return Ok(Outcome::Canceled);
        }
        if let Err(error) = self.call_step() {
            return Err(self.batch.first_failure(error));
        }
        let documents = self.batch.ctx.keys.len();
        let cursor = self.batch.ctx.keys.last().cloned();
        // A page that ends with the last key of the range is the last one, however full it is.
        let reached = cursor.is_some() && cursor == self.range.until;
        let more = !reached && (documents == limit || self.batch.truncated);
        let done = Progress {
            processed: self.progress.processed + self.batch.processed,
            changed: self.progress.changed + self.batch.ctx.changed,
            ..self.progress
        };
        self.commit(cursor, done, more, begun)
    }

    /// Calls the generated function; a panic in it is a failure like any other.
    fn call_step(&mut self) -> Result<()> {
        let (batch, runtime) = (&mut self.batch, self.drive.runtime);
        let function = self.work.step.function;
        let called = catch_unwind(AssertUnwindSafe(|| match function {
            StepFunction::Sync(function) => function(batch),
            StepFunction::Async(function) => runtime.block_on(function(batch)),
        }));
        called.unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Error::step(format!(
                "the step panicked: {}",
                text.as_deref().unwrap_or("without a message")
            )))
        })
    }

    /// Moves the cursor and commits; what the step now remembers is only set once that has succeeded.
    pub(super) fn commit(
        &mut self,
        cursor: Option<Key>,
        mut progress: Progress,
        more: bool,
        begun: Instant,
    ) -> Result<Outcome> {
        let mut range = RangeRow {
            cursor: cursor.or_else(|| self.range.cursor.clone()),
            ..self.range.clone()
        };
        let stuck = self.stuck + self.still_matching()?;
        let (more, remaining) = if more {
            (true, self.remaining)
        } else {
            self.next_pass(&mut range, &mut progress, stuck)?
        };
        refuse_endless_growth(self.work, &progress)?;
        let happening = if more {
            Happening::Batch
        } else {
            Happening::LastBatch
        };
        let standing = next(self.standing, happening).ok_or_else(|| {
            Error::schema(format!(
                "{happening:?} cannot happen to {:?}",
                self.standing
            ))
        })?;
        if self.drive.request.dry_run {
            self.sample.append(&mut self.batch.differences);
            self.work_took = begun.elapsed();
            self.batch.ctx.session.rollback();
        } else {
            self.write_history(&range, progress, standing, more)?;
            self.work_took = begun.elapsed();
            self.commit_with_patience()?;
            self.commit_took = begun.elapsed() - self.work_took;
        }
        (self.batch.page.lock, self.batch.eager) = (self.locks, self.one_by_one);
        self.batch.page.filter = pass_filter(self.work, range.pass).map(str::to_owned);
        self.batch.page.until.clone_from(&range.until);
        self.stuck = if range.pass == self.range.pass {
            stuck
        } else {
            0
        };
        (self.range, self.progress, self.remaining) = (range, progress, remaining);
        // A dry run stands where it stood: nothing is applied.
        self.standing = if self.drive.request.dry_run {
            self.standing
        } else {
            standing
        };
        Ok(if more { Outcome::More } else { Outcome::Last })
    }

    fn write_history(
        &mut self,
        range: &RangeRow,
        progress: Progress,
        standing: Standing,
        more: bool,
    ) -> Result<()> {
        let id = self.work.migration.id;
        let session = &mut *self.batch.ctx.session;
        if range.pass != self.range.pass {
            history::next_pass(session, id, range)?;
        }
        history::advance(session, id, standing, range.cursor.as_ref(), progress)?;
        if more {
            return Ok(());
        }
        history::end_step(session, id, standing, None)?;
        history::next_migration(session, &self.drive.run_id, self.index + 1)?;
        if self.last {
            history::end_run(session, &self.drive.run_id, RunStatus::Completed, None)?;
        }
        Ok(())
    }

    /// In rollback-journal mode a commit waits for readers; the transaction stays open meanwhile.
    fn commit_with_patience(&mut self) -> Result<()> {
        let session = &mut self.batch.ctx.session;
        Patience::new(self.drive.request.lock_timeout).repeat(|| session.commit())
    }
}
