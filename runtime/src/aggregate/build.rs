//! Building: batch after batch, each one transaction, from the first key to the last.

use super::definition::AggregateDefinition;
use super::layout::Layout;
use super::options::{AggregateReport, AggregateStatus, Backfill};
use super::prepare::{self, Prepared};
use super::state::{AggregateState, Need};
use super::status::status;
use crate::engine::{Holder, Pace, Patience, gave_up, is_gone};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, AggregateFence, RunStatus};
use crate::migrator::{CancelToken, Migrator};
use crate::store::{Page, Session};
use crate::value::Key;
use std::time::{Duration, Instant};

/// How often a build begins again because somebody made the aggregate STALE meanwhile.
const BEGINNINGS: u32 = 3;

/// Builds what was asked for.
pub(crate) fn backfill(migrator: &Migrator, request: &Backfill) -> Result<AggregateReport> {
    let wanted = wanted(migrator, request)?;
    let mut builder = Builder {
        migrator,
        request,
        session: migrator.store.connect()?,
        holder: Holder::new()?,
        until: request.timeout.map(|timeout| Instant::now() + timeout),
        total: 0,
    };
    let mut built = Vec::new();
    for definition in &wanted {
        let end = builder.bring_up(definition);
        let stop = matches!(&end, Err(error) if matches!(error.kind(), ErrorKind::Canceled | ErrorKind::Busy));
        built.push((definition.name, end));
        if stop {
            break;
        }
    }
    if built.iter().any(|(_, end)| matches!(end, Ok(true))) {
        Patience::new(request.lock_timeout).repeat(|| builder.session.make_durable())?;
    }
    let statuses = status(migrator, &mut *builder.session)?;
    Ok(report(request, &wanted, built, statuses))
}

/// Builds what was left to a worker and nobody builds; `None` when there is no such aggregate of this program's. One that
/// cannot be built is not tried again until somebody asks.
pub(crate) fn build_requested(
    migrator: &Migrator,
    stop: &CancelToken,
) -> Result<Option<AggregateReport>> {
    if migrator.aggregates.is_empty() {
        return Ok(None);
    }
    let mut session = migrator.store.connect()?;
    let rows = history::load_aggregates(&mut *session)?;
    let mut request = Backfill::new().cancel_on(stop);
    for row in rows.iter().filter(|row| row.requested) {
        let declared = (migrator.aggregates.iter())
            .any(|known| known.name == row.name && known.digest == row.digest);
        let live = row.holder.as_deref().filter(|_| !row.expired);
        if declared && live.is_none_or(is_gone) {
            request = request.only(row.name.as_str());
        }
    }
    if request.only.is_empty() {
        return Ok(None);
    }
    let report = backfill(migrator, &request)?;
    if report.status == RunStatus::Failed {
        for name in &request.only {
            history::refuse_aggregate(&mut *session, name)?;
        }
    }
    Ok(Some(report))
}

fn report(
    request: &Backfill,
    wanted: &[&'static AggregateDefinition],
    built: Vec<(&'static str, Result<bool>)>,
    statuses: Vec<AggregateStatus>,
) -> AggregateReport {
    let asked = |status: &AggregateStatus| wanted.iter().any(|one| one.name == status.name);
    let mut report = AggregateReport {
        status: RunStatus::Noop,
        aggregates: statuses.into_iter().filter(asked).collect(),
        error: None,
        error_kind: None,
    };
    for (name, end) in built {
        match end {
            Ok(false) => {}
            Ok(true) if report.status != RunStatus::Noop => {}
            Ok(true) if request.detach => report.status = RunStatus::Pending,
            Ok(true) => report.status = RunStatus::Completed,
            Err(error) => {
                let text = error.chain();
                if let Some(status) = report.aggregates.iter_mut().find(|one| one.name == name) {
                    status.error = Some(text.clone());
                }
                // The first failure is the one that counts.
                if report.error.is_none() {
                    report.status = match error.kind() {
                        ErrorKind::Canceled => RunStatus::Canceled,
                        _ => RunStatus::Failed,
                    };
                    report.error_kind = Some(error.kind());
                    report.error = Some(text);
                }
            }
        }
    }
    report
}

/// The aggregates that were asked for.
fn wanted(migrator: &Migrator, request: &Backfill) -> Result<Vec<&'static AggregateDefinition>> {
    let declared = &migrator.aggregates;
    for name in &request.only {
        if !declared.iter().any(|known| known.name == name) {
            let names: Vec<&str> = declared.iter().map(|known| known.name).collect();
            return Err(Error::usage(match names.as_slice() {
                [] => format!("there is no aggregate {name}; this program declares none"),
                names => format!(
                    "there is no aggregate {name}; this program declares {}",
                    names.join(", ")
                ),
            }));
        }
    }
    let asked = |definition: &&&'static AggregateDefinition| {
        request.only.is_empty() || request.only.iter().any(|name| name == definition.name)
    };
    Ok(declared.iter().filter(asked).copied().collect())
}

struct Builder<'b> {
    migrator: &'b Migrator,
    request: &'b Backfill,
    session: Box<dyn Session>,
    holder: Holder,
    until: Option<Instant>,
    /// Rows of the table in hand, about.
    total: u64,
}

/// What a batch came to.
enum Batch {
    /// Committed, and there is more to do; the next one is of this kind.
    More { clearing: bool },
    /// Committed, and the aggregate is READY.
    Ready,
    /// It is not ours any more, or was marked STALE; nothing was written.
    Lost,
}

impl Builder<'_> {
    /// Makes one aggregate READY, or waits for who does. Says whether there was anything to do.
    fn bring_up(&mut self, definition: &'static AggregateDefinition) -> Result<bool> {
        let mut rebuild = self.request.rebuild;
        let mut beginnings = 0;
        let mut waited = false;
        loop {
            self.check_stop(definition.name)?;
            let prepared = self.prepare(definition, rebuild)?;
            match prepared {
                Prepared::Ready => return Ok(waited || beginnings > 0),
                Prepared::Wait(_) if self.request.detach => return Ok(true),
                Prepared::Wait(holder) => {
                    if !waited {
                        self.tell(Event::AggregateAwaited {
                            name: definition.name.into(),
                            holder,
                        });
                    }
                    waited = true;
                    // What they build is as new as what we would.
                    rebuild = false;
                    std::thread::sleep(self.request.poll);
                }
                Prepared::Build { fence, .. } if self.request.detach => {
                    self.in_transaction(|session| {
                        history::release_aggregate(session, &fence, true)
                    })?;
                    return Ok(true);
                }
                Prepared::Build {
                    layout,
                    fence,
                    clearing,
                    processed,
                } => {
                    rebuild = false;
                    beginnings += 1;
                    if beginnings > BEGINNINGS {
                        return Err(self.keeps_becoming_stale(definition, &fence));
                    }
                    self.tell(Event::AggregateStarted {
                        name: definition.name.into(),
                        table: layout.table.name.clone(),
                        processed,
                        total: self.total.max(processed),
                    });
                    if self.build(&layout, &fence, clearing)? {
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn keeps_becoming_stale(
        &mut self,
        definition: &AggregateDefinition,
        fence: &AggregateFence,
    ) -> Error {
        self.release(fence);
        Error::new(
            ErrorKind::RunActive,
            format!(
                "aggregate {} was marked STALE {BEGINNINGS} times while it was built: a safe_bypass migration changes {} meanwhile; run `migrate aggregate backfill` when it has ended",
                definition.name, definition.table.name
            ),
        )
    }

    fn prepare(
        &mut self,
        definition: &'static AggregateDefinition,
        rebuild: bool,
    ) -> Result<Prepared> {
        let patience = || Patience::new(self.request.lock_timeout);
        let session = &mut *self.session;
        let found = patience().repeat(|| prepare::look(session, definition))?;
        if found.need(rebuild) == Need::Nothing {
            return Ok(Prepared::Ready);
        }
        // Outside of the transaction: counting a big table takes its time.
        let total = patience().repeat(|| session.estimate(&found.layout.table, None, None))?;
        self.total = total;
        let (holder, lease) = (&self.holder.name, self.migrator.lease);
        patience().repeat(|| {
            session.begin_planning()?;
            let prepared = prepare::prepare(session, definition, rebuild, total, holder, lease)
                .and_then(|prepared| session.commit().map(|()| prepared));
            session.rollback();
            prepared
        })
    }

    /// Builds until it is READY; `false` when it is not ours any more.
    fn build(
        &mut self,
        layout: &Layout,
        fence: &AggregateFence,
        mut clearing: bool,
    ) -> Result<bool> {
        let (store, request) = (&self.migrator.store, self.request);
        let mut pace = Pace::new(
            request.batch_size,
            request.start_batch_size,
            store.default_target_batch(),
            request.pause.unwrap_or_else(|| store.default_pause()),
        )
        .at_least(store.smallest_batch())
        .full_speed(request.full_speed);
        loop {
            if let Err(stop) = self.check_stop(layout.name()) {
                self.release(fence);
                return Err(stop);
            }
            let begun = Instant::now();
            let size = pace.size();
            match self.batch_with_patience(layout, fence, clearing, &mut pace) {
                Ok(Batch::More { clearing: next }) => clearing = next,
                Ok(Batch::Ready) => {
                    self.tell(Event::AggregateReady {
                        name: layout.name().into(),
                    });
                    return Ok(true);
                }
                Ok(Batch::Lost) => return Ok(false),
                Err(error) => {
                    self.release(fence);
                    return Err(error.context(format!(
                        "aggregate {} cannot be built; what was counted is kept, and the next `migrate aggregate backfill` goes on from there",
                        layout.name()
                    )));
                }
            }
            let took = begun.elapsed();
            pace.took(size, took, Duration::ZERO);
            std::thread::sleep(pace.pause(size, took));
        }
    }

    fn batch_with_patience(
        &mut self,
        layout: &Layout,
        fence: &AggregateFence,
        clearing: bool,
        pace: &mut Pace,
    ) -> Result<Batch> {
        let mut patience = Patience::new(self.request.lock_timeout);
        loop {
            let batch = self.batch(layout, fence, clearing, pace.size());
            self.session.rollback();
            match batch {
                Err(error) if error.is_busy() => {
                    self.check_stop(layout.name())?;
                    let Some(pause) = patience.pause() else {
                        return Err(gave_up(error, self.request.lock_timeout));
                    };
                    pace.timed_out();
                    std::thread::sleep(pause);
                }
                other => return other,
            }
        }
    }

    /// One transaction. It begins by finding out where the aggregate stands, so that a batch whose commit went through
    /// although its reply was lost is not done again.
    fn batch(
        &mut self,
        layout: &Layout,
        fence: &AggregateFence,
        clearing: bool,
        limit: usize,
    ) -> Result<Batch> {
        let session = &mut *self.session;
        session.begin()?;
        if !clearing {
            // First of all: whoever writes to the table and then marks the aggregate STALE locks in the same order.
            session.keep_writers_out(&layout.table)?;
        }
        let Some(row) = history::hold_aggregate(session, fence)? else {
            return self.settle_lost(fence);
        };
        let advance = |session: &mut dyn Session, state, cursor: Option<&Key>, processed| {
            history::advance_aggregate(session, fence, state, cursor, processed)
        };
        if row.state == AggregateState::Clearing {
            let removed = session.aggregate_clear(layout, limit)?;
            if removed == 0 {
                advance(session, AggregateState::Building, None, 0)?;
            }
            session.commit()?;
            return Ok(Batch::More {
                clearing: removed > 0,
            });
        }
        if clearing {
            // A commit whose reply was lost: the next batch takes its lock first.
            return Ok(Batch::More { clearing: false });
        }
        let (rows, last) = keys_after(session, layout, row.cursor.clone(), limit)?;
        if let Some(last) = &last {
            session.aggregate_fold(layout, row.cursor.as_ref(), last)?;
            session.aggregate_move_gate(layout, last)?;
        }
        let done = rows < limit;
        if done {
            // Rows that have no place in key order would not have been counted.
            session.last_key(&layout.table)?;
        }
        let state = match done {
            true => AggregateState::Ready,
            false => AggregateState::Building,
        };
        let processed = row.processed + rows as u64;
        advance(
            session,
            state,
            last.as_ref().or(row.cursor.as_ref()),
            processed,
        )?;
        session.commit()?;
        self.tell(Event::AggregateBatch {
            name: layout.name().into(),
            processed,
            total: row.total.max(processed),
        });
        Ok(match done {
            true => Batch::Ready,
            false => Batch::More { clearing: false },
        })
    }

    /// Why a batch found nothing to go on with: our own last commit, or somebody else.
    fn settle_lost(&mut self, fence: &AggregateFence) -> Result<Batch> {
        let row = history::load_aggregate(&mut *self.session, &fence.name)?;
        let ours =
            row.is_some_and(|row| row.epoch == fence.epoch && row.state == AggregateState::Ready);
        Ok(match ours {
            true => Batch::Ready,
            false => Batch::Lost,
        })
    }

    fn check_stop(&self, name: &str) -> Result<()> {
        if self.request.cancel.is_canceled() {
            return Err(Error::new(
                ErrorKind::Canceled,
                format!(
                    "building aggregate {name} was canceled; the next `migrate aggregate backfill` goes on from there"
                ),
            ));
        }
        match (self.until, self.request.timeout) {
            (Some(until), Some(timeout)) if Instant::now() >= until => Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "aggregate {name} was not READY after {:.1} seconds; the next `migrate aggregate backfill` goes on from there",
                    timeout.as_secs_f64()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Leaves the aggregate to whoever comes next, who need not wait for the lease to end.
    fn release(&mut self, fence: &AggregateFence) {
        let released =
            self.in_transaction(|session| history::release_aggregate(session, fence, false));
        if let Err(error) = released {
            tracing::warn!(error = %error.chain(), "the lease of an aggregate could not be given back");
        }
    }

    fn in_transaction<T>(
        &mut self,
        mut work: impl FnMut(&mut dyn Session) -> Result<T>,
    ) -> Result<T> {
        let session = &mut *self.session;
        Patience::new(self.request.lock_timeout).repeat(|| {
            session.begin()?;
            let result = work(session).and_then(|value| session.commit().map(|()| value));
            session.rollback();
            result
        })
    }

    fn tell(&self, event: Event) {
        (self.migrator.observer)(&event);
    }
}

/// How many rows come after a key, up to a limit, and the last of them.
fn keys_after(
    session: &mut dyn Session,
    layout: &Layout,
    after: Option<Key>,
    limit: usize,
) -> Result<(usize, Option<Key>)> {
    let page = Page {
        table: layout.table.clone(),
        columns: [].into(),
        filter: None,
        after,
        until: None,
        limit,
        lock: false,
    };
    let parts = layout.table.key.len();
    let (mut rows, mut last) = (0, None);
    session.read_page(&page, &mut |row| {
        rows += 1;
        // Only the last is wanted; which one that is shows when the page is full, or at its end.
        let key = (0..parts).map(|at| row.cell(at).map(|cell| cell.to_owned()));
        last = Some(key.collect::<Result<Key>>()?);
        Ok(())
    })?;
    Ok((rows, last))
}
