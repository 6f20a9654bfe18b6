//! The tables and triggers of an aggregate on SQLite.
//!
//! A trigger counts a row when the aggregate is READY, or while it is built when the row's key is one that is counted
//! already: what lies behind the cursor is counted when the builder comes there. One connection writes at a time, so
//! whoever writes sees the cursor as it is.

mod columns;
mod fold;
mod replaced;
mod triggers;

use fold::{clear, fold, move_gate};

use super::error::translate;
use super::session::SqliteSession;
use crate::aggregate::{
    AggregateSession, Layout, MAX_EXTREMES, Object, gate_table, groups_table, value_table,
};
use crate::error::Result;
use crate::store::quote;
use crate::value::Key;
use columns::Columns;
use rusqlite::{Connection, OptionalExtension};
use triggers::{NAMES, trigger_name};

impl AggregateSession for SqliteSession {
    fn aggregate_objects(&mut self, layout: &Layout) -> Result<Vec<Object>> {
        self::objects(&self.connection, layout)
    }

    fn aggregate_drop_script(&self, name: &str) -> String {
        self::drop_script(name)
    }

    fn aggregate_damage(&mut self, _: &Layout, objects: &[Object]) -> Result<Option<String>> {
        self::damage(&self.connection, objects)
    }

    fn aggregate_intact_sql(&self, name: &str) -> String {
        self::intact_sql(name)
    }

    fn aggregate_fold(&mut self, layout: &Layout, after: Option<&Key>, until: &Key) -> Result<()> {
        self.counter.set(None);
        self::fold(&self.connection, layout, after, until)
    }

    fn aggregate_move_gate(&mut self, layout: &Layout, key: &Key) -> Result<()> {
        self.counter.set(None);
        self::move_gate(&self.connection, layout, key)
    }

    fn aggregate_clear(&mut self, layout: &Layout, limit: usize) -> Result<u64> {
        self.counter.set(None);
        self::clear(&self.connection, layout, limit)
    }

    fn aggregate_sum_sql(&self, _: &Layout, place: usize) -> Result<(String, String)> {
        let (sum, present) = (format!("g.sum{place}"), format!("g.present{place}"));
        let average = format!("CAST({sum} AS REAL) / nullif({present}, 0)");
        Ok((sum, average))
    }

    fn aggregate_cell_sql(&self, _: &Layout, _: usize, cell: &str) -> Result<String> {
        Ok(cell.into())
    }
}

/// The statements that make an aggregate's tables and triggers.
fn objects(connection: &Connection, layout: &Layout) -> Result<Vec<Object>> {
    let columns = Columns::of(connection, layout)?;
    let mut objects = vec![groups(layout, &columns), groups_index(layout)];
    objects.push(gate(layout, &columns));
    objects.extend((columns.extremes.iter().enumerate()).map(|(at, of)| values(layout, at, of)));
    objects.push(replaced::table(layout, &columns));
    let conflict = replaced::conflict(connection, &layout.table)?;
    objects.extend(triggers::objects(layout, &conflict));
    Ok(objects)
}

/// The statements that remove whatever there is of an aggregate.
fn drop_script(name: &str) -> String {
    let triggers = NAMES.map(|suffix| trigger_name(name, suffix));
    let triggers = triggers.map(|trigger| format!("DROP TRIGGER IF EXISTS {};", quote(&trigger)));
    let values = (0..MAX_EXTREMES).map(|at| value_table(name, at));
    let tables = [groups_table(name), gate_table(name), replaced::name(name)];
    let tables = values
        .chain(tables)
        .map(|table| format!("DROP TABLE IF EXISTS {};", quote(&table)));
    triggers.into_iter().chain(tables).collect()
}

fn groups(layout: &Layout, columns: &Columns) -> Object {
    let name = groups_table(layout.name());
    let mut parts = vec!["group_id INTEGER PRIMARY KEY".to_owned()];
    parts.extend((columns.by.iter().enumerate()).map(|(at, of)| format!("by{at} {of}")));
    parts.push("count INTEGER NOT NULL".into());
    for at in 0..layout.measures.len() {
        parts.push(format!("present{at} INTEGER NOT NULL, sum{at} NOT NULL"));
    }
    Object {
        sql: format!("CREATE TABLE {} ({})", quote(&name), parts.join(", ")),
        name,
    }
}

fn groups_index(layout: &Layout) -> Object {
    let table = groups_table(layout.name());
    let name = format!("{table}_by");
    let by = layout.by_list();
    Object {
        sql: format!("CREATE INDEX {} ON {} ({by})", quote(&name), quote(&table)),
        name,
    }
}

/// The table whose only row is the key up to which rows are counted.
fn gate(layout: &Layout, columns: &Columns) -> Object {
    let name = gate_table(layout.name());
    let keys: Vec<String> = (columns.key.iter().enumerate())
        .map(|(at, of)| format!("k{at} {of}"))
        .collect();
    Object {
        sql: format!("CREATE TABLE {} ({})", quote(&name), keys.join(", ")),
        name,
    }
}

/// The table of an extreme's values.
fn values(layout: &Layout, place: usize, of: &str) -> Object {
    let name = value_table(layout.name(), place);
    Object {
        sql: format!(
            "CREATE TABLE {} (group_id INTEGER NOT NULL, value {of} NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (group_id, value)) WITHOUT ROWID",
            quote(&name)
        ),
        name,
    }
}

/// What is missing of an aggregate's tables and triggers, or is not as we made it.
fn damage(connection: &Connection, objects: &[Object]) -> Result<Option<String>> {
    let mut statement = connection
        .prepare_cached("SELECT sql FROM sqlite_schema WHERE name = ?1")
        .map_err(translate)?;
    for Object { name, sql } in objects {
        let found: Option<String> = statement
            .query_row([name], |row| row.get(0))
            .optional()
            .map_err(translate)?;
        match found {
            None => return Ok(Some(format!("{name} is gone"))),
            Some(found) if found != *sql => {
                return Ok(Some(format!("{name} is not as it was made")));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// How many of an aggregate's triggers are there, as SQL.
fn intact_sql(name: &str) -> String {
    let names = NAMES.map(|suffix| format!("'{}'", trigger_name(name, suffix)));
    format!(
        "(SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name IN ({})) = {}",
        names.join(", "),
        names.len()
    )
}
