//! One connection: transactions, raw statements, and the calls that other files of this folder implement.

use super::error::translate;
use super::{page, table, write};
use crate::error::{Error, Result};
use crate::patch::Patch;
use crate::store::{Page, RowSink, Session, TableInfo, WriteFailure, Written};
use crate::value::{Key, Row, Value, ValueRef};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{CachedStatement, Connection};
use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

pub(super) struct SqliteSession {
    pub(super) connection: Connection,
    /// `total_changes()` as last asked; `None` once a statement has run since.
    pub(super) counter: Cell<Option<u64>>,
    /// Whether commits are left unsynced until [`Session::make_durable`].
    syncs_at_the_end: bool,
    /// Which tables statements write to.
    written: HashMap<String, Vec<String>>,
}

/// So many statements are remembered.
const STATEMENTS_KNOWN: usize = 256;

impl SqliteSession {
    pub(super) fn new(connection: Connection, syncs_at_the_end: bool) -> Self {
        SqliteSession {
            syncs_at_the_end,
            connection,
            counter: Cell::new(None),
            written: HashMap::new(),
        }
    }

    fn simple(&self, sql: &str) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        statement.raw_execute().map(drop).map_err(translate)
    }
}

impl Session for SqliteSession {
    fn begin(&mut self) -> Result<()> {
        self.simple("BEGIN IMMEDIATE")
    }

    fn commit(&mut self) -> Result<()> {
        self.simple("COMMIT")
    }

    /// A commit under `synchronous = FULL` syncs the write-ahead log with everything before it.
    fn make_durable(&mut self) -> Result<()> {
        if !self.syncs_at_the_end {
            return Ok(());
        }
        let write = "BEGIN IMMEDIATE; UPDATE migration_schema SET version = version; COMMIT";
        let connection = &self.connection;
        let full = connection.pragma_update(None, "synchronous", "FULL");
        let written = full.and_then(|()| connection.execute_batch(write));
        self.rollback();
        let back = self.connection.pragma_update(None, "synchronous", "NORMAL");
        written.and(back).map_err(translate)
    }

    fn rollback(&mut self) {
        if self.in_transaction() {
            // SQLite rolls back by itself when this fails; the transaction is gone either way.
            if let Err(error) = self.simple("ROLLBACK") {
                tracing::warn!(error = %error.chain(), "rolling back failed");
            }
        }
        self.counter.set(None);
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64> {
        self.counter.set(None);
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        bind_by_name(&mut statement, parameters)?;
        // Statements with rows (RETURNING, PRAGMA) are welcome too: their rows are read and forgotten.
        if statement.column_count() > 0 {
            let mut rows = statement.raw_query();
            while rows.next().map_err(translate)?.is_some() {}
            drop(rows);
            return Ok(self.connection.changes());
        }
        statement
            .raw_execute()
            .map(|rows| rows as u64)
            .map_err(translate)
    }

    fn query(&mut self, sql: &str, parameters: &[Value], sink: RowSink<'_>) -> Result<()> {
        self.counter.set(None);
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        bind_by_name(&mut statement, parameters)?;
        each_row(&mut statement, sink)
    }

    fn script(&mut self, sql: &str) -> Result<()> {
        self.counter.set(None);
        self.connection.execute_batch(sql).map_err(translate)
    }

    fn now_sql(&self, plus: Duration) -> String {
        format!(
            "strftime('%Y-%m-%dT%H:%M:%fZ','now','+{:.3} seconds')",
            plus.as_secs_f64()
        )
    }

    fn schema_sql(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn upgrade_sql(&self, from: i64) -> Option<&'static str> {
        match from {
            1 => Some(include_str!("upgrade_1.sql")),
            2 => Some(include_str!("upgrade_2.sql")),
            3 => Some(include_str!("upgrade_3.sql")),
            _ => None,
        }
    }

    fn columns(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        table::column_names(&self.connection, name).map_err(translate)
    }

    fn table(&mut self, schema: Option<&str>, name: &str) -> Result<TableInfo> {
        table::describe(&self.connection, schema, name)
    }

    /// SQLite switches triggers off for a whole connection; foreign key actions and checks are not triggers to it.
    fn fire_triggers(&mut self, fire: bool) -> Result<()> {
        self.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, fire)
            .map(drop)
            .map_err(translate)
    }

    fn check_predicate(&mut self, table: &TableInfo, predicate: &str) -> Result<()> {
        let sql = format!("SELECT 1 FROM {} WHERE ({predicate}\n)", table.sql_name);
        let statement = self.connection.prepare(&sql).map_err(translate)?;
        match statement.parameter_count() {
            0 => Ok(()),
            _ => Err(Error::step(
                "a predicate has no parameters; write the values into it",
            )),
        }
    }

    fn read_page(&mut self, page: &Page, sink: RowSink<'_>) -> Result<()> {
        page::read(&self.connection, page, sink)
    }

    fn read_one(&mut self, page: &Page, key: &[Value], sink: RowSink<'_>) -> Result<bool> {
        page::read_one(&self.connection, page, key, sink)
    }

    fn last_key(&mut self, table: &TableInfo) -> Result<Option<Key>> {
        page::last_key(&self.connection, table)
    }

    fn count(
        &mut self,
        table: &TableInfo,
        predicate: Option<&str>,
        until: Option<&Key>,
    ) -> Result<u64> {
        page::count(&self.connection, table, predicate, until)
    }

    /// Nobody else writes between the page and this, so what was read is what is there, guarded or not.
    fn write(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        changes: &[(usize, Patch)],
        _guarded: bool,
    ) -> Result<Written, WriteFailure> {
        self.counter.set(None);
        write::write(&self.connection, table, keys, changes)
    }

    /// Enough to share the preparations, few enough that the values are still in the processor's cache when they are bound
    /// (measured: a page of 1,024 at once is slower by a tenth).
    fn together(&self) -> usize {
        256
    }

    fn insert(&mut self, table: &TableInfo, columns: &[(String, Value)]) -> Result<Option<Key>> {
        self.counter.set(None);
        write::insert(&self.connection, table, columns)
    }

    fn change_counter(&mut self) -> Result<u64> {
        if let Some(known) = self.counter.get() {
            return Ok(known);
        }
        let counter = self.connection.total_changes();
        self.counter.set(Some(counter));
        Ok(counter)
    }

    /// Triggers are off for the whole connection, also for what a step runs itself.
    fn tables_past_triggers(&mut self, sql: &str) -> Result<Vec<String>> {
        if let Some(known) = self.written.get(sql) {
            return Ok(known.clone());
        }
        let tables = table::written_by(&self.connection, sql).map_err(translate)?;
        if self.written.len() >= STATEMENTS_KNOWN {
            self.written.clear();
        }
        self.written.insert(sql.to_owned(), tables.clone());
        Ok(tables)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::ValueRef as Sql;
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => Sql::Null,
            Value::Boolean(value) => Sql::Integer(i64::from(*value)),
            Value::Integer(value) => Sql::Integer(*value),
            Value::Real(value) => Sql::Real(*value),
            Value::Text(value) | Value::Json(value) => Sql::Text(value.as_bytes()),
            Value::Bytes(value) => Sql::Blob(value),
        }))
    }
}

/// Binds `$1`, `?1` and `?` to their values. SQLite numbers `$1` by first appearance, so the name decides, not the place.
fn bind_by_name(statement: &mut CachedStatement<'_>, parameters: &[Value]) -> Result<()> {
    let mut used = 0;
    for place in 1..=statement.parameter_count() {
        let number = match statement.parameter_name(place) {
            None => place,
            Some(name) => name[1..].parse().map_err(|_| {
                Error::step(format!(
                    "the parameter {name} has no number; write $1, $2, …"
                ))
            })?,
        };
        let value = number_to_value(parameters, number)?;
        used = used.max(number);
        statement
            .raw_bind_parameter(place, value)
            .map_err(translate)?;
    }
    if used < parameters.len() {
        return Err(Error::step(format!(
            "{} parameters were given and the statement uses {used}",
            parameters.len()
        )));
    }
    Ok(())
}

fn number_to_value(parameters: &[Value], number: usize) -> Result<&Value> {
    let missing = || {
        Error::step(format!(
            "the statement uses parameter {number} and {} were given",
            parameters.len()
        ))
    };
    number
        .checked_sub(1)
        .and_then(|index| parameters.get(index))
        .ok_or_else(missing)
}

/// Hands every row of a bound statement over.
pub(super) fn each_row(statement: &mut CachedStatement<'_>, sink: RowSink<'_>) -> Result<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(translate)? {
        sink(&SqliteRow(row))?;
    }
    Ok(())
}

pub(super) struct SqliteRow<'r>(pub &'r rusqlite::Row<'r>);

impl Row for SqliteRow<'_> {
    fn cell(&self, position: usize) -> Result<ValueRef<'_>> {
        use rusqlite::types::ValueRef as Sql;
        Ok(match self.0.get_ref(position).map_err(translate)? {
            Sql::Null => ValueRef::Null,
            Sql::Integer(value) => ValueRef::Integer(value),
            Sql::Real(value) => ValueRef::Real(value),
            Sql::Text(value) => ValueRef::Text(
                std::str::from_utf8(value)
                    .map_err(|error| Error::step("the text is not UTF-8").with_source(error))?,
            ),
            Sql::Blob(value) => ValueRef::Bytes(value),
        })
    }

    fn len(&self) -> usize {
        self.0.as_ref().column_count()
    }

    fn names(&self) -> Vec<String> {
        // `column_names` returns a list or an iterator, depending on rusqlite's version; a name is a name in all of them.
        let statement: &rusqlite::Statement<'_> = self.0.as_ref();
        (0..statement.column_count())
            .filter_map(|index| statement.column_name(index).ok())
            .map(str::to_owned)
            .collect()
    }
}
