//! Reading history.

use super::ranges::RangeRow;
use super::rows::{Direction, RunRow, RunStatus, Spread, StateRow, StateStatus};
use super::{audit, schema, source};
use crate::document::key_from_text;
use crate::error::{Error, Result};
use crate::store::Session;
use crate::value::{Key, Row, Value, ValueRef};
use std::time::Duration;

/// Everything that planning needs to know about the past.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    /// Every migration that has ever begun, in id order.
    pub states: Vec<StateRow>,
    /// The newest runs, newest first; an active one is always among them.
    pub runs: Vec<RunRow>,
}

impl History {
    pub(crate) fn state(&self, id: &str) -> Option<&StateRow> {
        self.states.iter().find(|state| state.migration_id == id)
    }

    pub(crate) fn active(&self) -> Option<&RunRow> {
        self.runs.iter().find(|run| run.is_active())
    }
}

/// How many runs `status` shows.
const RUNS: usize = 20;

const STATE_COLUMNS: &str = "migration_id, checksum, applied, status, direction, run_id, cursor, processed, changed, quarantined, total, \
     started_at, updated_at, completed_at, last_error, write_mode, source, checksum_up, checksum_down, checksum_rest, spread";

/// What version 3 brought; looking at older tables writes nothing, so they are read as they are.
const STATE_COLUMNS_3: &str = "source_deflate, checksum_details";
const STATE_COLUMNS_BEFORE_3: &str = "NULL, ''";

const RUN_COLUMNS: &str = "run_id, direction, status, dry_run, allow_drift, reason, migration_ids, current_index, started_at, \
     updated_at, completed_at, cancel_requested, last_error, manifest_digest, lease_holder, lease_expires_at, lease_epoch, started_by";

/// Reads history; empty when the internal tables do not exist. Writes nothing.
pub(crate) fn load(session: &mut dyn Session) -> Result<History> {
    let mut history = History::default();
    let Some(version) = schema::check(session)? else {
        return Ok(history);
    };
    let since_3 = match version {
        3.. => STATE_COLUMNS_3,
        _ => STATE_COLUMNS_BEFORE_3,
    };
    let sql =
        format!("SELECT {STATE_COLUMNS}, {since_3} FROM migration_state ORDER BY migration_id");
    session.query(&sql, &[], &mut |row| {
        let cells = Cells {
            row,
            table: "migration_state",
        };
        let mut state = state_row(&cells)?;
        state.source = source::unpack(state.source, cells.bytes(21)?)?;
        state.details = cells.text(22)?;
        history.states.push(state);
        Ok(())
    })?;
    if version >= 3 {
        audit::load_accepted(session, &mut history.states)?;
    }
    let order = "(status IN ('pending', 'running')) DESC, started_at DESC, run_id DESC";
    history.runs = runs(session, &format!("ORDER BY {order} LIMIT {RUNS}"), &[])?;
    Ok(history)
}

/// Reads one run.
pub(crate) fn load_run(session: &mut dyn Session, run_id: &str) -> Result<Option<RunRow>> {
    Ok(runs(session, "WHERE run_id = $1", &[Value::Text(run_id.into())])?.pop())
}

fn runs(session: &mut dyn Session, rest: &str, parameters: &[Value]) -> Result<Vec<RunRow>> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "SELECT {RUN_COLUMNS}, coalesce(lease_expires_at < {now}, TRUE) FROM migration_run {rest}"
    );
    let mut runs = Vec::new();
    session.query(&sql, parameters, &mut |row| {
        runs.push(run_row(&Cells {
            row,
            table: "migration_run",
        })?);
        Ok(())
    })?;
    Ok(runs)
}

/// Reads one migration's row.
pub(crate) fn load_state(session: &mut dyn Session, id: &str) -> Result<Option<StateRow>> {
    let sql = format!("SELECT {STATE_COLUMNS} FROM migration_state WHERE migration_id = $1");
    let mut found = None;
    session.query(&sql, &[Value::Text(id.into())], &mut |row| {
        found = Some(state_row(&Cells {
            row,
            table: "migration_state",
        })?);
        Ok(())
    })?;
    Ok(found)
}

/// Reads how a run is to be driven: JSON that only this version and later ones write.
pub(crate) fn load_options(session: &mut dyn Session, run_id: &str) -> Result<Option<String>> {
    let sql = "SELECT options FROM migration_run WHERE run_id = $1";
    let mut found = None;
    session.query(sql, &[Value::Text(run_id.into())], &mut |row| {
        found = Some(
            Cells {
                row,
                table: "migration_run",
            }
            .text(0)?,
        );
        Ok(())
    })?;
    Ok(found)
}

/// Reads the ranges of a step that has not ended, in the order they were made.
pub(crate) fn load_ranges(session: &mut dyn Session, id: &str) -> Result<Vec<RangeRow>> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "SELECT range_index, direction, start_after, until, cursor, pass, total, processed, done, lease_holder, lease_epoch, \
         coalesce(lease_expires_at < {now}, TRUE), run_id, updated_at FROM migration_range WHERE migration_id = $1 ORDER BY range_index"
    );
    let mut ranges = Vec::new();
    session.query(&sql, &[Value::Text(id.into())], &mut |row| {
        let cells = Cells {
            row,
            table: "migration_range",
        };
        ranges.push(RangeRow {
            index: cells.integer(0)?,
            direction: cells.name(1, Direction::parse)?,
            start_after: cells.key(2)?,
            until: cells.key(3)?,
            cursor: cells.key(4)?,
            pass: cells.integer(5)?,
            total: cells.count(6)?,
            processed: cells.count(7)?,
            done: cells.boolean(8)?,
            holder: cells.optional(9)?,
            epoch: cells.integer(10)?,
            expired: cells.boolean(11)?,
            run_id: cells.text(12)?,
            updated_at: cells.text(13)?,
        });
        Ok(())
    })?;
    Ok(ranges)
}

fn state_row(cells: &Cells<'_>) -> Result<StateRow> {
    Ok(StateRow {
        migration_id: cells.text(0)?,
        checksum: cells.text(1)?,
        applied: cells.boolean(2)?,
        status: cells.name(3, StateStatus::parse)?,
        direction: cells.name(4, Direction::parse)?,
        run_id: cells.text(5)?,
        cursor: cells.optional(6)?,
        processed: cells.count(7)?,
        changed: cells.count(8)?,
        quarantined: cells.count(9)?,
        total: cells.count(10)?,
        started_at: cells.text(11)?,
        updated_at: cells.text(12)?,
        completed_at: cells.optional(13)?,
        last_error: cells.optional(14)?,
        write_mode: cells.text(15)?,
        source: cells.text(16)?,
        parts: [cells.text(17)?, cells.text(18)?, cells.text(19)?],
        spread: cells.name(20, Spread::parse)?,
        details: String::new(),
    })
}

fn run_row(cells: &Cells<'_>) -> Result<RunRow> {
    let ids = cells.text(6)?;
    Ok(RunRow {
        run_id: cells.text(0)?,
        direction: cells.name(1, Direction::parse)?,
        status: cells.name(2, RunStatus::parse)?,
        dry_run: cells.boolean(3)?,
        allow_drift: cells.boolean(4)?,
        reason: cells.optional(5)?,
        migration_ids: serde_json::from_str(&ids)
            .map_err(|error| cells.damaged(6).with_source(error))?,
        current_index: cells.count(7)?,
        started_at: cells.text(8)?,
        updated_at: cells.text(9)?,
        completed_at: cells.optional(10)?,
        cancel_requested: cells.boolean(11)?,
        last_error: cells.optional(12)?,
        manifest_digest: cells.text(13)?,
        lease_holder: cells.optional(14)?,
        lease_expires_at: cells.optional(15)?,
        lease_epoch: cells.integer(16)?,
        started_by: cells.text(17)?,
        lease_expired: cells.boolean(18)?,
    })
}

/// Typed cells of an internal row; a cell of another type means that somebody else wrote it.
pub(super) struct Cells<'r> {
    pub(super) row: &'r dyn Row,
    pub(super) table: &'static str,
}

impl Cells<'_> {
    fn damaged(&self, at: usize) -> Error {
        let name = self.row.names().into_iter().nth(at).unwrap_or_default();
        Error::schema(format!(
            "column {name} of {} holds something driftless did not write; restore the row from a backup",
            self.table
        ))
    }

    pub(super) fn optional(&self, at: usize) -> Result<Option<String>> {
        match self.row.cell(at)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => Ok(Some(text.into())),
            _ => Err(self.damaged(at)),
        }
    }

    pub(super) fn bytes(&self, at: usize) -> Result<Option<&[u8]>> {
        match self.row.cell(at)? {
            ValueRef::Null => Ok(None),
            ValueRef::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(self.damaged(at)),
        }
    }

    pub(super) fn text(&self, at: usize) -> Result<String> {
        self.optional(at)?.ok_or_else(|| self.damaged(at))
    }

    pub(super) fn integer(&self, at: usize) -> Result<i64> {
        match self.row.cell(at)? {
            ValueRef::Integer(value) => Ok(value),
            ValueRef::Boolean(value) => Ok(value.into()),
            _ => Err(self.damaged(at)),
        }
    }

    pub(super) fn count(&self, at: usize) -> Result<u64> {
        self.integer(at)?.try_into().map_err(|_| self.damaged(at))
    }

    pub(super) fn boolean(&self, at: usize) -> Result<bool> {
        self.integer(at).map(|value| value != 0)
    }

    pub(super) fn key(&self, at: usize) -> Result<Option<Key>> {
        self.optional(at)?
            .map(|text| key_from_text(&text))
            .transpose()
    }

    pub(super) fn name<T>(&self, at: usize, parse: fn(&str) -> Option<T>) -> Result<T> {
        parse(&self.text(at)?).ok_or_else(|| self.damaged(at))
    }
}
