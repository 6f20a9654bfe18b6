//! Foreign keys: what they pass on, and checking them by hand where Postgres does not (see [`bypass`](super::bypass)).
//!
//! Checked as Postgres does it, in the same transaction and at once; a constraint that was deferred is not deferred here.
//! A row that points: what it points to is locked against removal and must be there. A row that is pointed to: it is locked
//! before it is changed, which waits for whoever is just making a row that points to it; afterwards nothing may point to
//! what is gone.

use super::page::key_columns;
use super::session::{PostgresSession, raw_cell};
use super::table::Table;
use super::types::{ColumnType, Kind, Parameter};
use super::unnest::Unnested;
use super::write::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::patch::Patch;
use crate::store::{TableInfo, quote};
use crate::value::{Key, Value};

/// A foreign key.
#[derive(Debug)]
pub(super) struct ForeignKey {
    name: String,
    /// The table whose rows point, as SQL writes it.
    from_table: String,
    from_columns: Vec<String>,
    /// The table they point to, as SQL writes it.
    to_table: String,
    to_columns: Vec<String>,
    /// MATCH FULL: all of the columns are NULL or none.
    full: bool,
    on_delete: Action,
    on_update: Action,
}

/// What happens to the rows that point when what they point to goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// NO ACTION, RESTRICT: it may not go.
    Refuse,
    Cascade,
    SetNull,
    SetDefault,
}

impl Action {
    fn parse(code: &str) -> Self {
        match code {
            "c" => Action::Cascade,
            "n" => Action::SetNull,
            "d" => Action::SetDefault,
            _ => Action::Refuse,
        }
    }

    fn as_sql(self) -> &'static str {
        match self {
            Action::Refuse => "NO ACTION",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        }
    }
}

impl ForeignKey {
    /// What a change to the row that is pointed to does to the rows that point; `None` when it does not concern them.
    fn action(&self, patch: &Patch) -> Option<Action> {
        if patch.delete {
            return Some(self.on_delete);
        }
        sets_one_of(patch, &self.to_columns).then_some(self.on_update)
    }

    /// Whether a change to the row that is pointed to changes the rows that point.
    pub(super) fn is_passed_on(&self, patch: &Patch) -> bool {
        self.action(patch)
            .is_some_and(|action| action != Action::Refuse)
    }
}

fn sets_one_of(patch: &Patch, columns: &[String]) -> bool {
    let is_set = |column: &String| {
        patch
            .columns
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(column))
    };
    columns.iter().any(is_set)
}

/// The foreign keys of a table and those that point to it.
pub(super) fn load(
    session: &mut PostgresSession,
    table: u32,
) -> Result<(Vec<ForeignKey>, Vec<ForeignKey>)> {
    let names = |table: &str, numbers: &str| {
        format!(
            "ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY AS part (number, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = {table} AND a.attnum = part.number ORDER BY part.place)"
        )
    };
    let sql = format!(
        "SELECT k.conname::text, fn.nspname::text, f.relname::text, {}, tn.nspname::text, t.relname::text, {}, \
         k.confmatchtype::text, k.confdeltype::text, k.confupdtype::text, k.conrelid = $1, k.confrelid = $1 \
         FROM pg_catalog.pg_constraint k \
         JOIN pg_catalog.pg_class f ON f.oid = k.conrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace \
         JOIN pg_catalog.pg_class t ON t.oid = k.confrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace \
         WHERE k.contype = 'f' AND (k.conrelid = $1 OR k.confrelid = $1) ORDER BY 1",
        names("k.conrelid", "k.conkey"),
        names("k.confrelid", "k.confkey"),
    );
    let answer = session.ask(
        &sql,
        vec![Parameter::untyped(&Value::Integer(table.into()))?],
    )?;
    let (mut outgoing, mut incoming) = (Vec::new(), Vec::new());
    for row in &answer.rows {
        let sql_name = |at: usize| format!("{}.{}", quote(row.get(at)), quote(row.get(at + 1)));
        let key = || ForeignKey {
            name: row.get(0),
            from_table: sql_name(1),
            from_columns: row.get(3),
            to_table: sql_name(4),
            to_columns: row.get(6),
            full: row.get::<_, &str>(7) == "f",
            on_delete: Action::parse(row.get(8)),
            on_update: Action::parse(row.get(9)),
        };
        if row.get(10) {
            outgoing.push(key());
        }
        if row.get(11) {
            incoming.push(key());
        }
    }
    Ok((outgoing, incoming))
}

/// A query that finds a row by which a foreign key does not hold, if there is one.
pub(super) struct Check {
    pub sql: String,
    pub parameters: Vec<Parameter>,
    pub broken: Error,
}

/// Checks that the rows of these changes point to rows that are there.
pub(super) fn of_what_points(
    table: &TableInfo,
    own: &Table,
    keys: &[Key],
    group: &[Change<'_>],
) -> Result<Vec<Check>> {
    let patch = &group[0].1.1;
    let concerned = own
        .outgoing
        .iter()
        .filter(|key| !patch.delete && sets_one_of(patch, &key.from_columns));
    concerned
        .map(|key| {
            let mut rows = Unnested::default();
            let conditions = rows.keys(table, keys, group)?;
            Ok(points_nowhere(
                key,
                table,
                &rows.source(false),
                conditions,
                rows.parameters,
            ))
        })
        .collect()
}

/// Checks that one row, just inserted, points to rows that are there.
pub(super) fn of_an_inserted_row(
    table: &TableInfo,
    own: &Table,
    inserted: &Key,
) -> Result<Vec<Check>> {
    let check = |key| {
        let (mut conditions, mut parameters) = (Vec::new(), Vec::new());
        for ((column, name), value) in key_columns(table)?.zip(&table.key).zip(inserted) {
            parameters.push(Parameter::one(column.of, value)?);
            let name = column.of.compare_sql(&format!("d.{}", name.sql_name));
            conditions.push(format!("{name} = ${}", parameters.len()));
        }
        Ok(points_nowhere(key, table, "", conditions, parameters))
    };
    own.outgoing.iter().map(check).collect()
}

fn points_nowhere(
    key: &ForeignKey,
    table: &TableInfo,
    source: &str,
    mut conditions: Vec<String>,
    parameters: Vec<Parameter>,
) -> Check {
    let from: Vec<String> = key
        .from_columns
        .iter()
        .map(|name| format!("d.{}", quote(name)))
        .collect();
    let all_set: Vec<String> = from
        .iter()
        .map(|name| format!("{name} IS NOT NULL"))
        .collect();
    let pairs = key.to_columns.iter().zip(&from);
    let there: Vec<String> = pairs
        .map(|(to, from)| format!("r.{} = {from}", quote(to)))
        .collect();
    let mut broken = format!(
        "({} AND NOT EXISTS (SELECT 1 FROM {} AS r WHERE {} FOR KEY SHARE))",
        all_set.join(" AND "),
        key.to_table,
        there.join(" AND ")
    );
    if key.full && from.len() > 1 {
        let nulls = from.join(", ");
        broken = format!(
            "({broken} OR num_nulls({nulls}) BETWEEN 1 AND {})",
            from.len() - 1
        );
    }
    conditions.push(broken);
    let source = if source.is_empty() {
        String::new()
    } else {
        format!(", {source}")
    };
    Check {
        sql: format!(
            "SELECT 1 FROM {} AS d{source} WHERE {} LIMIT 1",
            table.sql_name,
            conditions.join(" AND ")
        ),
        parameters,
        broken: Error::new(
            ErrorKind::Constraint,
            format!(
                "foreign key {} does not hold: ({}) of {} would point to no row of {}",
                key.name,
                key.from_columns.join(", "),
                table.name,
                key.to_table
            ),
        ),
    }
}

/// Rows that are pointed to and about to change: what foreign keys point to, as it was.
pub(super) struct PointedTo<'t> {
    key: &'t ForeignKey,
    columns: Vec<&'t ColumnType>,
    rows: Vec<tokio_postgres::Row>,
}

/// Locks the rows of these changes, if others may point to them, and reads what they point to.
pub(super) fn lock_what_is_pointed_to<'t>(
    session: &mut PostgresSession,
    table: &TableInfo,
    own: &'t Table,
    keys: &[Key],
    group: &[Change<'_>],
) -> Result<Vec<PointedTo<'t>>> {
    let patch = &group[0].1.1;
    let mut locked = Vec::new();
    for key in &own.incoming {
        let Some(action) = key.action(patch) else {
            continue;
        };
        if action != Action::Refuse {
            return Err(passes_on(key, action, table, patch));
        }
        let positions = key
            .to_columns
            .iter()
            .filter_map(|name| table.position(name));
        let positions: Vec<usize> = positions.collect();
        let read = positions
            .iter()
            .map(|at| own.types[*at].read_sql(&format!("d.{}", quote(&table.columns[*at].name))));
        let mut rows = Unnested::default();
        let conditions = rows.keys(table, keys, group)?;
        let sql = format!(
            "SELECT {} FROM {} AS d, {} WHERE {} FOR UPDATE OF d",
            read.collect::<Vec<_>>().join(", "),
            table.sql_name,
            rows.source(false),
            conditions.join(" AND ")
        );
        locked.push(PointedTo {
            key,
            columns: positions.iter().map(|at| &own.types[*at]).collect(),
            rows: session.ask(&sql, rows.parameters)?.rows,
        });
    }
    Ok(locked)
}

fn passes_on(key: &ForeignKey, action: Action, table: &TableInfo, patch: &Patch) -> Error {
    let (what, on) = match patch.delete {
        true => ("removing a row", "DELETE"),
        false => ("setting what is pointed to", "UPDATE"),
    };
    Error::new(
        ErrorKind::Constraint,
        format!(
            "foreign key {} of {} says ON {on} {}, and {what} of {} without its triggers would leave that out; say write_mode = \"normal\" in the migration, or change the rows of {} in the step first, or drop the triggers",
            key.name,
            key.from_table,
            action.as_sql(),
            table.name,
            key.from_table
        ),
    )
}

impl PointedTo<'_> {
    /// Checks that nothing points to what is gone. To be asked after the change, in a statement of its own, so that it sees
    /// what was committed while the change waited.
    pub(super) fn check(self, table: &TableInfo) -> Result<Option<Check>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let mut was = Unnested::default();
        let mut cells = Vec::new();
        for (at, of) in self.columns.iter().enumerate() {
            let raw = self.rows.iter().map(|row| raw_cell(row, at));
            let cell = was.add(Parameter::many_raw(of, raw)?);
            cells.push(match of.kind {
                Kind::AsText => format!("{cell}::{}", of.name),
                _ => of.many_sql(&cell),
            });
        }
        let equal = |alias: &str, columns: &[String]| {
            let pairs = columns.iter().zip(&cells);
            let pairs: Vec<String> = pairs
                .map(|(name, cell)| format!("{alias}.{} = {cell}", quote(name)))
                .collect();
            pairs.join(" AND ")
        };
        let ForeignKey {
            name,
            from_table,
            from_columns,
            to_columns,
            ..
        } = self.key;
        let sql = format!(
            "SELECT 1 FROM {} JOIN {from_table} AS f ON {} WHERE NOT EXISTS (SELECT 1 FROM {} AS d WHERE {}) LIMIT 1",
            was.source(false),
            equal("f", from_columns),
            table.sql_name,
            equal("d", to_columns),
        );
        let broken = format!(
            "foreign key {name} does not hold: rows of {from_table} still point to a row of {} that would be gone",
            table.name
        );
        Ok(Some(Check {
            sql,
            parameters: was.parameters,
            broken: Error::new(ErrorKind::Constraint, broken),
        }))
    }
}
