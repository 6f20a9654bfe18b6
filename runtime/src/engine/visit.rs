//! One worker's part in a step: range after range, batch after batch, each batch one transaction.

use super::call::call_step;
use super::failing::of_a_document;
use super::flight::Flight;
use super::heart::Heart;
use super::pace::Pace;
use super::passes::pass_filter;
use super::plan::Work;
use super::ranges::{Acquired, Watch, acquire};
use super::retry::{Patience, gave_up};
use super::run::Drive;
use super::step::{Part, Step};
use crate::batch::{Batch, Redo};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::event::Event;
use crate::history::{self, Progress, RangeFence, RangeRow, RunStatus};
use crate::manifest::{Locking, OnError, WriteMode};
use crate::store::{Limit, Page, Session};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many differences a dry run shows per migration.
const SAMPLE: usize = 5;

/// The last pass is one batch, however small batches are.
const LAST_PASS: usize = 2 * super::passes::FEW as usize;

/// One worker with what it has in hand.
pub(super) struct Execution<'s, 'd, 'm> {
    pub(super) step: &'s Step<'d, 'm>,
    pub(super) drive: &'d Drive<'m>,
    pub(super) work: &'d Work,
    pub(super) batch: Batch,
    pub(super) pace: Pace,
    /// The range in hand.
    pub(super) range: RangeRow,
    /// What entitles to it; `None` in a dry run.
    pub(super) fence: Option<RangeFence>,
    /// Whether this worker keeps the run's own lease.
    pub(super) drives: bool,
    pub(super) renewed: Instant,
    /// Documents matching `remaining` when the last pass began: a pass that helps none is the last.
    pub(super) remaining: Option<u64>,
    /// Documents visited in this pass that still match `remaining`.
    pub(super) stuck: u64,
    /// Whether nobody else is to write meanwhile: the last pass, if it comes to that.
    pub(super) closing: bool,
    /// Whether documents are written one by one for good.
    pub(super) one_by_one: bool,
    /// Whether rows are locked as they are read, in every batch.
    pub(super) locks: bool,
    /// How long the last batch's transaction lasted before its commit, and its commit.
    pub(super) work_took: Duration,
    pub(super) commit_took: Duration,
    /// The batch before, which commits by itself.
    pub(super) flight: Option<Flight>,
    /// Whether the run was asked to stop, and when that was last looked at.
    pub(super) canceled: bool,
    pub(super) looked: Instant,
}

/// What one batch came to.
pub(super) enum Outcome {
    /// Committed, and there are more documents.
    More,
    /// Committed, and it was the last of the range.
    Last,
    /// On its way: it commits by itself, and there are more documents.
    Flying,
    /// Nothing was done: again from where the range now stands.
    Again,
    /// Rolled back: the range stands elsewhere than we thought. Again from there.
    Elsewhere(Box<RangeRow>),
}

/// How a range ended for this worker.
enum RangeEnd {
    Visited,
    Part(Part),
}

impl<'s, 'd, 'm> Execution<'s, 'd, 'm> {
    pub(super) fn new(step: &'s Step<'d, 'm>, session: Box<dyn Session>, drives: bool) -> Self {
        let (drive, work) = (step.drive, step.work);
        let request = drive.request;
        let table = step.opened.table.clone();
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
        let hooked = ctx.write_mode == WriteMode::Normal && !ctx.hooks.of(&table.name).is_empty();
        // Hooks look at rows as they are. Where nobody else writes meanwhile there is nothing to guard against.
        let locks = hooked
            || work.step.locking == Locking::Rows
            || drive.migrator.limits().contains(&Limit::NoRowLocks);
        let page = Page {
            table,
            columns: step.opened.columns.clone(),
            filter: None,
            after: None,
            until: None,
            limit: 0,
            lock: locks,
        };
        let exact = work.step.batch_size.or(request.batch_size);
        let pause = request
            .pause
            .unwrap_or_else(|| drive.migrator.store.default_pause());
        let target = request
            .target_batch
            .unwrap_or_else(|| drive.migrator.store.default_target_batch());
        let pace = Pace::new(exact, request.start_batch_size, target, pause)
            .at_least(drive.migrator.store.smallest_batch())
            .rows_per_second(request.rows_per_second)
            .full_speed(request.full_speed);
        let batch = Batch::new(ctx, page, step.opened.fields.clone());
        Execution {
            step,
            drive,
            work,
            batch,
            pace,
            range: RangeRow::new(request.direction, None, None, 0),
            fence: None,
            drives: drives && drive.fence.is_some(),
            renewed: Instant::now(),
            remaining: None,
            stuck: 0,
            closing: false,
            one_by_one: false,
            locks,
            work_took: Duration::ZERO,
            commit_took: Duration::ZERO,
            flight: None,
            canceled: false,
            looked: Instant::now(),
        }
    }

    /// Visits ranges until none is left, and gives the session back.
    pub(super) fn work(mut self) -> (Box<dyn Session>, Result<Part>) {
        let part = self.ranges();
        if !matches!(part, Ok(Part::Over)) {
            self.step.stop();
        }
        (self.batch.ctx.session, part)
    }

    fn ranges(&mut self) -> Result<Part> {
        const SOON: Duration = Duration::from_millis(20);
        const LATER: Duration = Duration::from_millis(500);
        let mut wait = SOON;
        let mut watch = Watch::default();
        loop {
            if let Some(part) = self.asked_to_stop() {
                return self.stop_without_a_range(part);
            }
            self.renew_run_lease()?;
            match acquire(self.step, &mut *self.batch.ctx.session, &mut watch)? {
                Acquired::Over => return Ok(Part::Over),
                Acquired::Wait => {
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(LATER);
                }
                Acquired::Range(range, fence) => {
                    wait = SOON;
                    self.begin_range(*range, fence);
                    match self.visit_range()? {
                        RangeEnd::Visited => {}
                        RangeEnd::Part(part) => return Ok(part),
                    }
                }
            }
        }
    }

    pub(super) fn begin_range(&mut self, range: RangeRow, fence: Option<RangeFence>) {
        self.fence = fence;
        self.batch.page.filter = pass_filter(self.work, range.pass).map(str::to_owned);
        self.batch.page.until.clone_from(&range.until);
        // Whether documents are stuck is asked before the cursor moves.
        self.batch.watched = if range.pass > 1 { u32::MAX } else { 0 };
        self.range = range;
        self.stuck = 0;
        if self.drive.migrator.limits().contains(&Limit::OneWriter) {
            // Nobody else can write while a batch is in hand, and so nobody can take over.
            return;
        }
        let (run, fence) = (
            self.drive.fence.clone().filter(|_| self.drives),
            self.fence.clone(),
        );
        self.batch.heart = fence.map(|fence| {
            Heart::new(fence.lease / 5, move |session| {
                let (sql, parameters) = history::renewal(session, &fence);
                let mut renewed = session.execute_aside(&sql, &parameters);
                if let (Some(run), Ok(_)) = (&run, &renewed) {
                    let (sql, parameters) = history::run_renewal(session, run);
                    renewed = session.execute_aside(&sql, &parameters);
                }
                // The batch's own commit tells whether the lease still holds.
                if let Err(error) = renewed {
                    tracing::debug!(error = %error.chain(), "the lease could not be renewed");
                }
            })
        });
    }

    /// Batch after batch to the end of the range.
    fn visit_range(&mut self) -> Result<RangeEnd> {
        let end = self.batches();
        match end {
            Err(error) if error.is_lease_lost() => {
                self.batch.ctx.session.rollback();
                if self.run_is_ours()? {
                    // Only this range was taken from us, since we were slow; there may be others.
                    let message = error.chain();
                    self.drive.tell(Event::Warning { message });
                    return Ok(RangeEnd::Visited);
                }
                match self.run_was_ended()? {
                    true => Ok(RangeEnd::Part(Part::Over)),
                    false => Err(error),
                }
            }
            Err(error) => {
                let error = self.explain(error);
                self.record_end(RunStatus::Failed, Some(&error));
                Ok(RangeEnd::Part(Part::Failed(error)))
            }
            Ok(RangeEnd::Part(Part::Canceled)) => {
                self.record_end(RunStatus::Canceled, None);
                Ok(RangeEnd::Part(Part::Canceled))
            }
            Ok(RangeEnd::Part(Part::Left)) => {
                self.give_back();
                Ok(RangeEnd::Part(Part::Left))
            }
            Ok(end) => Ok(end),
        }
    }

    fn batches(&mut self) -> Result<RangeEnd> {
        // Every batch says so, too: a long one is looked after, a short one not asked twice.
        let ago = Duration::from_millis(10);
        loop {
            if self.must_land()
                && let Some(back) = self.land()?
            {
                self.go_back(back);
            }
            self.look_for_cancel(ago)?;
            if let Some(part) = self.asked_to_stop() {
                return Ok(RangeEnd::Part(part));
            }
            self.renew_run_lease()?;
            let started = Instant::now();
            let outcome = self.batch_with_patience()?;
            let took = started.elapsed();
            match outcome {
                Outcome::Flying => {
                    let pause = self.pace.pause(self.batch.ctx.keys.len(), took);
                    if !pause.is_zero() {
                        if let Some(back) = self.land()? {
                            self.go_back(back);
                        }
                        self.pause(pause)?;
                    }
                }
                back @ (Outcome::Again | Outcome::Elsewhere(_)) => self.go_back(back),
                Outcome::More => {
                    let documents = self.batch.ctx.keys.len();
                    self.tell_batch(documents, took);
                    self.pace.took(documents, self.work_took, self.commit_took);
                    self.pause(self.pace.pause(documents, took))?;
                }
                Outcome::Last => {
                    self.tell_batch(self.batch.ctx.keys.len(), took);
                    return Ok(RangeEnd::Visited);
                }
            }
            if self.range.done {
                return Ok(RangeEnd::Visited);
            }
        }
    }

    /// Whether something is due for which the batch on its way has to have arrived.
    fn must_land(&self) -> bool {
        self.flight.is_some() && (self.asked_to_stop().is_some() || self.run_lease_is_due())
    }

    fn go_back(&mut self, outcome: Outcome) {
        if let Outcome::Elsewhere(range) = outcome {
            self.go_on_from(*range);
        }
    }

    /// The stored range is the truth: a commit whose reply was lost went through, or somebody took half of it.
    fn go_on_from(&mut self, range: RangeRow) {
        tracing::debug!(?range, "the range stands elsewhere; going on from there");
        self.batch.page.until.clone_from(&range.until);
        self.range = range;
    }

    pub(super) fn tell_batch(&self, documents: usize, took: Duration) {
        let Progress {
            processed,
            changed,
            total,
            ..
        } = self.step.tally();
        self.drive.tell(Event::BatchCommitted {
            migration_id: self.work.migration.id.to_owned(),
            processed,
            changed,
            total,
            batch: documents,
            took,
        });
    }

    /// One batch, tried again while the database is busy, and redone one document at a time where that is noticeable.
    fn batch_with_patience(&mut self) -> Result<Outcome> {
        let mut patience = Patience::new(self.drive.request.lock_timeout);
        loop {
            let result = self.one_batch();
            // Something kept this batch from getting as far as to ask for the one before it.
            if result.is_err()
                && let Some(back) = self.land()?
            {
                return Ok(back);
            }
            let Err(error) = result else {
                return result;
            };
            self.batch.ctx.session.rollback();
            if let Some(redo) = self.batch.redo {
                self.redo(redo);
            } else if error.is_busy() {
                let Some(pause) = patience.pause() else {
                    return Err(gave_up(error, self.drive.request.lock_timeout));
                };
                self.pace.timed_out();
                self.tell_retry(&error, pause);
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
            Redo::Watched => return,
        }
        // Whoever does it again does it with nobody in between.
        self.batch.page.lock = true;
    }

    fn one_batch(&mut self) -> Result<Outcome> {
        let limit = self.pace.size();
        self.batch_of(limit)
    }

    /// The transaction: page, step, patches, cursor, commit.
    pub(super) fn batch_of(&mut self, limit: usize) -> Result<Outcome> {
        // With writers kept out the pass is one batch, or they would come in between.
        let limit = if self.closing {
            limit.max(LAST_PASS)
        } else {
            limit
        };
        self.batch.page.lock |= self.closing;
        self.batch.reset();
        self.batch.page.limit = limit;
        self.batch.page.after = self.range.position().cloned();
        if self.drive.request.dry_run {
            self.batch.sample = SAMPLE.saturating_sub(self.step.sample().len());
        }
        self.batch.ctx.session.begin()?;
        let begun = Instant::now();
        if self.closing {
            let table = self.batch.page.table.clone();
            self.batch.ctx.session.keep_writers_out(&table)?;
        }
        let function = self.work.step.function;
        if let Err(error) = call_step(function, &mut self.batch, self.drive.runtime) {
            return Err(self.batch.first_failure(error));
        }
        let flew = self.flight.is_some();
        if let Some(back) = self.land()? {
            return Ok(back);
        }
        if flew && self.batch.deferred && self.asked_to_stop().is_some() {
            // The batch that has just arrived was the one in hand when that was asked.
            self.batch.ctx.session.rollback();
            return Ok(Outcome::Again);
        }
        self.batch.post_deferred()?;
        let documents = self.batch.ctx.keys.len();
        let cursor = self.batch.ctx.keys.last().cloned();
        // A page that ends with the last key of the range is the last one, however full it is.
        let reached = cursor.is_some() && cursor == self.range.until;
        let more = !reached && (documents == limit || self.batch.truncated);
        let done = Progress {
            processed: self.batch.processed,
            changed: self.batch.ctx.changed,
            ..Progress::default()
        };
        self.commit(cursor, done, more, begun)
    }
}
