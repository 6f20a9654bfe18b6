//! Moving a range's cursor, in the transaction that holds its documents' changes, and finding out whether it was moved.

use super::ranges::{RangeFence, RangeRow, lease_lost, mine};
use super::rows::Spread;
use super::write::{Progress, asked_to_stop, count, key, text};
use crate::engine::Standing;
use crate::error::Result;
use crate::store::{BatchEnd, Session, Statement};
use crate::value::Value;
use std::time::Duration;

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
    let Statement { sql, parameters } = cursor_statement(session, fence, from, to);
    match asked_to_stop(session, &sql, &parameters)? {
        Some(canceled) => Ok(Advanced::Moved { canceled }),
        None => elsewhere(session, fence, from),
    }
}

/// What [`advance`] and [`advance_state`] do, for a transaction that ends by itself.
pub(crate) fn batch_end(
    session: &dyn Session,
    fence: &RangeFence,
    from: &RangeRow,
    to: &RangeRow,
    standing: Standing,
    more: Progress,
) -> BatchEnd {
    BatchEnd {
        fence: cursor_statement(session, fence, from, to),
        rest: vec![state_statement(
            session,
            &fence.migration_id,
            standing,
            to,
            more,
        )],
    }
}

fn cursor_statement(
    session: &dyn Session,
    fence: &RangeFence,
    from: &RangeRow,
    to: &RangeRow,
) -> Statement {
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
    Statement { sql, parameters }
}

/// Why a cursor could not be moved: the range stands elsewhere, or the lease is lost, which is an error.
pub(crate) fn elsewhere(
    session: &mut dyn Session,
    fence: &RangeFence,
    from: &RangeRow,
) -> Result<Advanced> {
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

/// Where a worker's range really stands after a commit whose reply was lost.
#[derive(Debug, PartialEq, Eq)]
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
    let Statement { sql, parameters } = state_statement(session, id, standing, range, more);
    session.post(&sql, &parameters)
}

fn state_statement(
    session: &dyn Session,
    id: &str,
    standing: Standing,
    range: &RangeRow,
    more: Progress,
) -> Statement {
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
    Statement { sql, parameters }
}

/// How many ranges of a step are not visited to their end. After [`advance_state`], which every batch writes, nobody else
/// can end one of them before our commit.
pub(crate) fn open_ranges(session: &mut dyn Session, id: &str) -> Result<u64> {
    let ranges = super::load_ranges(session, id)?;
    Ok(ranges.iter().filter(|range| !range.done).count() as u64)
}
