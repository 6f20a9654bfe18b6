//! Ranges of keys and their leases: who may move which cursor. Every function works inside the caller's transaction.
//!
//! A step's keys are covered by ranges that do not overlap; most steps have one. A worker leases a range: it writes its
//! name and a time by the database's clock until which it is to be left alone, and raises the range's epoch. Every batch
//! moves the cursor by one statement that also names the epoch, the run, and where the range stood when the page was
//! read ([`advance`]). When that finds no row, somebody else has the range now, or the run has ended, or the range was
//! split: the batch is rolled back, whatever it had written. So the epoch protects, however late a worker wakes up, and
//! the time only says how long others wait before they take over.
//!
//! No lock is held between two batches and none belongs to a connection, so that a pooler may sit in between and a
//! database of many nodes will do.

use super::rows::Direction;
use super::write::{count, key, optional, text};
use crate::error::{Error, ErrorKind, Result};
use crate::store::Session;
use crate::value::{Key, Value, ValueRef};
use std::time::Duration;

/// Keys that one worker visits at a time, and how far they are visited.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RangeRow {
    pub index: i64,
    pub run_id: String,
    pub direction: Direction,
    /// The key the range comes after; `None` begins at the first.
    pub start_after: Option<Key>,
    /// The last key; `None` goes to the end of the table.
    pub until: Option<Key>,
    /// The key up to which it is committed.
    pub cursor: Option<Key>,
    /// 1 for the visit of every document; 2 and more for visits of what `remaining` still matches.
    pub pass: i64,
    /// Documents there are to visit, about.
    pub total: u64,
    pub processed: u64,
    pub done: bool,
    /// Who leases it.
    pub holder: Option<String>,
    pub epoch: i64,
    /// Whether the lease has ended, by the database's clock.
    pub expired: bool,
    /// When its worker last gave a sign of life.
    pub updated_at: String,
}

impl RangeRow {
    /// A range that nobody has visited yet.
    pub(crate) fn new(
        direction: Direction,
        start_after: Option<Key>,
        until: Option<Key>,
        total: u64,
    ) -> Self {
        RangeRow {
            index: 0,
            run_id: String::new(),
            direction,
            start_after,
            until,
            cursor: None,
            pass: 1,
            total,
            processed: 0,
            done: false,
            holder: None,
            epoch: 0,
            expired: true,
            updated_at: String::new(),
        }
    }

    /// The key that the next page comes after.
    pub(crate) fn position(&self) -> Option<&Key> {
        self.cursor.as_ref().or(self.start_after.as_ref())
    }

    /// Documents that are left, about.
    pub(crate) fn left(&self) -> u64 {
        self.total.saturating_sub(self.processed)
    }
}

/// What entitles a worker to move a range's cursor.
#[derive(Debug, Clone)]
pub(crate) struct RangeFence {
    pub run_id: String,
    pub migration_id: String,
    pub index: i64,
    pub epoch: i64,
    pub lease: Duration,
}

/// Records the ranges of a step that begins with its first document.
pub(crate) fn begin_ranges(
    session: &mut dyn Session,
    id: &str,
    run_id: &str,
    ranges: &[RangeRow],
) -> Result<()> {
    session.execute(
        "DELETE FROM migration_range WHERE migration_id = $1",
        &[text(id)],
    )?;
    for (index, range) in ranges.iter().enumerate() {
        let range = RangeRow {
            index: index as i64,
            run_id: run_id.into(),
            ..range.clone()
        };
        insert(session, id, &range, None)?;
    }
    Ok(())
}

/// Makes the ranges of a step that stopped belong to the run that goes on with it, and fences off whoever held them for
/// another run.
pub(crate) fn adopt_ranges(session: &mut dyn Session, id: &str, run_id: &str) -> Result<()> {
    session
        .execute(
            "UPDATE migration_range SET run_id = $1, lease_holder = NULL, lease_epoch = lease_epoch + 1 \
             WHERE migration_id = $2 AND run_id <> $1",
            &[text(run_id), text(id)],
        )
        .map(drop)
}

fn insert(
    session: &mut dyn Session,
    id: &str,
    range: &RangeRow,
    lease: Option<(&str, Duration)>,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let until = lease.map_or("NULL".into(), |(_, lease)| session.now_sql(lease));
    let sql = format!(
        "INSERT INTO migration_range (migration_id, range_index, run_id, direction, start_after, until, cursor, pass, total, \
         processed, done, lease_holder, lease_epoch, lease_expires_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, {until}, {now})"
    );
    let parameters = [
        text(id),
        Value::Integer(range.index),
        text(range.run_id.as_str()),
        text(range.direction.as_str()),
        key(range.start_after.as_ref()),
        key(range.until.as_ref()),
        key(range.cursor.as_ref()),
        Value::Integer(range.pass),
        count(range.total),
        count(range.processed),
        Value::Boolean(range.done),
        optional(lease.map(|(holder, _)| holder)),
        Value::Integer(range.epoch),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Leases a range that was found free. `None` when somebody else was faster.
pub(crate) fn lease(
    session: &mut dyn Session,
    id: &str,
    range: &RangeRow,
    holder: &str,
    lease: Duration,
) -> Result<Option<RangeFence>> {
    let until = session.now_sql(lease);
    let sql = format!(
        "UPDATE migration_range SET lease_holder = $1, lease_epoch = lease_epoch + 1, lease_expires_at = {until} \
         WHERE migration_id = $2 AND range_index = $3 AND run_id = $4 AND lease_epoch = $5 AND done = FALSE"
    );
    let parameters = [
        text(holder),
        text(id),
        Value::Integer(range.index),
        text(range.run_id.as_str()),
        Value::Integer(range.epoch),
    ];
    let leased = session.execute(&sql, &parameters)? == 1;
    Ok(leased.then(|| RangeFence {
        run_id: range.run_id.clone(),
        migration_id: id.into(),
        index: range.index,
        epoch: range.epoch + 1,
        lease,
    }))
}

/// Keeps the range as it is until the end of the transaction, for as long as the lease is ours. `None` when it is not, or
/// the run has ended.
pub(crate) fn hold(session: &mut dyn Session, fence: &RangeFence) -> Result<Option<RangeRow>> {
    let sql = "UPDATE migration_range SET lease_epoch = lease_epoch WHERE migration_id = $1 AND range_index = $2 \
               AND run_id = $3 AND lease_epoch = $4 \
               AND EXISTS (SELECT 1 FROM migration_run WHERE run_id = $3 AND status = 'running')";
    if session.execute(sql, &mine(fence))? == 0 {
        return Ok(None);
    }
    let ranges = super::load_ranges(session, &fence.migration_id)?;
    Ok(ranges.into_iter().find(|range| range.index == fence.index))
}

pub(super) fn mine(fence: &RangeFence) -> [Value; 4] {
    [
        text(fence.migration_id.as_str()),
        Value::Integer(fence.index),
        text(fence.run_id.as_str()),
        Value::Integer(fence.epoch),
    ]
}

/// The statement that renews a lease by itself, while a step takes its time over a batch.
pub(crate) fn renewal(session: &dyn Session, fence: &RangeFence) -> (String, [Value; 4]) {
    let (now, until) = (
        session.now_sql(Duration::ZERO),
        session.now_sql(fence.lease),
    );
    let sql = format!(
        "UPDATE migration_range SET updated_at = {now}, lease_expires_at = {until} WHERE migration_id = $1 AND range_index = $2 \
         AND run_id = $3 AND lease_epoch = $4"
    );
    (sql, mine(fence))
}

/// Gives a lease back before it ends.
pub(crate) fn release(session: &mut dyn Session, fence: &RangeFence) -> Result<()> {
    let sql = "UPDATE migration_range SET lease_holder = NULL, lease_epoch = lease_epoch + 1 \
               WHERE migration_id = $1 AND range_index = $2 AND run_id = $3 AND lease_epoch = $4";
    session.execute(sql, &mine(fence)).map(drop)
}

/// Fences off everybody who holds a range of this run: it ends, or its driver is gone (`holder`).
pub(crate) fn release_all(
    session: &mut dyn Session,
    run_id: &str,
    holder: Option<&str>,
) -> Result<()> {
    let (only, holder) = match holder {
        Some(holder) => (" AND lease_holder = $2", vec![text(run_id), text(holder)]),
        None => ("", vec![text(run_id)]),
    };
    let sql = format!(
        "UPDATE migration_range SET lease_holder = NULL, lease_epoch = lease_epoch + 1 WHERE run_id = $1{only}"
    );
    session.execute(&sql, &holder).map(drop)
}

/// Gives the keys after `middle` of a range that somebody else visits to a new range of our own. The caller holds the
/// range ([`hold`]); its worker notices at its next batch, since that names where the range ended.
pub(crate) fn split(
    session: &mut dyn Session,
    range: &RangeRow,
    fence: &RangeFence,
    middle: &Key,
    holder: &str,
) -> Result<(RangeRow, RangeFence)> {
    // Somebody may be splitting another range at this moment: one after the other, or both would give theirs the same
    // number. In the order in which a batch takes its locks, the range before the state.
    session.execute(
        "UPDATE migration_state SET total = total WHERE migration_id = $1",
        &[text(fence.migration_id.as_str())],
    )?;
    let ranges = super::load_ranges(session, &fence.migration_id)?;
    let index = ranges.iter().map(|range| range.index).max().unwrap_or(0) + 1;
    let half = range.left() / 2;
    session.execute(
        "UPDATE migration_range SET until = $1, total = total - $2 WHERE migration_id = $3 AND range_index = $4",
        &[
            key(Some(middle)),
            count(half),
            text(fence.migration_id.as_str()),
            Value::Integer(fence.index),
        ],
    )?;
    let new = RangeRow {
        index,
        start_after: Some(middle.clone()),
        cursor: None,
        total: half,
        processed: 0,
        epoch: 1,
        holder: Some(holder.into()),
        ..range.clone()
    };
    insert(
        session,
        &fence.migration_id,
        &new,
        Some((holder, fence.lease)),
    )?;
    let fence = RangeFence {
        index,
        epoch: 1,
        ..fence.clone()
    };
    Ok((new, fence))
}

/// Records that the next pass begins: one range over all keys, held by the worker that ended the last pass.
pub(crate) fn next_pass(
    session: &mut dyn Session,
    fence: &RangeFence,
    range: &RangeRow,
    holder: &str,
) -> Result<RangeFence> {
    let (now, until) = (
        session.now_sql(Duration::ZERO),
        session.now_sql(fence.lease),
    );
    // The other ranges stay, done, so that their numbers are never given to new ones.
    let sql = format!(
        "UPDATE migration_range SET start_after = NULL, cursor = NULL, until = $1, pass = $2, total = $3, processed = 0, \
         done = FALSE, lease_holder = $4, lease_epoch = lease_epoch + 1, lease_expires_at = {until}, updated_at = {now} \
         WHERE migration_id = $5 AND range_index = 0 RETURNING lease_epoch"
    );
    let parameters = [
        key(range.until.as_ref()),
        Value::Integer(range.pass),
        count(range.total),
        text(holder),
        text(fence.migration_id.as_str()),
    ];
    let mut epoch = None;
    session.query(&sql, &parameters, &mut |row| {
        if let ValueRef::Integer(value) = row.cell(0)? {
            epoch = Some(value);
        }
        Ok(())
    })?;
    let epoch = epoch.ok_or_else(|| lease_lost(fence, "its first range is gone"))?;
    session.execute(
        "UPDATE migration_state SET cursor = NULL, total = processed + $1 WHERE migration_id = $2",
        &[count(range.total), text(fence.migration_id.as_str())],
    )?;
    Ok(RangeFence {
        index: 0,
        epoch,
        ..fence.clone()
    })
}

/// Names who has the range now.
pub(super) fn lease_lost(fence: &RangeFence, now: &str) -> Error {
    Error::new(
        ErrorKind::LeaseLost,
        format!(
            "range {} of migration {} in run {} no longer belongs to this worker (epoch {}): {now}; nothing more was written",
            fence.index, fence.migration_id, fence.run_id, fence.epoch
        ),
    )
}
