//! What could not be kept current is refused before anything is made.

use super::FIRST_OWN_OID;
use super::sums::measure;
use crate::aggregate::Layout;
use crate::error::{Error, Result};
use crate::postgres::session::PostgresSession;
use crate::postgres::types::{ColumnType, Kind, Parameter};
use crate::value::Value;

/// Refuses what could not be kept current.
pub(super) fn check(session: &mut PostgresSession, layout: &Layout) -> Result<()> {
    let (name, table) = (layout.name(), &layout.table);
    let own = PostgresSession::own(table)?;
    let refuse = |why: String| Err(Error::database(format!("aggregate {name}: {why}")));
    let answer = session.ask(
        "SELECT pg_catalog.current_setting('server_version_num')::int, relkind::text, \
         EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid) \
         FROM pg_catalog.pg_class c WHERE oid = $1",
        vec![Parameter::untyped(&Value::Integer(own.oid.into()))?],
    )?;
    if let Some(row) = answer.rows.first() {
        let (version, kind, inherits): (i32, &str, bool) = (row.get(0), row.get(1), row.get(2));
        if session.shared.flavor().cockroach || version < 150_000 {
            return refuse("aggregates need Postgres 15 or newer".into());
        }
        if kind == "p" || inherits {
            return refuse(format!(
                "{} is partitioned or has or is a child of other tables, and a statement that names a partition would pass our triggers by; declare it on a plain table",
                table.name
            ));
        }
    }
    for at in own.key.iter().chain(&layout.by) {
        let ColumnType {
            name: of,
            oid,
            kind,
            ..
        } = &own.types[*at];
        // Their operators would have to be looked up in schemas that anybody may write to.
        if *oid >= FIRST_OWN_OID && *kind == Kind::AsText || of.ends_with("citext") {
            return refuse(format!(
                "column {} of {} is of the type {of}, which is not Postgres' own and cannot be part of a key here",
                table.columns[*at].name, table.name
            ));
        }
    }
    for at in &layout.measures {
        if measure(&own.types[*at].kind).is_none() {
            return refuse(format!(
                "sum and avg are of numbers, and column {} of {} is {}",
                table.columns[*at].name, table.name, own.types[*at].name
            ));
        }
    }
    check_functions(session, layout)
}

/// Whether the database can group by the keys and order the extremes: it is asked, without a row.
fn check_functions(session: &mut PostgresSession, layout: &Layout) -> Result<()> {
    let table = &layout.table;
    let by: Vec<String> = layout.by.iter().map(|at| layout.column(*at)).collect();
    let grouped = format!(
        "SELECT count(*) FROM {} GROUP BY {} LIMIT 0",
        table.sql_name,
        by.join(", ")
    );
    let name = layout.name();
    session.ask(&grouped, Vec::new()).map_err(|error| {
        error.context(format!(
            "aggregate {name} cannot group {} by {}",
            table.name,
            by.join(", ")
        ))
    })?;
    for at in &layout.extremes {
        let column = layout.column(*at);
        let sql = format!(
            "SELECT 1 FROM {0} GROUP BY {column} HAVING min({column}) > max({column}) LIMIT 0",
            table.sql_name
        );
        session.ask(&sql, Vec::new()).map_err(|error| {
            error.context(format!(
                "aggregate {name} wants the smallest or largest {column} of {}, and its type has none",
                table.name
            ))
        })?;
    }
    Ok(())
}
