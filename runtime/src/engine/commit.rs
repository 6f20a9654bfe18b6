//! The end of a batch: the cursor moves, the step may end with it, and what became of the commit is found out for certain.

use super::open::in_transaction;
use super::passes::refuse_endless_growth;
use super::retry::{Patience, gave_up};
use super::state::{Happening, next};
use super::visit::{Execution, Outcome};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::history::{self, Advanced, Fate, Progress, RangeFence, RangeRow, RunStatus};
use crate::manifest::WriteMode;
use crate::store::Statement;
use crate::value::Key;
use std::time::{Duration, Instant};

impl Execution<'_, '_, '_> {
    /// Moves the cursor and commits; what this worker now remembers is only set once that has succeeded.
    pub(super) fn commit(
        &mut self,
        cursor: Option<Key>,
        mut done: Progress,
        more: bool,
        begun: Instant,
    ) -> Result<Outcome> {
        let to = RangeRow {
            cursor: cursor.or_else(|| self.range.cursor.clone()),
            processed: self.range.processed + done.processed,
            done: !more,
            ..self.range.clone()
        };
        let stuck = self.stuck + self.still_matching()?;
        let mut next = None;
        if self.drive.request.dry_run {
            self.step.sample().append(&mut self.batch.differences);
            self.work_took = begun.elapsed();
            self.batch.ctx.session.rollback();
        } else {
            let fence = self.fence.clone().ok_or_else(|| {
                Error::schema("a batch was begun without a lease; this is a fault of driftless")
            })?;
            if self.take_off(&fence, &to, done, begun)? {
                return Ok(Outcome::Flying);
            }
            let session = &mut *self.batch.ctx.session;
            let advanced = history::advance(session, &fence, &self.range, &to);
            self.batch.settle(advanced.as_ref().err())?;
            done.changed = done.changed.max(self.batch.ctx.changed);
            let session = &mut *self.batch.ctx.session;
            match advanced? {
                Advanced::Moved { canceled } => {
                    self.canceled |= canceled;
                    self.looked = Instant::now();
                }
                Advanced::Elsewhere(range) => {
                    session.rollback();
                    return Ok(Outcome::Elsewhere(range));
                }
            }
            for Statement { sql, parameters } in self.distrust_aggregates(done.changed)? {
                self.batch.ctx.session.post(&sql, &parameters)?;
            }
            next = self.write_state(&fence, &to, done, stuck)?;
            self.work_took = begun.elapsed();
            if !self.commit_for_certain(&fence, &to)? {
                return Ok(Outcome::Elsewhere(Box::new(self.range.clone())));
            }
            self.commit_took = begun.elapsed() - self.work_took;
        }
        self.remember(to, done, stuck, next);
        Ok(if self.range.done {
            Outcome::Last
        } else {
            Outcome::More
        })
    }

    /// What marks the aggregates STALE whose tables this batch changed past their triggers. Every batch does: one may have
    /// been built since the last.
    pub(super) fn distrust_aggregates(&mut self, changed: u64) -> Result<Vec<Statement>> {
        distrust_aggregates(&mut self.batch.ctx, changed)
    }

    /// What this worker knows after a commit.
    fn remember(&mut self, to: RangeRow, done: Progress, stuck: u64, next: Option<NextPass>) {
        (self.batch.page.lock, self.batch.eager) = (self.locks, self.one_by_one);
        self.batch.watched = self.batch.watched.saturating_sub(1);
        if self.batch.ctx.used {
            self.batch.ctx.session.forget_prefetched();
        }
        if let Some(heart) = &mut self.batch.heart {
            heart.rest();
        }
        self.count(done);
        self.stuck = stuck;
        match next {
            None => self.range = to,
            Some(NextPass { range, fence, left }) => {
                let mut tally = self.step.tally_to_change();
                tally.total = tally.processed + left;
                drop(tally);
                self.begin_range(range, Some(fence));
                self.remaining = Some(left);
            }
        }
    }

    pub(super) fn count(&self, done: Progress) {
        let mut tally = self.step.tally_to_change();
        tally.processed += done.processed;
        tally.changed += done.changed;
        tally.quarantined += done.quarantined;
    }

    /// Says in `migration_state` how far the step is, and ends the step with its last batch.
    fn write_state(
        &mut self,
        fence: &RangeFence,
        to: &RangeRow,
        done: Progress,
        stuck: u64,
    ) -> Result<Option<NextPass>> {
        let id = self.work.migration.id;
        let standing = self.step.opened.standing;
        let impossible = || {
            Error::schema(format!(
                "a batch cannot happen to a step that stands at {standing:?}"
            ))
        };
        let moved = next(standing, Happening::Batch).ok_or_else(impossible)?;
        let session = &mut *self.batch.ctx.session;
        history::advance_state(session, id, moved, to, done)?;
        let reached = Progress {
            processed: self.step.tally().processed + done.processed,
            ..self.step.tally()
        };
        if !to.done {
            refuse_endless_growth(self.work, &reached)?;
            return Ok(None);
        }
        if history::open_ranges(session, id)? > 0 {
            return Ok(None);
        }
        if let Some((range, left)) = self.next_pass(to, stuck)? {
            let holder = self.drive.holder.map_or("", |holder| holder.name.as_str());
            let session = &mut *self.batch.ctx.session;
            let fence = history::next_pass(session, fence, &range, holder)?;
            let range = RangeRow {
                epoch: fence.epoch,
                ..range
            };
            return Ok(Some(NextPass { range, fence, left }));
        }
        let ended = next(moved, Happening::LastBatch).ok_or_else(impossible)?;
        let session = &mut *self.batch.ctx.session;
        history::end_step(session, id, ended, None)?;
        history::next_migration(session, &self.drive.run_id, self.step.index + 1)?;
        if self.step.last {
            history::end_run(session, &self.drive.run_id, RunStatus::Completed, None)?;
        }
        Ok(None)
    }

    /// Commits, and finds out what became of it when the reply is lost. Says whether it is committed.
    fn commit_for_certain(&mut self, fence: &RangeFence, to: &RangeRow) -> Result<bool> {
        let mut patience = Patience::new(self.drive.request.lock_timeout);
        loop {
            let Err(error) = self.batch.ctx.session.commit() else {
                return Ok(true);
            };
            if !error.is_busy() || !self.batch.ctx.session.in_transaction() {
                return Ok(self.read_back(fence, to, error)? == Fate::Committed);
            }
            // In rollback-journal mode a commit of SQLite's waits for readers; the transaction stays open meanwhile.
            let Some(pause) = patience.pause() else {
                return Err(gave_up(error, self.drive.request.lock_timeout));
            };
            std::thread::sleep(pause);
        }
    }

    /// What became of a commit without a reply: the cursor tells.
    pub(super) fn read_back(
        &mut self,
        fence: &RangeFence,
        to: &RangeRow,
        error: Error,
    ) -> Result<Fate> {
        if error.is_busy() {
            // Looking may take as long as the database stays away.
            self.tell_retry(&error, Duration::ZERO);
        }
        let (drive, from) = (self.drive, &self.range);
        self.batch.ctx.session.rollback();
        let fate = in_transaction(drive, &mut *self.batch.ctx.session, |session| {
            history::fate(session, fence, from, to)
        })?;
        match fate {
            Fate::RolledBack if !error.is_busy() => Err(error),
            fate => Ok(fate),
        }
    }

    pub(super) fn tell_retry(&self, error: &Error, pause: Duration) {
        self.drive.tell(Event::Retrying {
            migration_id: self.work.migration.id.to_owned(),
            reason: error.chain(),
            pause,
        });
    }
}

/// What marks the aggregates STALE whose tables were changed past their triggers in this transaction.
pub(super) fn distrust_aggregates(ctx: &mut Ctx, changed: u64) -> Result<Vec<Statement>> {
    if ctx.write_mode != WriteMode::SafeBypass {
        return Ok(Vec::new());
    }
    if changed > 0 {
        let removed = ctx.passed.removed;
        ctx.passed.changed(&ctx.table, removed);
    }
    let mut tables = ctx.passed.tables.clone();
    for sql in &ctx.passed.statements {
        tables.extend(ctx.session.tables_past_triggers(sql)?);
    }
    let reason = || {
        let id = ctx.migration.id;
        format!("migration {id} rewrote its table in safe_bypass mode")
    };
    Ok(tables
        .iter()
        .map(|table| history::distrust_aggregates_of(&*ctx.session, table, &reason()))
        .collect())
}

/// The pass that begins with the commit of the last one's end.
pub(super) struct NextPass {
    pub(super) range: RangeRow,
    pub(super) fence: RangeFence,
    /// Documents that still match `remaining`.
    pub(super) left: u64,
}
