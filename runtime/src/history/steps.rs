//! How a step begins and ends, and documents set aside. Every function works inside the caller's transaction.

use super::ranges::{self, RangeRow};
use super::rows::{Direction, Spread, StateStatus};
use super::source::pack;
use super::write::{count, optional, text};
use crate::document::key_to_text;
use crate::engine::Standing;
use crate::error::Result;
use crate::manifest::Migration;
use crate::store::Session;
use crate::value::{Key, Value};
use std::time::Duration;

/// What `migration_state` says when a step begins.
#[derive(Debug)]
pub(crate) struct StepBegin<'r> {
    pub migration: &'static Migration,
    pub run_id: &'r str,
    pub standing: Standing,
    pub write_mode: &'static str,
    pub total: u64,
    /// How the documents stand before the first batch; `None` goes on where the step stopped, so that counters, start time
    /// and spread stay.
    pub fresh: Option<Spread>,
}

/// Records that a step begins, or goes on. `ranges` are those of a step that begins with its first document.
pub(crate) fn begin_step(
    session: &mut dyn Session,
    begin: &StepBegin<'_>,
    ranges: &[RangeRow],
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let resume = begin.fresh.is_none();
    let kept = |column: &str, fresh: &str| match resume {
        true => format!("{column} = migration_state.{column}"),
        false => format!("{column} = {fresh}"),
    };
    let sql = format!(
        "INSERT INTO migration_state (migration_id, checksum, checksum_up, checksum_down, checksum_rest, applied, status, \
         direction, run_id, cursor, processed, changed, quarantined, total, started_at, updated_at, completed_at, last_error, \
         write_mode, source, source_deflate, checksum_details, spread) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, 0, 0, 0, $10, {now}, {now}, NULL, NULL, $11, $12, $14, $15, $13) \
         ON CONFLICT (migration_id) DO UPDATE SET {}, applied = $6, status = $7, direction = $8, run_id = $9, \
         {}, {}, {}, {}, {}, {}, {}, updated_at = {now}, completed_at = NULL, last_error = NULL, write_mode = $11",
        // A run that drift was allowed to pass never rewrites what was recorded.
        match resume || begin.standing.direction == Direction::Down {
            true => "checksum = migration_state.checksum".to_owned(),
            false => "checksum = $2, checksum_up = $3, checksum_down = $4, checksum_rest = $5, checksum_details = $15, source = $12, source_deflate = $14".to_owned(),
        },
        kept("cursor", "NULL"),
        kept("processed", "0"),
        kept("changed", "0"),
        kept("quarantined", "0"),
        kept("total", "$10"),
        kept("started_at", &now),
        kept("spread", "$13"),
    );
    let Migration {
        id,
        checksum,
        parts,
        source,
        ..
    } = begin.migration;
    let [plain, packed] = pack(source);
    let parameters = [
        text(*id),
        text(*checksum),
        text(parts.up),
        text(parts.down),
        text(parts.rest),
        Value::Boolean(begin.standing.applied),
        text(begin.standing.status.as_str()),
        text(begin.standing.direction.as_str()),
        text(begin.run_id),
        count(begin.total),
        text(begin.write_mode),
        plain,
        text(begin.fresh.unwrap_or(Spread::Even).as_str()),
        packed,
        text(parts.details),
    ];
    session.execute(&sql, &parameters)?;
    match resume {
        true => ranges::adopt_ranges(session, id, begin.run_id),
        false => ranges::begin_ranges(session, id, begin.run_id, ranges),
    }
}

/// Records how a step ended. A completed one forgets its cursor and range.
pub(crate) fn end_step(
    session: &mut dyn Session,
    id: &str,
    standing: Standing,
    error: Option<&str>,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let complete = matches!(
        standing.status,
        StateStatus::Completed | StateStatus::Pending
    );
    let finished = if complete {
        format!(", completed_at = {now}, cursor = NULL, spread = 'even'")
    } else {
        String::new()
    };
    let sql = format!(
        "UPDATE migration_state SET applied = $1, status = $2, direction = $3, last_error = $4, updated_at = {now}{finished} WHERE migration_id = $5"
    );
    let parameters = [
        Value::Boolean(standing.applied),
        text(standing.status.as_str()),
        text(standing.direction.as_str()),
        optional(error),
        text(id),
    ];
    session.execute(&sql, &parameters)?;
    if complete {
        session.execute(
            "DELETE FROM migration_range WHERE migration_id = $1",
            &[text(id)],
        )?;
    }
    Ok(())
}

/// Sets a document aside.
pub(crate) fn quarantine(
    session: &mut dyn Session,
    migration_id: &str,
    direction: Direction,
    table: &str,
    document: &Key,
    error: &str,
    run_id: &str,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "INSERT INTO migration_quarantine (migration_id, direction, table_name, document_key, error, run_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, {now}) \
         ON CONFLICT (migration_id, direction, document_key) DO UPDATE SET error = $5, run_id = $6, created_at = {now}"
    );
    let parameters = [
        text(migration_id),
        text(direction.as_str()),
        text(table),
        text(key_to_text(document)),
        text(error),
        text(run_id),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Records the failure of a step that could not begin: whatever was done before stays as it is.
pub(crate) fn fail_unopened(
    session: &mut dyn Session,
    migration: &Migration,
    standing: Standing,
    run_id: &str,
    write_mode: &str,
    error: &str,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "INSERT INTO migration_state (migration_id, checksum, checksum_up, checksum_down, checksum_rest, applied, status, \
         direction, run_id, cursor, processed, changed, quarantined, total, started_at, updated_at, completed_at, last_error, \
         write_mode, source, source_deflate, checksum_details, spread) \
         VALUES ($1, $2, $3, $4, $5, FALSE, $13, $6, $7, NULL, 0, 0, 0, 0, {now}, {now}, NULL, $8, $9, $10, $11, $12, 'even') \
         ON CONFLICT (migration_id) DO UPDATE SET last_error = $8, run_id = $7, updated_at = {now}, \
         status = CASE migration_state.status WHEN 'running' THEN 'failed' ELSE migration_state.status END"
    );
    let Migration {
        id,
        checksum,
        parts,
        source,
        ..
    } = migration;
    let [plain, packed] = pack(source);
    let parameters = [
        text(*id),
        text(*checksum),
        text(parts.up),
        text(parts.down),
        text(parts.rest),
        text(standing.direction.as_str()),
        text(run_id),
        text(error),
        text(write_mode),
        plain,
        packed,
        text(parts.details),
        text(standing.status.as_str()),
    ];
    session.execute(&sql, &parameters).map(drop)
}
