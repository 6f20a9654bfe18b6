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

use super::rows::{Direction, Spread};
use super::write::{Progress, count, key, optional, text};
use crate::engine::Standing;
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

fn mine(fence: &RangeFence) -> [Value; 4] {
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

/// What became of an attempt to move a cursor.
#[derive(Debug)]
pub(crate) enum Advanced {
    /// It is moved when the transaction commits. Says whether the run was asked to stop.
    Moved { canceled: bool },
    /// The range stands elsewhere than we thought: a commit of ours went through although its reply was lost, or the range
    /// was split. The batch is to be done again from there.
    Elsewhere(Box<RangeRow>),
}

/// Moves the cursor from where the page began, in the transaction that holds the documents' changes. Fails when the lease
/// is lost or the run has ended.
pub(crate) fn advance(
    session: &mut dyn Session,
    fence: &RangeFence,
    from: &RangeRow,
    to: &RangeRow,
) -> Result<Advanced> {
    let (now, until) = (
        session.now_sql(Duration::ZERO),
        session.now_sql(fence.lease),
    );
    let sql = format!(
        "UPDATE migration_range SET cursor = $5, done = $6, processed = $7, updated_at = {now}, lease_expires_at = {until} \
         WHERE migration_id = $1 AND range_index = $2 AND run_id = $3 AND lease_epoch = $4 AND done = FALSE AND pass = $8 \
         AND cursor IS NOT DISTINCT FROM $9 AND until IS NOT DISTINCT FROM $10 \
         AND EXISTS (SELECT 1 FROM migration_run WHERE run_id = $3 AND status = 'running') \
         RETURNING (SELECT cancel_requested FROM migration_run WHERE run_id = $3)"
    );
    let mut parameters = mine(fence).to_vec();
    parameters.extend([
        key(to.cursor.as_ref()),
        Value::Boolean(to.done),
        count(to.processed),
        Value::Integer(from.pass),
        key(from.cursor.as_ref()),
        key(from.until.as_ref()),
    ]);
    let mut canceled = None;
    session.query(&sql, &parameters, &mut |row| {
        let asked = row.cell(0)?;
        canceled = Some(matches!(
            asked,
            ValueRef::Integer(1) | ValueRef::Boolean(true)
        ));
        Ok(())
    })?;
    match canceled {
        Some(canceled) => Ok(Advanced::Moved { canceled }),
        None => elsewhere(session, fence, from),
    }
}

fn elsewhere(session: &mut dyn Session, fence: &RangeFence, from: &RangeRow) -> Result<Advanced> {
    let run = super::load_run(session, &fence.run_id)?;
    let found = super::load_ranges(session, &fence.migration_id)?
        .into_iter()
        .find(|range| range.index == fence.index);
    let running = run.as_ref().is_some_and(|run| run.is_active());
    match found {
        Some(range)
            if running
                && range.epoch == fence.epoch
                && range.run_id == fence.run_id
                && !stands_alike(&range, from) =>
        {
            Ok(Advanced::Elsewhere(Box::new(range)))
        }
        Some(range) if running => Err(lease_lost(
            fence,
            &format!(
                "it is held by {} in epoch {}",
                range.holder.as_deref().unwrap_or("nobody"),
                range.epoch
            ),
        )),
        None if running => Err(lease_lost(fence, "it is visited already")),
        _ => Err(lease_lost(
            fence,
            &run.map_or("its run is gone".into(), |run| {
                format!("its run was ended as {} by somebody else", run.status)
            }),
        )),
    }
}

fn stands_alike(one: &RangeRow, other: &RangeRow) -> bool {
    (one.pass, one.done, &one.cursor, &one.until)
        == (other.pass, other.done, &other.cursor, &other.until)
}

fn lease_lost(fence: &RangeFence, now: &str) -> Error {
    Error::new(
        ErrorKind::LeaseLost,
        format!(
            "range {} of migration {} in run {} no longer belongs to this worker (epoch {}): {now}; nothing more was written",
            fence.index, fence.migration_id, fence.run_id, fence.epoch
        ),
    )
}

/// Where a worker's range really stands after a commit whose reply was lost.
#[derive(Debug)]
pub(crate) enum Fate {
    /// As the batch left it.
    Committed,
    /// As the batch found it.
    RolledBack,
}

/// Reads back whether a commit that moved a range from `from` to `to` went through.
pub(crate) fn fate(
    session: &mut dyn Session,
    fence: &RangeFence,
    from: &RangeRow,
    to: &RangeRow,
) -> Result<Fate> {
    let found = super::load_ranges(session, &fence.migration_id)?
        .into_iter()
        .find(|range| range.index == fence.index && range.run_id == fence.run_id);
    match found {
        Some(range) if range.epoch == fence.epoch && stands_alike(&range, from) => {
            Ok(Fate::RolledBack)
        }
        Some(range) if range.epoch == fence.epoch && range.pass == from.pass => {
            // Split meanwhile, or moved: the cursor tells.
            Ok(if range.cursor == from.cursor && !range.done {
                Fate::RolledBack
            } else {
                Fate::Committed
            })
        }
        // The last batch of a pass begins the next one or ends the step, and with that forgets its ranges.
        Some(range) if to.done && range.pass > from.pass => Ok(Fate::Committed),
        None if to.done => Ok(Fate::Committed),
        _ => Err(lease_lost(fence, "somebody else has it now")),
    }
}

/// Says in `migration_state` how far the step is: for people, and for whoever checks that nobody else wrote there. The
/// cursor shown is that of the first range, up to which every document is visited.
pub(crate) fn advance_state(
    session: &mut dyn Session,
    id: &str,
    standing: Standing,
    range: &RangeRow,
    more: Progress,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let cursor = if range.index == 0 { "$6" } else { "cursor" };
    let sql = format!(
        "UPDATE migration_state SET cursor = {cursor}, applied = $1, processed = processed + $2, changed = changed + $3, \
         quarantined = quarantined + $4, updated_at = {now}, \
         spread = CASE spread WHEN '{}' THEN '{}' ELSE spread END WHERE migration_id = $5",
        Spread::Even,
        Spread::Half
    );
    let mut parameters = vec![
        Value::Boolean(standing.applied),
        count(more.processed),
        count(more.changed),
        count(more.quarantined),
        text(id),
    ];
    if range.index == 0 {
        parameters.push(key(range.cursor.as_ref()));
    }
    session.post(&sql, &parameters)
}

/// How many ranges of a step are not visited to their end. After [`advance_state`], which every batch writes, nobody else
/// can end one of them before our commit.
pub(crate) fn open_ranges(session: &mut dyn Session, id: &str) -> Result<u64> {
    let ranges = super::load_ranges(session, id)?;
    Ok(ranges.iter().filter(|range| !range.done).count() as u64)
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
