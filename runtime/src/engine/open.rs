//! Opening a step: everything that is checked and recorded before a document is touched.

use super::plan::{Begin, Work};
use super::retry::Patience;
use super::run::Drive;
use super::state::{Happening, Standing, next};
use super::step::StepEnd;
use crate::document::Fields;
use crate::error::{Error, Result};
use crate::history::{
    self, Progress, RangeRow, RunStatus, Spread, StateRow, StateStatus, StepBegin,
};
use crate::manifest::WriteMode;
use crate::store::{Session, TableInfo};
use crate::value::Key;
use std::sync::Arc;
use std::time::Duration;

/// Counting a big table can take longer than a lease; nobody is to take over meanwhile.
const OPENING_LEASE: Duration = Duration::from_secs(600);

/// What a step needs to know before its first batch.
pub(super) struct Opened {
    pub(super) table: Arc<TableInfo>,
    pub(super) columns: Arc<[usize]>,
    pub(super) fields: Fields,
    pub(super) standing: Standing,
    pub(super) progress: Progress,
    /// The ranges of a dry run, which records none.
    pub(super) ranges: Vec<RangeRow>,
}

/// Checks everything that can be checked before a document is touched, and records that the step begins.
pub(super) fn open(drive: &Drive<'_>, session: &mut dyn Session, work: &Work) -> Result<Opened> {
    let step = work.step;
    let (table, columns, fields) = look_at(session, work)?;
    let state = history::load(session)?.state(work.migration.id).cloned();
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
    let (ranges, progress) = ranges(drive, session, work, &table, state.as_ref())?;
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
            // Only the reply of the first attempt was lost: others may visit its ranges already.
            if has_begun(session, drive, work)? {
                return Ok(());
            }
            history::begin_step(session, &begin, &ranges)
        })?;
    }
    session.fire_triggers(step.write_mode == WriteMode::Normal)?;
    Ok(Opened {
        table,
        columns,
        fields,
        standing,
        progress,
        ranges,
    })
}

/// What whoever joins a step that has begun needs to know; `None` when it has ended meanwhile.
pub(super) fn join(
    drive: &Drive<'_>,
    session: &mut dyn Session,
    work: &Work,
) -> Result<Option<Opened>> {
    let Some(state) = history::load_state(session, work.migration.id)? else {
        return Ok(None);
    };
    if state.run_id != *drive.run_id || state.status != StateStatus::Running {
        return Ok(None);
    }
    let (table, columns, fields) = look_at(session, work)?;
    session.fire_triggers(work.step.write_mode == WriteMode::Normal)?;
    Ok(Some(Opened {
        table,
        columns,
        fields,
        standing: Standing::of(Some(&state)),
        progress: Progress::of(&state),
        ranges: Vec::new(),
    }))
}

fn has_begun(session: &mut dyn Session, drive: &Drive<'_>, work: &Work) -> Result<bool> {
    let state = history::load_state(session, work.migration.id)?;
    Ok(state.is_some_and(|state| {
        state.run_id == *drive.run_id
            && state.status == StateStatus::Running
            && state.direction == drive.request.direction
    }))
}

/// Checks table, columns and predicates. Writes nothing.
pub(super) fn look_at(
    session: &mut dyn Session,
    work: &Work,
) -> Result<(Arc<TableInfo>, Arc<[usize]>, Fields)> {
    let step = work.step;
    let table = Arc::new(session.table(step.table.schema, step.table.name)?);
    let (columns, fields) = columns(work, &table)?;
    if step.write_mode == WriteMode::SafeBypass {
        session.check_bypass(&table)?;
    }
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
    Ok((table, columns, fields))
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

/// The keys the step covers, and how far it is. A step that is resumed keeps the ranges it has.
fn ranges(
    drive: &Drive<'_>,
    session: &mut dyn Session,
    work: &Work,
    table: &TableInfo,
    state: Option<&StateRow>,
) -> Result<(Vec<RangeRow>, Progress)> {
    let id = work.migration.id;
    let stored = match work.begin {
        Begin::Fresh => Vec::new(),
        _ => history::load_ranges(session, id)?,
    };
    if work.begin != Begin::Fresh && stored.is_empty() {
        return Err(Error::schema(format!(
            "migration {id} is half done and its row in migration_range is gone; begin again with `up --restart`"
        )));
    }
    if let (Begin::Resume, Some(state)) = (work.begin, state) {
        check_cursors(table, &stored, state)?;
        return Ok((stored, Progress::of(state)));
    }
    let direction = drive.request.direction;
    let last = session.last_key(table)?;
    let mut ranges = match half_visited(&stored) {
        Some(visited) => visited,
        None => vec![(None, None)],
    };
    // To the last key there is now: what is inserted behind it is not the step's.
    for (_, until) in &mut ranges {
        *until = until.take().or_else(|| last.clone());
    }
    let mut total = 0;
    let counted: Result<Vec<RangeRow>> = ranges
        .into_iter()
        .map(|(after, until)| {
            let before = match &after {
                Some(key) => session.estimate(table, work.step.filter, Some(key))?,
                None => 0,
            };
            let upto = session.estimate(table, work.step.filter, until.as_ref())?;
            let count = upto.saturating_sub(before);
            total += count;
            Ok(RangeRow::new(direction, after, until, count))
        })
        .collect();
    let progress = Progress {
        total,
        ..Progress::default()
    };
    Ok((counted?, progress))
}

/// The keys that half a step visited, which undoing it visits too, and no others; `None` stands for all of them.
fn half_visited(stored: &[RangeRow]) -> Option<Vec<(Option<Key>, Option<Key>)>> {
    if stored.is_empty() || stored.iter().any(|range| range.pass > 1) {
        return None;
    }
    let visited = stored
        .iter()
        .filter(|range| range.done || range.cursor.is_some())
        .map(|range| {
            let upto = if range.done {
                &range.until
            } else {
                &range.cursor
            };
            (range.start_after.clone(), upto.clone())
        });
    Some(visited.collect())
}

/// A cursor that says nothing about this table is never taken for a place to go on from, nor for the beginning.
fn check_cursors(table: &TableInfo, ranges: &[RangeRow], state: &StateRow) -> Result<()> {
    let id = &state.migration_id;
    let shown = state
        .cursor
        .as_deref()
        .map(crate::document::key_from_text)
        .transpose()?;
    let keys = ranges
        .iter()
        .flat_map(|range| [&range.start_after, &range.cursor, &range.until]);
    let parts = table.key.len();
    if let Some(key) = keys
        .chain([&shown])
        .flatten()
        .find(|key| key.len() != parts)
    {
        return Err(Error::schema(format!(
            "the stored cursor of migration {id} has {} parts and the key of {} has {parts}; the table's primary key was changed since, or the cursor was not written by driftless",
            key.len(),
            table.name,
        )));
    }
    if shown.is_none()
        && ranges
            .iter()
            .any(|range| range.cursor.is_some() && range.index == 0)
    {
        return Err(Error::schema(format!(
            "migration {id} has visited {} documents and its cursor is gone from migration_state; restore it from a backup, or begin again with `up --restart`",
            state.processed
        )));
    }
    for range in ranges {
        if range.cursor.is_none() && range.processed > 0 {
            return Err(Error::schema(format!(
                "migration {id} has visited {} documents of range {} and its cursor is gone from migration_range; restore it from a backup, or begin again with `up --restart`",
                range.processed, range.index
            )));
        }
    }
    match ranges.iter().find(|range| range.index == 0) {
        Some(first) if first.cursor == shown => Ok(()),
        _ => Err(Error::schema(format!(
            "the cursor of migration {id} in migration_state is not the one in migration_range, and both are written together; one of them was not written by driftless: restore it from a backup, or begin again with `up --restart`"
        ))),
    }
}

/// Runs a small transaction of bookkeeping, trying again while the database is busy.
pub(super) fn in_transaction<T>(
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
pub(super) fn end_unopened(
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
            let known = history::load_state(session, work.migration.id)?;
            let standing = match known {
                Some(state) => Some(Standing::of(Some(&state))),
                None => next(Standing::NEW, Happening::Fail),
            };
            history::fail_unopened(
                session,
                work.migration,
                standing.unwrap_or(Standing::NEW),
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
