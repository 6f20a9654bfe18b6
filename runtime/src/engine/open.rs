//! Opening a step: everything that is checked and recorded before a document is touched.

use super::plan::{Begin, Work};
use super::retry::Patience;
use super::run::Drive;
use super::state::{Happening, Standing, next};
use super::step::StepEnd;
use crate::document::Fields;
use crate::error::{Error, Result};
use crate::history::{self, Progress, RangeRow, RunStatus, Spread, StateRow, StepBegin};
use crate::manifest::WriteMode;
use crate::store::{Session, TableInfo};
use std::sync::Arc;
use std::time::Duration;

/// Counting a big table can take longer than a lease; nobody is to take over meanwhile.
const OPENING_LEASE: Duration = Duration::from_secs(600);

/// What a step needs to know before its first batch.
pub(super) struct Opened {
    pub(super) table: Arc<TableInfo>,
    pub(super) columns: Arc<[usize]>,
    pub(super) fields: Fields,
    pub(super) range: RangeRow,
    pub(super) standing: Standing,
    pub(super) progress: Progress,
}

/// Checks everything that can be checked before a document is touched, and records that the step begins.
pub(super) fn open(drive: &Drive<'_>, session: &mut dyn Session, work: &Work) -> Result<Opened> {
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
            let last = session.last_key(table)?;
            let total = session.estimate(table, work.step.filter, until.as_ref())?;
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
