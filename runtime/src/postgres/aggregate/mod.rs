//! The tables and triggers of an aggregate on Postgres, and counting a page of rows into them.
//!
//! One function and four triggers, one for each kind of statement: a statement's rows are counted together, each group once
//! and groups in the order of their keys, so that a statement of a thousand rows touches few groups and two of them that
//! touch the same do so in the same order. An update counts only what it changed of the columns that matter.
//!
//! **Which rows a trigger counts.** All, when the aggregate is READY; while it is built those whose keys are at or before
//! the cursor (the one row of the gate), since what lies behind is counted when the builder comes there. That is right if
//! whoever writes sees the cursor as it is. The builder moves the cursor, and ends building, while it holds a lock on the
//! table that keeps writers out: it waits for those who have written and not committed, reads a page that is then
//! complete, and commits. A writer takes its own lock on the table before its trigger looks at the cursor, and under READ
//! COMMITTED looks with a new snapshot; so it sees every move that was committed before it began to write, and there is
//! none afterwards before it ends. Under REPEATABLE READ and SERIALIZABLE the snapshot may be older than the last move:
//! there the trigger locks the aggregate's row against changes, which fails with a serialization error (40001) if it was
//! changed since, as every such transaction has to expect.
//!
//! The function is run with the rights of whoever built the aggregate, so that an app needs none on our tables, and with a
//! search path that holds nothing but Postgres' own.

mod check;
mod fold;
mod function;
mod sums;

use fold::{clear, fold, move_gate};
use sums::read_sum;

use super::session::PostgresSession;
use super::types::Parameter;
use crate::aggregate::{
    AggregateSession, Layout, MAX_EXTREMES, Object, gate_table, groups_table, value_table,
};
use crate::error::{Error, Result};
use crate::store::quote;
use crate::value::Key;
use crate::value::Value;
use check::check;

/// The triggers: event, what of it they refer to, and the end of their names.
const TRIGGERS: [(&str, &str, &str); 4] = [
    ("INSERT", "REFERENCING NEW TABLE AS new_rows ", "insert"),
    (
        "UPDATE",
        "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows ",
        "update",
    ),
    ("DELETE", "REFERENCING OLD TABLE AS old_rows ", "delete"),
    ("TRUNCATE", "", "truncate"),
];

/// Numbers from here on are not Postgres' own.
const FIRST_OWN_OID: u32 = 16384;

/// A view of the columns that matter. Nobody reads it: it keeps Postgres from dropping a column, or changing its type, that the
/// function behind the triggers needs, which would fail every write of the app's from then on.
fn source_view(name: &str) -> String {
    format!("migration_source_{name}")
}

fn trigger_name(name: &str, suffix: &str) -> String {
    format!("migration_{suffix}_{name}")
}

impl AggregateSession for PostgresSession {
    fn aggregate_objects(&mut self, layout: &Layout) -> Result<Vec<Object>> {
        self::objects(self, layout)
    }

    fn aggregate_drop_script(&self, name: &str) -> String {
        self::drop_script(name)
    }

    fn aggregate_damage(&mut self, layout: &Layout, objects: &[Object]) -> Result<Option<String>> {
        self::damage(self, layout, objects)
    }

    fn aggregate_intact_sql(&self, name: &str) -> String {
        self::intact_sql(name)
    }

    fn aggregate_fold(&mut self, layout: &Layout, after: Option<&Key>, until: &Key) -> Result<()> {
        self::fold(self, layout, after, until)
    }

    fn aggregate_move_gate(&mut self, layout: &Layout, key: &Key) -> Result<()> {
        self::move_gate(self, layout, key)
    }

    fn aggregate_clear(&mut self, layout: &Layout, limit: usize) -> Result<u64> {
        self::clear(self, layout, limit)
    }

    fn aggregate_sum_sql(&self, layout: &Layout, place: usize) -> Result<(String, String)> {
        read_sum(layout, place)
    }

    fn aggregate_cell_sql(&self, layout: &Layout, position: usize, cell: &str) -> Result<String> {
        let own = Self::own(&layout.table)?;
        Ok(own.types[position].read_sql(cell))
    }
}

/// The statements that make an aggregate's tables, function and triggers.
fn objects(session: &mut PostgresSession, layout: &Layout) -> Result<Vec<Object>> {
    check(session, layout)?;
    let schema = schema(session)?;
    let ours = |table: String| format!("{schema}.{}", quote(&table));
    let name = layout.name();
    let table = &layout.table.sql_name;
    let groups = ours(groups_table(name));
    let mut objects = vec![Object {
        name: groups_table(name),
        sql: groups_sql(layout, &groups),
    }];
    let source = source_view(name);
    objects.push(Object {
        sql: format!(
            "CREATE VIEW {} AS SELECT {} FROM {table}",
            ours(source.clone()),
            function::matters(layout)
        ),
        name: source,
    });
    let keys: Vec<String> = (layout.table.key.iter().enumerate())
        .map(|(at, key)| format!("{} AS k{at}", key.sql_name))
        .collect();
    let gate = ours(gate_table(name));
    objects.push(Object {
        name: gate_table(name),
        sql: format!(
            "CREATE TABLE {gate} AS SELECT {} FROM {table} WITH NO DATA",
            keys.join(", ")
        ),
    });
    for (at, column) in layout.extremes.iter().enumerate() {
        let (values, column) = (ours(value_table(name, at)), layout.column(*column));
        objects.push(Object {
            name: value_table(name, at),
            sql: format!(
                "CREATE TABLE {values} AS SELECT 0::bigint AS group_id, {column} AS value, 0::bigint AS n FROM {table} WITH NO DATA; \
                 ALTER TABLE {values} ADD PRIMARY KEY (group_id, value), ALTER COLUMN n SET NOT NULL; \
                 CREATE INDEX ON {values} (group_id) WHERE n = 0"
            ),
        });
    }
    let function = ours(groups_table(name));
    objects.push(Object {
        name: groups_table(name),
        sql: format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {QUOTE}{}{QUOTE}",
            function::body(layout, &schema)
        ),
    });
    for (event, refers, suffix) in TRIGGERS {
        let trigger = trigger_name(name, suffix);
        let sql = format!(
            "CREATE TRIGGER {} AFTER {event} ON {table} {refers}FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
            quote(&trigger)
        );
        objects.push(Object { name: trigger, sql });
    }
    Ok(objects)
}

/// No column is named like this.
const QUOTE: &str = "$driftless$";

/// The statements that remove whatever there is of an aggregate; the triggers go with their function.
fn drop_script(name: &str) -> String {
    let mut sql = format!(
        "DROP FUNCTION IF EXISTS {}() CASCADE; DROP VIEW IF EXISTS {};",
        quote(&groups_table(name)),
        quote(&source_view(name))
    );
    for table in [groups_table(name), gate_table(name)] {
        sql += &format!("DROP TABLE IF EXISTS {};", quote(&table));
    }
    for at in 0..MAX_EXTREMES {
        sql += &format!("DROP TABLE IF EXISTS {};", quote(&value_table(name, at)));
    }
    sql
}

/// The schema that our own tables are in, or will be, as SQL writes it.
pub(super) fn schema(session: &mut PostgresSession) -> Result<String> {
    let sql = "SELECT coalesce((SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.oid = pg_catalog.to_regclass('migration_aggregate')), pg_catalog.current_schema()::text)";
    let answer = session.ask(sql, Vec::new())?;
    let name: Option<&str> = answer.rows.first().and_then(|row| row.get(0));
    name.map(quote).ok_or_else(|| {
        Error::database(
            "no schema of this role's search_path exists or may be used; GRANT USAGE, CREATE ON SCHEMA … TO it (public, as a rule)",
        )
    })
}

fn groups_sql(layout: &Layout, groups: &str) -> String {
    let mut columns = vec!["0::bigint AS group_id".to_owned()];
    columns.extend(
        (layout.by.iter().enumerate())
            .map(|(at, column)| format!("{} AS by{at}", layout.column(*column))),
    );
    columns.push("0::bigint AS count".into());
    let mut set = vec!["ALTER COLUMN count SET NOT NULL".to_owned()];
    for at in 0..layout.measures.len() {
        columns.push(format!("0::bigint AS present{at}, 0::numeric AS sum{at}"));
        set.push(format!(
            "ALTER COLUMN present{at} SET NOT NULL, ALTER COLUMN sum{at} SET NOT NULL"
        ));
    }
    format!(
        "CREATE TABLE {groups} AS SELECT {} FROM {} WITH NO DATA; \
         ALTER TABLE {groups} ADD PRIMARY KEY (group_id), ALTER COLUMN group_id ADD GENERATED ALWAYS AS IDENTITY, \
         ADD UNIQUE NULLS NOT DISTINCT ({}), {}",
        columns.join(", "),
        layout.table.sql_name,
        layout.by_list(),
        set.join(", ")
    )
}

/// What is missing of an aggregate's tables, function and triggers, or is not as we made it.
fn damage(
    session: &mut PostgresSession,
    layout: &Layout,
    objects: &[Object],
) -> Result<Option<String>> {
    let own = PostgresSession::own(&layout.table)?;
    let function = groups_table(layout.name());
    for Object { name, sql } in objects {
        let (found, parameters) = if sql.starts_with("CREATE TRIGGER") {
            (
                "SELECT tgenabled = 'O' FROM pg_catalog.pg_trigger WHERE tgname = $1 AND tgrelid = $2::oid",
                vec![
                    Parameter::untyped(&Value::Text(name.clone()))?,
                    Parameter::untyped(&Value::Integer(own.oid.into()))?,
                ],
            )
        } else if sql.starts_with("CREATE FUNCTION") {
            let body = sql.split(QUOTE).nth(1).unwrap_or_default();
            (
                "SELECT prosrc = $2 FROM pg_catalog.pg_proc WHERE oid = pg_catalog.to_regproc($1)",
                vec![
                    Parameter::untyped(&Value::Text(quote(&function)))?,
                    Parameter::untyped(&Value::Text(body.into()))?,
                ],
            )
        } else {
            (
                "SELECT TRUE WHERE pg_catalog.to_regclass($1) IS NOT NULL",
                vec![Parameter::untyped(&Value::Text(quote(name)))?],
            )
        };
        let answer = session.ask(found, parameters)?;
        match answer.rows.first().map(|row| row.get(0)) {
            None => return Ok(Some(format!("{name} is gone"))),
            Some(false) => return Ok(Some(format!("{name} is disabled or not as it was made"))),
            Some(true) => {}
        }
    }
    Ok(None)
}

/// Whether all of an aggregate's triggers are there and fire, as SQL.
fn intact_sql(name: &str) -> String {
    let names = TRIGGERS.map(|(_, _, suffix)| format!("'{}'", trigger_name(name, suffix)));
    format!(
        "(SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgname IN ({}) AND tgenabled = 'O' \
         AND tgfoid = pg_catalog.to_regproc('{}')) = {}",
        names.join(", "),
        quote(&groups_table(name)),
        names.len()
    )
}
