//! Counting a page of rows into the groups, and removing what was counted.

use super::function::{apply, matters};
use super::schema;
use crate::aggregate::{Layout, gate_table, groups_table, value_table};
use crate::error::Result;
use crate::postgres::page::range;
use crate::postgres::session::PostgresSession;
use crate::postgres::types::Parameter;
use crate::store::quote;
use crate::value::Key;

/// Counts the rows after one key and up to another into the groups.
pub(super) fn fold(
    session: &mut PostgresSession,
    layout: &Layout,
    after: Option<&Key>,
    until: &Key,
) -> Result<()> {
    let schema = schema(session)?;
    let (condition, parameters) = range(&layout.table, None, after, Some(until))?;
    let source = format!(
        "SELECT 1 AS sign, {} FROM {} {condition}",
        matters(layout),
        layout.table.sql_name
    );
    session.ask(&apply(layout, &schema, &source), parameters)?;
    Ok(())
}

/// Sets the key up to which rows are counted.
pub(super) fn move_gate(session: &mut PostgresSession, layout: &Layout, key: &Key) -> Result<()> {
    let gate = quote(&gate_table(layout.name()));
    session.tell(&format!("DELETE FROM {gate}"), Vec::new())?;
    let own = PostgresSession::own(&layout.table)?;
    let parameters: Result<Vec<Parameter>> = (own.key.iter().zip(key))
        .map(|(at, value)| Parameter::one(&own.types[*at], value))
        .collect();
    let places: Vec<String> = (1..=key.len()).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO {gate} VALUES ({})", places.join(", "));
    session.tell(&sql, parameters?).map(drop)
}

/// Removes some of what an aggregate holds; says how many rows that were.
pub(super) fn clear(session: &mut PostgresSession, layout: &Layout, limit: usize) -> Result<u64> {
    let name = layout.name();
    session.tell(
        &format!("DELETE FROM {}", quote(&gate_table(name))),
        Vec::new(),
    )?;
    let mut removed = 0;
    let values = (0..layout.extremes.len()).map(|at| value_table(name, at));
    for table in values.chain([groups_table(name)]) {
        let table = quote(&table);
        let sql = format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} LIMIT {limit}))"
        );
        removed += session.tell(&sql, Vec::new())?;
    }
    Ok(removed)
}
