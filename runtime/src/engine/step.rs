//! Executing one step: open its range, then batch after batch until the last, each in one transaction.

use super::pace::Pace;
use super::plan::{Begin, Work};
use super::retry::{Patience, gave_up};
use super::run::Drive;
use super::state::{Happening, Standing, next};
use crate::batch::Batch;
use crate::ctx::Ctx;
use crate::document::Fields;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, Progress, RangeRow, RunStatus, Spread, StateRow, StepBegin};
use crate::manifest::{OnError, StepFunction, WriteMode};
use crate::migrator::Difference;
use crate::store::{Page, Session, TableInfo};
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

/// Counting a big table can take longer than a lease; nobody is to take over meanwhile.
const OPENING_LEASE: Duration = Duration::from_secs(600);

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

/// What a step needs to know before its first batch.
struct Opened {
    table: Arc<TableInfo>,
    columns: Arc<[usize]>,
    fields: Fields,
    range: RangeRow,
    standing: Standing,
    progress: Progress,
}

/// Checks everything that can be checked before a document is touched, and records that the step begins.
fn open(drive: &Drive<'_>, session: &mut dyn Session, work: &Work) -> Result<Opened> {
    let step = work.step;
    let table = Arc::new(session.table(step.table.schema, step.table.name)?);
    let (columns, fields) = columns(work, &table)?;
    for predicate in [step.filter, step.remaining].into_iter().flatten() {
        session
            .check_predicate(&table, predicate)
            .map_err(|error| {
                error.context(format!(
                    "the predicate `{predicate}` is not SQL over {}",
                    table.name
                ))
            })?;
    }
    let history = history::load(session)?;
    let state = history.state(work.migration.id).cloned();
    let standing = next(
        Standing::of(state.as_ref()),
        Happening::Begin(drive.request.direction),
    )
    .ok_or_else(|| {
        Error::schema(format!(
            "migration_state says {state:?}, from which {} cannot begin",
            drive.request.direction
        ))
    })?;
    if let Some(fence) = &drive.fence {
        // Everything else that can take long is below; see OPENING_LEASE.
        let opening = history::Fence {
            lease: fence.lease.max(OPENING_LEASE),
            ..fence.clone()
        };
        in_transaction(drive, session, |session| {
            history::fence(session, &opening).map(drop)
        })?;
    }
    let (range, progress) = range(drive, session, work, &table, state.as_ref())?;
    if let Some(fence) = &drive.fence {
        let begin = StepBegin {
            migration: work.migration,
            run_id: &drive.run_id,
            standing,
            write_mode: step.write_mode.as_str(),
            total: progress.total,
            fresh: match work.begin {
                Begin::Resume => None,
                Begin::Fresh => Some(Spread::Even),
                Begin::Reverse => Some(Spread::Turned),
            },
        };
        in_transaction(drive, session, |session| {
            history::fence(session, fence)?;
            history::begin_step(session, &begin, &range)
        })?;
    }
    session.fire_triggers(step.write_mode == WriteMode::Normal)?;
    Ok(Opened {
        table,
        columns,
        fields,
        range,
        standing,
        progress,
    })
}

/// Positions of the columns the document type reads, with the names it reads them by.
type ColumnsRead = (Arc<[usize]>, Fields);

fn columns(work: &Work, table: &TableInfo) -> Result<ColumnsRead> {
    let shape = (work.step.shape)().map_err(Error::step)?;
    let found: Vec<(usize, &'static str)> = shape
        .names
        .iter()
        .filter_map(|name| table.position(name).map(|at| (at, *name)))
        .collect();
    if found.len() < shape.fields {
        let missing: Vec<&str> = shape
            .names
            .iter()
            .copied()
            .filter(|name| table.position(name).is_none())
            .collect();
        return Err(Error::database(format!(
            "`{}` reads column {}, which {} does not have (it has {})",
            shape.type_name,
            missing.join(", "),
            table.name,
            table.column_names()
        )));
    }
    let (positions, names): (Vec<usize>, Vec<&'static str>) = found.into_iter().unzip();
    let one_by_one = shape.fields == shape.names.len();
    let fields = Fields {
        names: names.into(),
        one_by_one,
    };
    Ok((positions.into(), fields))
}

/// The keys the step covers, and how far it is.
fn range(
    drive: &Drive<'_>,
    session: &mut dyn Session,
    work: &Work,
    table: &TableInfo,
    state: Option<&StateRow>,
) -> Result<(RangeRow, Progress)> {
    let direction = drive.request.direction;
    let stored = match work.begin {
        Begin::Fresh => None,
        _ => Some(history::load_range(session, work.migration.id)?.ok_or_else(|| {
            Error::schema(format!("migration {} is half done and its row in migration_range is gone; begin again with `up --restart`", work.migration.id))
        })?),
    };
    match (work.begin, stored, state) {
        (Begin::Resume, Some(range), Some(state)) => {
            check_cursor(table, &range, state)?;
            let progress = Progress {
                processed: state.processed,
                changed: state.changed,
                quarantined: state.quarantined,
                total: state.total,
            };
            Ok((range, progress))
        }
        (_, stored, _) => {
            // Undoing half a step visits exactly what that half visited.
            let until = stored.and_then(|range| {
                if range.pass > 1 {
                    range.until
                } else {
                    range.cursor
                }
            });
            let (last, total) = session.extent(table, work.step.filter, until.as_ref())?;
            let range = RangeRow {
                direction,
                cursor: None,
                until: until.or(last),
                pass: 1,
            };
            Ok((
                range,
                Progress {
                    total,
                    ..Progress::default()
                },
            ))
        }
    }
}

/// A cursor that says nothing about this table is never taken for a place to go on from, nor for the beginning.
fn check_cursor(table: &TableInfo, range: &RangeRow, state: &StateRow) -> Result<()> {
    let id = &state.migration_id;
    match &range.cursor {
        Some(key) if key.len() != table.key.len() => Err(Error::schema(format!(
            "the stored cursor of migration {id} has {} parts and the key of {} has {}; the table's primary key was changed since, or the cursor was not written by driftless",
            key.len(),
            table.name,
            table.key.len()
        ))),
        None if range.pass == 1 && state.processed > 0 => Err(Error::schema(format!(
            "migration {id} has visited {} documents and its cursor is gone from migration_state; restore it from a backup, or begin again with `up --restart`",
            state.processed
        ))),
        _ => Ok(()),
    }
}

/// Runs a small transaction of bookkeeping, trying again while the database is busy.
fn in_transaction<T>(
    drive: &Drive<'_>,
    session: &mut dyn Session,
    mut work: impl FnMut(&mut dyn Session) -> Result<T>,
) -> Result<T> {
    Patience::new(drive.request.lock_timeout).repeat(|| {
        session.begin()?;
        let result = work(session).and_then(|value| session.commit().map(|()| value));
        session.rollback();
        result
    })
}

/// Records the failure of a step whose first batch was never reached.
fn end_unopened(
    drive: &Drive<'_>,
    session: &mut dyn Session,
    work: &Work,
    error: Error,
) -> Result<StepEnd> {
    if error.is_lease_lost() {
        return Err(error);
    }
    if let Some(fence) = &drive.fence {
        let text = error.chain();
        let recorded = in_transaction(drive, session, |session| {
            history::fence(session, fence)?;
            history::fail_unopened(
                session,
                work.migration,
                drive.request.direction,
                &drive.run_id,
                work.step.write_mode.as_str(),
                &text,
            )?;
            history::end_run(session, &drive.run_id, RunStatus::Failed, Some(&text))
        });
        if let Err(second) = recorded {
            drive.leave_behind();
            tracing::error!(error = %second.chain(), "the failure could not be recorded");
        }
    }
    Ok(StepEnd {
        status: RunStatus::Failed,
        progress: Progress::default(),
        error: Some(error),
        sample: Vec::new(),
    })
}

/// A step between its first batch and its last.
struct Execution<'d, 'm> {
    drive: &'d Drive<'m>,
    work: &'d Work,
    batch: Batch,
    pace: Pace,
    range: RangeRow,
    standing: Standing,
    progress: Progress,
    /// Documents matching `remaining` when the last pass began: a pass that helps none is the last.
    remaining: Option<u64>,
    /// Documents visited in this pass that still match `remaining`.
    stuck: u64,
    sample: Vec<Difference>,
    /// How long the last batch's transaction lasted before its commit, and its commit.
    work_took: Duration,
    commit_took: Duration,
    /// Position in the run's plan.
    index: usize,
    /// Whether the run ends with this step.
    last: bool,
}

/// What one batch came to.
enum Outcome {
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
        let page = Page {
            table,
            columns,
            filter,
            after: range.cursor.clone(),
            until: range.until.clone(),
            limit: 0,
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
            if self.batch.needs_eager {
                self.batch.eager = true;
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
            } else if self.work.step.on_error == OnError::Quarantine
                && error.kind() != ErrorKind::LeaseLost
            {
                return self.around_the_failing_document(error);
            } else {
                return Err(error);
            }
        }
    }

    fn one_batch(&mut self) -> Result<Outcome> {
        let limit = self.pace.size();
        self.batch_of(limit)
    }

    /// The transaction: fence, page, step, patches, cursor, commit.
    fn batch_of(&mut self, limit: usize) -> Result<Outcome> {
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
        self.call_step()?;
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
    fn commit(
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

    /// How many documents of a batch that visits `remaining` match it still.
    fn still_matching(&mut self) -> Result<u64> {
        let Some(last) = self.batch.ctx.keys.last().filter(|_| self.range.pass > 1) else {
            return Ok(0);
        };
        let page = Page {
            until: Some(last.clone()),
            limit: self.batch.ctx.keys.len(),
            ..self.batch.page.clone()
        };
        let mut matching = 0;
        self.batch.ctx.session.read_page(&page, &mut |_| {
            matching += 1;
            Ok(())
        })?;
        Ok(matching)
    }

    /// After the last page: `remaining` must match no document. What it still matches is visited again, as long as that helps.
    fn next_pass(
        &mut self,
        range: &mut RangeRow,
        progress: &mut Progress,
        stuck: u64,
    ) -> Result<(bool, Option<u64>)> {
        let Some(predicate) = self
            .work
            .step
            .remaining
            .filter(|_| !self.drive.request.dry_run)
        else {
            return Ok((false, None));
        };
        let (_, left) =
            self.batch
                .ctx
                .session
                .extent(&self.batch.page.table, Some(predicate), None)?;
        match self.remaining {
            _ if left == 0 => Ok((false, None)),
            // What the app inserts meanwhile matches too, and is no fault of the step's: it is visited in the next pass.
            Some(before) if left >= before && stuck > 0 => Err(Error::step(format!(
                "{left} documents of {} still match `{predicate}` after visiting them again; the step does not change what it should, so the migration is not complete",
                self.batch.page.table.name
            ))),
            _ => {
                *range = RangeRow {
                    cursor: None,
                    // To the end of the table as the last batch sees it, or an app that inserts would always be ahead.
                    until: None,
                    pass: range.pass + 1,
                    ..range.clone()
                };
                progress.total = progress.processed + left;
                Ok((true, Some(left)))
            }
        }
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

    /// `on_error = "quarantine"`: commits the documents before the failing one, then sets that one aside.
    fn around_the_failing_document(&mut self, error: Error) -> Result<Outcome> {
        let position = self.batch.current;
        let Some(key) = self.batch.ctx.keys.get(position).cloned() else {
            return Err(error);
        };
        if position > 0 {
            return self.batch_of(position);
        }
        let text = error.chain();
        self.batch.reset();
        let fence = self.drive.fence.clone();
        self.batch.ctx.session.begin()?;
        if let Some(fence) = &fence {
            let session = &mut *self.batch.ctx.session;
            history::fence(session, fence)?;
            let table = &self.batch.page.table.name;
            history::quarantine(
                session,
                self.work.migration.id,
                self.drive.request.direction,
                table,
                &key,
                &text,
                &self.drive.run_id,
            )?;
        }
        let progress = Progress {
            processed: self.progress.processed + 1,
            quarantined: self.progress.quarantined + 1,
            ..self.progress
        };
        self.commit(Some(key), progress, true, Instant::now())
    }

    /// Names migration, document and table of a failure, and says what became of the batch.
    fn explain(&self, error: Error) -> Error {
        let id = self.work.migration.id;
        let direction = self.drive.request.direction;
        let table = &self.batch.page.table.name;
        let place = match self
            .batch
            .current_key()
            .filter(|_| matches!(error.kind(), ErrorKind::Step | ErrorKind::Database))
        {
            Some(key) => format!("document {key} of {table}"),
            None => format!("table {table}"),
        };
        let kept = match self.progress.processed {
            0 => "nothing was changed".to_owned(),
            done => format!("its batch was rolled back, the {done} documents before it are done"),
        };
        let way_out = match (self.drive.request.dry_run, direction) {
            (true, _) => "this was a dry run, so nothing was written".to_owned(),
            (false, direction) => format!("{kept}; run `{direction}` again to go on from there"),
        };
        error.context(format!(
            "migration {id} ({direction}) failed at {place} ({way_out})"
        ))
    }

    fn record_end(&mut self, status: RunStatus, error: Option<&Error>) {
        let drive = self.drive;
        match status {
            RunStatus::Completed | RunStatus::DryRun => {
                let Progress {
                    processed, changed, ..
                } = self.progress;
                drive.tell(Event::StepCompleted {
                    migration_id: self.work.migration.id.to_owned(),
                    processed,
                    changed,
                });
                return;
            }
            _ => {}
        }
        let Some(fence) = drive.fence.clone() else {
            return;
        };
        let happening = if status == RunStatus::Canceled {
            Happening::Cancel
        } else {
            Happening::Fail
        };
        let Some(standing) = next(self.standing, happening) else {
            return;
        };
        let text = error.map(Error::chain);
        let id = self.work.migration.id;
        let recorded = in_transaction(drive, &mut *self.batch.ctx.session, |session| {
            history::fence(session, &fence)?;
            history::end_step(session, id, standing, text.as_deref())?;
            history::end_run(session, &drive.run_id, status, text.as_deref())
        });
        if let Err(second) = recorded {
            drive.leave_behind();
            // The cursor is intact; the run is taken over or ended by whoever comes next.
            drive.tell(Event::Warning {
                message: format!(
                    "the end of the run could not be recorded: {}",
                    second.chain()
                ),
            });
        }
    }
}

/// The documents a pass visits: the first those of `filter`, later ones those that `remaining` still matches.
fn pass_filter(work: &Work, pass: i64) -> Option<&'static str> {
    if pass > 1 {
        work.step.remaining
    } else {
        work.step.filter
    }
}

/// A step that inserts into its own table ahead of itself would never end. Twice what was counted, and some, is enough for
/// any app that inserts meanwhile.
fn refuse_endless_growth(work: &Work, progress: &Progress) -> Result<()> {
    const SOME: u64 = 10_000;
    if progress.processed <= progress.total * 2 + SOME {
        return Ok(());
    }
    Err(Error::step(format!(
        "{} documents were visited although {} were counted when the step began: {} keeps growing ahead of the cursor, probably because the step inserts into it; \
         insert into another table, or give the step a `filter` that leaves its own rows out",
        progress.processed, progress.total, work.step.table.name
    )))
}
