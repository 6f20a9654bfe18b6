//! Writing history. Every function works inside the caller's transaction.

use super::rows::{Direction, RunStatus, Spread, StateStatus};
use crate::document::key_to_text;
use crate::engine::Standing;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Migration;
use crate::store::Session;
use crate::value::{Key, Value, ValueRef};
use std::time::Duration;

/// A run to be recorded.
#[derive(Debug)]
pub(crate) struct NewRun<'r> {
    pub run_id: &'r str,
    pub direction: Direction,
    pub reason: Option<&'r str>,
    pub migration_ids: &'r [&'static str],
    pub digest: &'r str,
    pub holder: &'r str,
    pub started_by: &'r str,
    pub lease: Duration,
}

/// Who may move a run forward: the epoch is raised by everyone who takes over.
#[derive(Debug, Clone)]
pub(crate) struct Fence {
    pub run_id: String,
    pub epoch: i64,
    pub lease: Duration,
}

/// Where a step stands: which keys it covers and up to which it is committed. The cursor is kept in `migration_state`, the
/// row that every batch writes anyway.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RangeRow {
    pub direction: Direction,
    pub cursor: Option<Key>,
    pub until: Option<Key>,
    /// 1 for the visit of every document; 2 and more for visits of what `remaining` still matches.
    pub pass: i64,
}

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

/// How far a step is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub processed: u64,
    pub changed: u64,
    pub quarantined: u64,
    pub total: u64,
}

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn optional(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

fn count(value: u64) -> Value {
    // Counters of rows cannot reach 2^63.
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn key(value: Option<&Key>) -> Value {
    value.map_or(Value::Null, |key| text(key_to_text(key)))
}

/// Records a run as running, held by its starter. Fails when another run is active: the database sees to that.
pub(crate) fn insert_run(session: &mut dyn Session, run: &NewRun<'_>) -> Result<()> {
    insert(session, run, RunStatus::Running, None)
}

/// Records, for the audit, that drift blocked a run.
pub(crate) fn record_blocked(
    session: &mut dyn Session,
    run: &NewRun<'_>,
    error: &str,
) -> Result<()> {
    insert(session, run, RunStatus::DriftBlocked, Some(error))
}

fn insert(
    session: &mut dyn Session,
    run: &NewRun<'_>,
    status: RunStatus,
    error: Option<&str>,
) -> Result<()> {
    let (now, until) = (session.now_sql(Duration::ZERO), session.now_sql(run.lease));
    let ended = if status == RunStatus::Running {
        "NULL".to_owned()
    } else {
        now.clone()
    };
    let sql = format!(
        "INSERT INTO migration_run (run_id, direction, status, dry_run, allow_drift, reason, migration_ids, current_index, \
         started_at, updated_at, completed_at, cancel_requested, last_error, manifest_digest, lease_holder, lease_expires_at, \
         lease_epoch, started_by) \
         VALUES ($1, $2, $3, FALSE, $4, $5, $6, 0, {now}, {now}, {ended}, FALSE, $7, $8, $9, {until}, 1, $10)"
    );
    // A list of strings always serializes.
    let ids = serde_json::to_string(run.migration_ids).unwrap_or_default();
    let parameters = [
        text(run.run_id),
        text(run.direction.as_str()),
        text(status.as_str()),
        Value::Boolean(run.reason.is_some()),
        optional(run.reason),
        text(ids),
        optional(error),
        text(run.digest),
        text(run.holder),
        text(run.started_by),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Makes this process the one that executes the run. `None` when somebody else was faster.
pub(crate) fn take_over(
    session: &mut dyn Session,
    run_id: &str,
    epoch: i64,
    holder: &str,
    lease: Duration,
) -> Result<Option<Fence>> {
    let (now, until) = (session.now_sql(Duration::ZERO), session.now_sql(lease));
    let sql = format!(
        "UPDATE migration_run SET lease_holder = $1, lease_epoch = lease_epoch + 1, lease_expires_at = {until}, updated_at = {now} \
         WHERE run_id = $2 AND lease_epoch = $3 AND status = 'running'"
    );
    let taken = session.execute(&sql, &[text(holder), text(run_id), Value::Integer(epoch)])? == 1;
    Ok(taken.then(|| Fence {
        run_id: run_id.into(),
        epoch: epoch + 1,
        lease,
    }))
}

/// Checks that this process may still move the run forward, and renews its lease when a fifth of it is used up: most
/// batches only read here. The caller's transaction keeps everybody else from writing, so what is read stays true until
/// the commit. Says whether the run was asked to stop.
pub(crate) fn fence(session: &mut dyn Session, fence: &Fence) -> Result<bool> {
    let (renew_before, renew_after) = (
        session.now_sql(fence.lease.mul_f64(0.8)),
        // Opening a step takes a longer lease, which ends when its batches begin.
        session.now_sql(fence.lease.mul_f64(1.1)),
    );
    let sql = format!(
        "SELECT cancel_requested, lease_expires_at BETWEEN {renew_before} AND {renew_after} FROM migration_run \
         WHERE run_id = $1 AND lease_epoch = $2 AND status = 'running'"
    );
    let key = [text(fence.run_id.as_str()), Value::Integer(fence.epoch)];
    let is_true =
        |cell: ValueRef<'_>| matches!(cell, ValueRef::Integer(1) | ValueRef::Boolean(true));
    let mut found = None;
    session.query(&sql, &key, &mut |row| {
        found = Some((is_true(row.cell(0)?), is_true(row.cell(1)?)));
        Ok(())
    })?;
    let Some((canceled, fresh)) = found else {
        return Err(lease_lost(session, fence));
    };
    if !fresh {
        let (now, until) = (
            session.now_sql(Duration::ZERO),
            session.now_sql(fence.lease),
        );
        let sql = format!(
            "UPDATE migration_run SET updated_at = {now}, lease_expires_at = {until} WHERE run_id = $1 AND lease_epoch = $2"
        );
        session.execute(&sql, &key)?;
    }
    Ok(canceled)
}

/// Names who has the run now.
fn lease_lost(session: &mut dyn Session, fence: &Fence) -> Error {
    let now = match super::load_run(session, &fence.run_id) {
        Ok(Some(run)) if run.is_active() => {
            format!(
                "it is held by {} in epoch {}",
                run.lease_holder.as_deref().unwrap_or("nobody"),
                run.lease_epoch
            )
        }
        Ok(Some(run)) => format!("it was ended as {} by somebody else", run.status),
        _ => "it is gone".into(),
    };
    Error::new(
        ErrorKind::LeaseLost,
        format!(
            "run {} no longer belongs to this process (epoch {}): {now}; nothing more was written",
            fence.run_id, fence.epoch
        ),
    )
}

/// Records that a step begins, or goes on.
pub(crate) fn begin_step(
    session: &mut dyn Session,
    begin: &StepBegin<'_>,
    range: &RangeRow,
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
         write_mode, source, spread) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, $11, {now}, {now}, NULL, NULL, $12, $13, $14) \
         ON CONFLICT (migration_id) DO UPDATE SET {}, applied = $6, status = $7, direction = $8, run_id = $9, cursor = $10, \
         {}, {}, {}, {}, {}, {}, updated_at = {now}, completed_at = NULL, last_error = NULL, write_mode = $12",
        // A run that drift was allowed to pass never rewrites what was recorded.
        match resume || begin.standing.direction == Direction::Down {
            true => "checksum = migration_state.checksum".to_owned(),
            false => "checksum = $2, checksum_up = $3, checksum_down = $4, checksum_rest = $5, source = $13".to_owned(),
        },
        kept("processed", "0"),
        kept("changed", "0"),
        kept("quarantined", "0"),
        kept("total", "$11"),
        kept("started_at", &now),
        kept("spread", "$14"),
    );
    let Migration {
        id,
        checksum,
        parts,
        source,
        ..
    } = begin.migration;
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
        key(range.cursor.as_ref()),
        count(begin.total),
        text(begin.write_mode),
        text(*source),
        text(begin.fresh.unwrap_or(Spread::Even).as_str()),
    ];
    session.execute(&sql, &parameters)?;
    let sql = format!(
        "INSERT INTO migration_range (migration_id, range_index, direction, until, pass, updated_at) \
         VALUES ($1, 0, $2, $3, $4, {now}) \
         ON CONFLICT (migration_id, range_index) DO UPDATE SET direction = $2, until = $3, pass = $4, updated_at = {now}"
    );
    let parameters = [
        text(*id),
        text(range.direction.as_str()),
        key(range.until.as_ref()),
        Value::Integer(range.pass),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Moves the cursor, in the transaction that holds the documents' changes. One row is written per batch.
pub(crate) fn advance(
    session: &mut dyn Session,
    id: &str,
    standing: Standing,
    cursor: Option<&Key>,
    progress: Progress,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "UPDATE migration_state SET cursor = $1, applied = $2, processed = $3, changed = $4, quarantined = $5, total = $6, updated_at = {now}, \
         spread = CASE spread WHEN 'even' THEN 'half' ELSE spread END WHERE migration_id = $7"
    );
    let parameters = [
        key(cursor),
        Value::Boolean(standing.applied),
        count(progress.processed),
        count(progress.changed),
        count(progress.quarantined),
        count(progress.total),
        text(id),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Records that the next pass begins: its keys and its number.
pub(crate) fn next_pass(session: &mut dyn Session, id: &str, range: &RangeRow) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "UPDATE migration_range SET until = $1, pass = $2, updated_at = {now} WHERE migration_id = $3 AND range_index = 0"
    );
    let parameters = [
        key(range.until.as_ref()),
        Value::Integer(range.pass),
        text(id),
    ];
    session.execute(&sql, &parameters).map(drop)
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
    direction: Direction,
    run_id: &str,
    write_mode: &str,
    error: &str,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "INSERT INTO migration_state (migration_id, checksum, checksum_up, checksum_down, checksum_rest, applied, status, \
         direction, run_id, cursor, processed, changed, quarantined, total, started_at, updated_at, completed_at, last_error, \
         write_mode, source, spread) \
         VALUES ($1, $2, $3, $4, $5, FALSE, 'failed', $6, $7, NULL, 0, 0, 0, 0, {now}, {now}, NULL, $8, $9, $10, 'even') \
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
    let parameters = [
        text(*id),
        text(*checksum),
        text(parts.up),
        text(parts.down),
        text(parts.rest),
        text(direction.as_str()),
        text(run_id),
        text(error),
        text(write_mode),
        text(*source),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Ends the lease of a holder that has shown no sign of life since `seen`.
pub(crate) fn expire(
    session: &mut dyn Session,
    run_id: &str,
    epoch: i64,
    seen: &str,
) -> Result<()> {
    let sql = "UPDATE migration_run SET lease_expires_at = started_at, lease_epoch = lease_epoch + 1 \
               WHERE run_id = $1 AND lease_epoch = $2 AND updated_at = $3";
    session
        .execute(sql, &[text(run_id), Value::Integer(epoch), text(seen)])
        .map(drop)
}

/// Says which migration of the plan is being executed.
pub(crate) fn next_migration(session: &mut dyn Session, run_id: &str, index: usize) -> Result<()> {
    session
        .execute(
            "UPDATE migration_run SET current_index = $1 WHERE run_id = $2",
            &[count(index as u64), text(run_id)],
        )
        .map(drop)
}

/// Ends a run.
pub(crate) fn end_run(
    session: &mut dyn Session,
    run_id: &str,
    status: RunStatus,
    error: Option<&str>,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "UPDATE migration_run SET status = $1, last_error = $2, completed_at = {now}, updated_at = {now} WHERE run_id = $3"
    );
    session
        .execute(
            &sql,
            &[text(status.as_str()), optional(error), text(run_id)],
        )
        .map(drop)
}

/// Asks a run to stop after its batch.
pub(crate) fn request_cancel(session: &mut dyn Session, run_id: &str) -> Result<()> {
    session
        .execute(
            "UPDATE migration_run SET cancel_requested = TRUE WHERE run_id = $1",
            &[text(run_id)],
        )
        .map(drop)
}

/// Ends a run whose process is gone or is not to be waited for, and fences that process off.
pub(crate) fn cancel_now(
    session: &mut dyn Session,
    run_id: &str,
    status: RunStatus,
    error: &str,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let state = if status == RunStatus::Canceled {
        StateStatus::Canceled
    } else {
        StateStatus::Failed
    };
    session.execute(
        &format!("UPDATE migration_state SET status = $1, last_error = $2, updated_at = {now} WHERE run_id = $3 AND status = 'running'"),
        &[text(state.as_str()), text(error), text(run_id)],
    )?;
    session.execute(
        &format!(
            "UPDATE migration_run SET status = $1, last_error = $2, cancel_requested = TRUE, completed_at = {now}, updated_at = {now}, \
             lease_epoch = lease_epoch + 1 WHERE run_id = $3"
        ),
        &[text(status.as_str()), text(error), text(run_id)],
    ).map(drop)
}
