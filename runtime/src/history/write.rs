//! Writing history. Every function works inside the caller's transaction.

use super::ranges::{self};
use super::rows::{Direction, RunRow, RunStatus, StateRow, StateStatus};
use crate::document::key_to_text;
use crate::engine::Origin;
use crate::error::{Error, ErrorKind, Result};
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
    /// Who executes it from the start; `None` leaves it to a worker.
    pub holder: Option<&'r str>,
    pub origin: &'r Origin,
    pub lease: Duration,
    /// How it is to be driven, as JSON.
    pub options: &'r str,
}

/// Who may move a run forward: the epoch is raised by everyone who takes over.
#[derive(Debug, Clone)]
pub(crate) struct Fence {
    pub run_id: String,
    pub epoch: i64,
    pub lease: Duration,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub processed: u64,
    pub changed: u64,
    pub quarantined: u64,
    pub total: u64,
}

impl Progress {
    /// How far a step is that has begun.
    pub(crate) fn of(state: &StateRow) -> Self {
        Progress {
            processed: state.processed,
            changed: state.changed,
            quarantined: state.quarantined,
            total: state.total,
        }
    }
}

pub(super) fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

pub(super) fn optional(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

pub(super) fn count(value: u64) -> Value {
    // Counters of rows cannot reach 2^63.
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn key(value: Option<&Key>) -> Value {
    value.map_or(Value::Null, |key| text(key_to_text(key)))
}

/// Records a run as running, held by its starter, or as pending, for a worker to pick up. Fails when another run is
/// active: the database sees to that.
pub(crate) fn insert_run(session: &mut dyn Session, run: &NewRun<'_>) -> Result<()> {
    match run.holder {
        Some(_) => insert(session, run, RunStatus::Running, None),
        None => insert(session, run, RunStatus::Pending, None),
    }
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
    let now = session.now_sql(Duration::ZERO);
    let until = match status {
        RunStatus::Running => session.now_sql(run.lease),
        _ => "NULL".to_owned(),
    };
    let ended = match status {
        RunStatus::Running | RunStatus::Pending => "NULL".to_owned(),
        _ => now.clone(),
    };
    let sql = format!(
        "INSERT INTO migration_run (run_id, direction, status, dry_run, allow_drift, reason, migration_ids, current_index, \
         started_at, updated_at, completed_at, cancel_requested, last_error, manifest_digest, lease_holder, lease_expires_at, \
         lease_epoch, started_by, options, user_name, host, program, git_commit) \
         VALUES ($1, $2, $3, FALSE, $4, $5, $6, 0, {now}, {now}, {ended}, FALSE, $7, $8, $9, {until}, 1, $10, $11, $12, $13, $14, $15)"
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
        optional(run.holder),
        text(run.origin.started_by()),
        text(run.options),
        text(run.origin.user.as_str()),
        text(run.origin.host.as_str()),
        text(run.origin.program.as_str()),
        optional(run.origin.commit.as_deref()),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Makes this process the one that executes the run, and fences off the ranges of whoever did before. `None` when somebody
/// else was faster.
pub(crate) fn take_over(
    session: &mut dyn Session,
    run: &RunRow,
    holder: &str,
    lease: Duration,
) -> Result<Option<Fence>> {
    let (now, until) = (session.now_sql(Duration::ZERO), session.now_sql(lease));
    let sql = format!(
        "UPDATE migration_run SET status = 'running', lease_holder = $1, lease_epoch = lease_epoch + 1, \
         lease_expires_at = {until}, updated_at = {now} \
         WHERE run_id = $2 AND lease_epoch = $3 AND status IN ('pending', 'running')"
    );
    let parameters = [
        text(holder),
        text(run.run_id.as_str()),
        Value::Integer(run.lease_epoch),
    ];
    if session.execute(&sql, &parameters)? == 0 {
        return Ok(None);
    }
    if let Some(gone) = &run.lease_holder {
        ranges::release_all(session, &run.run_id, Some(gone))?;
    }
    Ok(Some(Fence {
        run_id: run.run_id.clone(),
        epoch: run.lease_epoch + 1,
        lease,
    }))
}

/// Leaves a run to whoever picks it up next: its driver stops working, the run does not.
pub(crate) fn hand_back(session: &mut dyn Session, fence: &Fence, holder: &str) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "UPDATE migration_run SET status = 'pending', lease_holder = NULL, lease_expires_at = NULL, lease_epoch = lease_epoch + 1, \
         updated_at = {now} WHERE run_id = $1 AND lease_epoch = $2 AND status = 'running'"
    );
    let parameters = [text(fence.run_id.as_str()), Value::Integer(fence.epoch)];
    session.execute(&sql, &parameters)?;
    ranges::release_all(session, &fence.run_id, Some(holder))
}

/// Checks that this process may still move the run forward, renews its lease, and keeps everybody else from taking over
/// before the transaction ends. Says whether the run was asked to stop.
pub(crate) fn fence(session: &mut dyn Session, fence: &Fence) -> Result<bool> {
    let (renewal, parameters) = run_renewal(session, fence);
    let sql = format!("{renewal} RETURNING cancel_requested");
    let canceled = asked_to_stop(session, &sql, &parameters)?;
    match canceled {
        Some(canceled) => Ok(canceled),
        None => Err(lease_lost(session, fence)),
    }
}

/// Runs a statement that returns `cancel_requested` of the row it changed; `None` when it found none.
pub(super) fn asked_to_stop(
    session: &mut dyn Session,
    sql: &str,
    parameters: &[Value],
) -> Result<Option<bool>> {
    let mut asked = None;
    session.query(sql, parameters, &mut |row| {
        let cell = row.cell(0)?;
        asked = Some(matches!(
            cell,
            ValueRef::Integer(1) | ValueRef::Boolean(true)
        ));
        Ok(())
    })?;
    Ok(asked)
}

/// Keeps a run as it is until the end of the transaction; says how it stands.
pub(crate) fn lock_run(session: &mut dyn Session, run_id: &str) -> Result<Option<RunStatus>> {
    session.execute(
        "UPDATE migration_run SET lease_epoch = lease_epoch WHERE run_id = $1",
        &[text(run_id)],
    )?;
    Ok(super::load_run(session, run_id)?.map(|run| run.status))
}

/// The statement that renews a run's lease by itself.
pub(crate) fn run_renewal(session: &dyn Session, fence: &Fence) -> (String, [Value; 2]) {
    let (now, until) = (
        session.now_sql(Duration::ZERO),
        session.now_sql(fence.lease),
    );
    let sql = format!(
        "UPDATE migration_run SET updated_at = {now}, lease_expires_at = {until} \
         WHERE run_id = $1 AND lease_epoch = $2 AND status = 'running'"
    );
    (
        sql,
        [text(fence.run_id.as_str()), Value::Integer(fence.epoch)],
    )
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

/// Ends a run, and fences off everybody who still works on it.
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
    session.execute(
        &sql,
        &[text(status.as_str()), optional(error), text(run_id)],
    )?;
    ranges::release_all(session, run_id, None)
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
    )?;
    ranges::release_all(session, run_id, None)
}
