//! Writing by key: one prepared statement per set of columns, stepped once per document.

use super::error::translate;
use super::page::key_equals;
use crate::error::Result;
use crate::patch::{Patch, same_name};
use crate::store::{TableInfo, WriteFailure, Written, quote};
use crate::value::{Key, Value};
use rusqlite::{CachedStatement, Connection};

/// Writes changes in order; a failure says which one failed.
pub(super) fn write(
    connection: &Connection,
    table: &TableInfo,
    keys: &[Key],
    changes: &[(usize, Patch)],
) -> Result<Written, WriteFailure> {
    let mut written = Written::default();
    let mut statements: Vec<(&Patch, CachedStatement<'_>)> = Vec::new();
    for (index, (position, patch)) in changes.iter().enumerate() {
        let rows = statement_for(connection, table, &mut statements, patch)
            .and_then(|statement| write_one(statement, table, &keys[*position], patch));
        written.rows += rows.map_err(|error| WriteFailure {
            index: Some(index),
            error: translate(error),
        })? as u64;
    }
    Ok(written)
}

fn write_one(
    statement: &mut CachedStatement<'_>,
    table: &TableInfo,
    key: &Key,
    patch: &Patch,
) -> rusqlite::Result<usize> {
    for (index, (name, value)) in patch.columns.iter().enumerate() {
        bind(statement, index + 1, table, name, value)?;
    }
    for (index, value) in key.iter().enumerate() {
        statement.raw_bind_parameter(patch.columns.len() + index + 1, value)?;
    }
    statement.raw_execute()
}

/// Binds a column's value. An empty sequence does not show whether it is one of bytes; the column's declared type does.
fn bind(
    statement: &mut CachedStatement<'_>,
    place: usize,
    table: &TableInfo,
    column: &str,
    value: &Value,
) -> rusqlite::Result<()> {
    let empty = matches!(value, Value::Json(json) if json == "[]");
    let of_bytes = |at: usize| table.columns[at].bytes;
    if empty && table.position(column).is_some_and(of_bytes) {
        return statement.raw_bind_parameter(place, &[][..] as &[u8]);
    }
    statement.raw_bind_parameter(place, value)
}

/// The statement for a patch's set of columns. Most steps have one or two, so the last one used is looked at first.
fn statement_for<'s, 'c, 'p>(
    connection: &'c Connection,
    table: &TableInfo,
    statements: &'s mut Vec<(&'p Patch, CachedStatement<'c>)>,
    patch: &'p Patch,
) -> rusqlite::Result<&'s mut CachedStatement<'c>> {
    let known = statements
        .iter()
        .rposition(|(like, _)| same_columns(like, patch));
    let at = match known {
        Some(at) => at,
        None => {
            statements.push((
                patch,
                connection.prepare_cached(&statement_sql(table, patch))?,
            ));
            statements.len() - 1
        }
    };
    Ok(&mut statements[at].1)
}

fn same_columns(one: &Patch, other: &Patch) -> bool {
    one.delete == other.delete
        && one.columns.len() == other.columns.len()
        && one
            .columns
            .iter()
            .zip(&other.columns)
            .all(|((one, _), (other, _))| same_name(one, other))
}

fn statement_sql(table: &TableInfo, patch: &Patch) -> String {
    if patch.delete {
        return format!(
            "DELETE FROM {} WHERE {}",
            table.sql_name,
            key_equals(table, 1)
        );
    }
    let columns = patch
        .columns
        .iter()
        .enumerate()
        .map(|(index, (name, _))| format!("{} = ?{}", quote(name), index + 1));
    let columns: Vec<String> = columns.collect();
    format!(
        "UPDATE {} SET {} WHERE {}",
        table.sql_name,
        columns.join(", "),
        key_equals(table, columns.len() + 1)
    )
}

/// Inserts a row. The key is known when its columns were given, or when it is the row number.
pub(super) fn insert(
    connection: &Connection,
    table: &TableInfo,
    columns: &[(String, Value)],
) -> Result<Option<Key>> {
    let names: Vec<String> = columns.iter().map(|(name, _)| quote(name)).collect();
    let places: Vec<String> = (1..=columns.len())
        .map(|place| format!("?{place}"))
        .collect();
    let sql = match columns {
        [] => format!("INSERT INTO {} DEFAULT VALUES", table.sql_name),
        _ => format!(
            "INSERT INTO {} ({}) VALUES ({})",
            table.sql_name,
            names.join(", "),
            places.join(", ")
        ),
    };
    let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
    for (index, (name, value)) in columns.iter().enumerate() {
        bind(&mut statement, index + 1, table, name, value).map_err(translate)?;
    }
    statement.raw_execute().map_err(translate)?;
    let given = |name: &str| {
        columns
            .iter()
            .find(|(column, _)| column.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
    };
    if table.key_is_row_number {
        return Ok(Some(
            [Value::Integer(connection.last_insert_rowid())]
                .into_iter()
                .collect(),
        ));
    }
    Ok(table.key.iter().map(|key| given(&key.name)).collect())
}
