//! `migration_aggregate`: how every aggregate stands, who builds it and how far. Every function works inside the caller's
//! transaction.
//!
//! An aggregate is leased as a range of keys is ([`ranges`](super::ranges)): a name, a time, and an epoch that every batch
//! names. A batch also names the state: what was marked STALE meanwhile is not gone on with.

use super::read::Cells;
use super::write::{count, key, text};
use crate::aggregate::AggregateState;
use crate::error::Result;
use crate::store::{Session, Statement};
use crate::value::{Key, Value};
use std::time::Duration;

/// An aggregate as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct AggregateRow {
    pub name: String,
    /// The table it counts, as SQL writes its name.
    pub table: String,
    /// The declaration's digest.
    pub digest: String,
    /// The statements that made its tables and triggers.
    pub objects: String,
    pub state: AggregateState,
    /// Why it is STALE.
    pub reason: Option<String>,
    /// Whether a worker is to build it.
    pub requested: bool,
    /// The key up to which rows are counted.
    pub cursor: Option<Key>,
    pub processed: u64,
    /// Rows there are to count, about.
    pub total: u64,
    pub holder: Option<String>,
    pub epoch: i64,
    pub expired: bool,
    pub ready_at: Option<String>,
}

/// A row of nothing: for tests, and to be filled.
impl Default for AggregateRow {
    fn default() -> Self {
        AggregateRow {
            name: String::new(),
            table: String::new(),
            digest: String::new(),
            objects: String::new(),
            state: AggregateState::Stale,
            reason: None,
            requested: false,
            cursor: None,
            processed: 0,
            total: 0,
            holder: None,
            epoch: 0,
            expired: true,
            ready_at: None,
        }
    }
}

/// What entitles a builder to move an aggregate on.
#[derive(Debug, Clone)]
pub(crate) struct AggregateFence {
    pub name: String,
    pub epoch: i64,
    pub lease: Duration,
}

/// Whether there can be any aggregate.
pub(crate) fn has_aggregates(session: &mut dyn Session) -> Result<bool> {
    Ok(session.columns("migration_aggregate")?.is_some())
}

/// Reads every aggregate, by name. Writes nothing.
pub(crate) fn load_aggregates(session: &mut dyn Session) -> Result<Vec<AggregateRow>> {
    match has_aggregates(session)? {
        true => load(session, "ORDER BY name", &[]),
        false => Ok(Vec::new()),
    }
}

/// Reads one aggregate; the table is there.
pub(crate) fn load_aggregate(
    session: &mut dyn Session,
    name: &str,
) -> Result<Option<AggregateRow>> {
    Ok(load(session, "WHERE name = $1", &[text(name)])?.pop())
}

fn load(session: &mut dyn Session, rest: &str, parameters: &[Value]) -> Result<Vec<AggregateRow>> {
    let now = session.now_sql(Duration::ZERO);
    let sql = format!(
        "SELECT name, table_name, digest, objects, state, reason, requested, cursor, processed, total, lease_holder, \
         lease_epoch, coalesce(lease_expires_at < {now}, TRUE), ready_at FROM migration_aggregate {rest}"
    );
    let mut rows = Vec::new();
    session.query(&sql, parameters, &mut |row| {
        let cells = Cells {
            row,
            table: "migration_aggregate",
        };
        rows.push(AggregateRow {
            name: cells.text(0)?,
            table: cells.text(1)?,
            digest: cells.text(2)?,
            objects: cells.text(3)?,
            state: cells.name(4, AggregateState::parse)?,
            reason: cells.optional(5)?,
            requested: cells.boolean(6)?,
            cursor: cells.key(7)?,
            processed: cells.count(8)?,
            total: cells.count(9)?,
            holder: cells.optional(10)?,
            epoch: cells.integer(11)?,
            expired: cells.boolean(12)?,
            ready_at: cells.optional(13)?,
        });
        Ok(())
    })?;
    Ok(rows)
}

/// Records an aggregate whose tables and triggers were just made, to be built from the first row, and leases it.
pub(crate) fn begin_aggregate(
    session: &mut dyn Session,
    row: &AggregateRow,
    holder: &str,
    lease: Duration,
) -> Result<AggregateFence> {
    let (now, until) = (session.now_sql(Duration::ZERO), session.now_sql(lease));
    session.execute(
        "DELETE FROM migration_aggregate WHERE name = $1",
        &[text(row.name.as_str())],
    )?;
    let sql = format!(
        "INSERT INTO migration_aggregate (name, table_name, digest, objects, state, reason, requested, cursor, processed, \
         total, lease_holder, lease_epoch, lease_expires_at, updated_at, ready_at) \
         VALUES ($1, $2, $3, $4, 'BUILDING', NULL, $5, NULL, 0, $6, $7, $8, {until}, {now}, NULL)"
    );
    let epoch = row.epoch + 1;
    let parameters = [
        text(row.name.as_str()),
        text(row.table.as_str()),
        text(row.digest.as_str()),
        text(row.objects.as_str()),
        Value::Boolean(row.requested),
        count(row.total),
        text(holder),
        Value::Integer(epoch),
    ];
    session.execute(&sql, &parameters)?;
    Ok(AggregateFence {
        name: row.name.clone(),
        epoch,
        lease,
    })
}

/// Leases an aggregate to go on with it, in the state it is to have from now on. `None` when somebody else was faster.
pub(crate) fn lease_aggregate(
    session: &mut dyn Session,
    row: &AggregateRow,
    state: AggregateState,
    total: u64,
    holder: &str,
    lease: Duration,
) -> Result<Option<AggregateFence>> {
    let (now, until) = (session.now_sql(Duration::ZERO), session.now_sql(lease));
    let begin = match state {
        AggregateState::Clearing => ", cursor = NULL, processed = 0",
        _ => "",
    };
    let sql = format!(
        "UPDATE migration_aggregate SET state = $1, total = $2, lease_holder = $3, lease_epoch = lease_epoch + 1, \
         lease_expires_at = {until}, updated_at = {now}{begin} WHERE name = $4 AND lease_epoch = $5"
    );
    let parameters = [
        text(state.as_str()),
        count(total),
        text(holder),
        text(row.name.as_str()),
        Value::Integer(row.epoch),
    ];
    let leased = session.execute(&sql, &parameters)? == 1;
    Ok(leased.then(|| AggregateFence {
        name: row.name.clone(),
        epoch: row.epoch + 1,
        lease,
    }))
}

/// Checks that the aggregate is still the builder's to build, renews its lease, and keeps everybody else from it before the
/// transaction ends. `None` when it is not: somebody else builds it, or it was marked STALE.
pub(crate) fn hold_aggregate(
    session: &mut dyn Session,
    fence: &AggregateFence,
) -> Result<Option<AggregateRow>> {
    let (now, until) = (
        session.now_sql(Duration::ZERO),
        session.now_sql(fence.lease),
    );
    let sql = format!(
        "UPDATE migration_aggregate SET lease_expires_at = {until}, updated_at = {now} \
         WHERE name = $1 AND lease_epoch = $2 AND state IN ('BUILDING', 'CLEARING')"
    );
    let mine = [text(fence.name.as_str()), Value::Integer(fence.epoch)];
    match session.execute(&sql, &mine)? {
        0 => Ok(None),
        _ => load_aggregate(session, &fence.name),
    }
}

/// Says how far a held aggregate is; a READY one is given back.
pub(crate) fn advance_aggregate(
    session: &mut dyn Session,
    fence: &AggregateFence,
    state: AggregateState,
    cursor: Option<&Key>,
    processed: u64,
) -> Result<()> {
    let now = session.now_sql(Duration::ZERO);
    let ready = match state {
        AggregateState::Ready => {
            format!(
                ", ready_at = {now}, reason = NULL, requested = FALSE, lease_holder = NULL, lease_expires_at = NULL"
            )
        }
        _ => String::new(),
    };
    let sql = format!(
        "UPDATE migration_aggregate SET state = $1, cursor = $2, processed = $3, updated_at = {now}{ready} \
         WHERE name = $4 AND lease_epoch = $5"
    );
    let parameters = [
        text(state.as_str()),
        key(cursor),
        count(processed),
        text(fence.name.as_str()),
        Value::Integer(fence.epoch),
    ];
    session.execute(&sql, &parameters).map(drop)
}

/// Leaves an aggregate to whoever goes on with it; to a worker, when that is `requested`.
pub(crate) fn release_aggregate(
    session: &mut dyn Session,
    fence: &AggregateFence,
    requested: bool,
) -> Result<()> {
    let sql = "UPDATE migration_aggregate SET lease_holder = NULL, lease_expires_at = NULL, \
               requested = CASE WHEN $1 THEN TRUE ELSE requested END \
               WHERE name = $2 AND lease_epoch = $3";
    let parameters = [
        Value::Boolean(requested),
        text(fence.name.as_str()),
        Value::Integer(fence.epoch),
    ];
    session.execute(sql, &parameters).map(drop)
}

/// Does not leave an aggregate to a worker any more.
pub(crate) fn refuse_aggregate(session: &mut dyn Session, name: &str) -> Result<()> {
    let sql = "UPDATE migration_aggregate SET requested = FALSE WHERE name = $1";
    session.execute(sql, &[text(name)]).map(drop)
}

/// The statement that marks the aggregates of a table STALE.
pub(crate) fn distrust_aggregates_of(
    session: &dyn Session,
    table: &str,
    reason: &str,
) -> Statement {
    let now = session.now_sql(Duration::ZERO);
    Statement {
        sql: format!(
            "UPDATE migration_aggregate SET state = 'STALE', reason = $1, updated_at = {now} \
             WHERE table_name = $2 AND state <> 'STALE'"
        ),
        parameters: vec![text(reason), text(table)],
    }
}

/// Forgets an aggregate.
pub(crate) fn forget_aggregate(session: &mut dyn Session, name: &str) -> Result<()> {
    let sql = "DELETE FROM migration_aggregate WHERE name = $1";
    session.execute(sql, &[text(name)]).map(drop)
}
