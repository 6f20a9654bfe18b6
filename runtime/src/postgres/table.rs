//! A table's make-up, from the catalog.

use super::foreign_keys::{self, ForeignKey};
use super::session::PostgresSession;
use super::types::{ColumnType, Parameter, TYPES_SQL, TypeFacts};
use super::wire::Answer;
use crate::error::{Error, Result};
use crate::store::{Column, KeyColumn, TableInfo, quote};
use crate::value::Value;
use std::sync::Arc;
use tokio_postgres::Row;

/// What only this store knows of a table.
#[derive(Debug)]
pub(super) struct Table {
    /// Its number in the catalog.
    pub oid: u32,
    /// The numbers of the tables that hold its rows: its own, its partitions', its children's.
    pub tree: Vec<u32>,
    /// The types of its columns, by position.
    pub types: Vec<ColumnType>,
    /// Positions of the key's columns.
    pub key: Vec<usize>,
    /// Triggers that somebody made and did not disable, here and on the table's partitions and children.
    pub triggers: Vec<Trigger>,
    /// Whether rules rewrite statements on it.
    pub has_rules: bool,
    /// Foreign keys of this table.
    pub outgoing: Vec<ForeignKey>,
    /// Foreign keys of other tables (or this one) that point here.
    pub incoming: Vec<ForeignKey>,
}

/// A trigger.
#[derive(Debug)]
pub(super) struct Trigger {
    pub name: String,
    pub fires: Fires,
}

/// When a trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fires {
    /// Unless the session is a replica.
    Normally,
    /// Only when the session is a replica.
    OnReplicas,
    /// Always.
    Always,
}

impl Table {
    /// Whether triggers fire on what a normal statement writes.
    pub(super) fn fires_normally(&self) -> bool {
        self.has_rules
            || self
                .triggers
                .iter()
                .any(|trigger| trigger.fires != Fires::OnReplicas)
    }
}

fn text(value: &str) -> Result<Parameter> {
    Parameter::untyped(&Value::Text(value.into()))
}

fn number(value: u32) -> Result<Parameter> {
    Parameter::untyped(&Value::Integer(value.into()))
}

/// The column names of a table, lower case; `None` when there is no such table.
pub(super) fn column_names(
    session: &mut PostgresSession,
    table: &str,
) -> Result<Option<Vec<String>>> {
    let sql = "SELECT lower(attname::text) FROM pg_catalog.pg_attribute \
               WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let answer = session.ask(sql, vec![text(&quote(table))?])?;
    let names: Vec<String> = answer.rows.iter().map(|row| row.get(0)).collect();
    Ok(if names.is_empty() { None } else { Some(names) })
}

/// Everything the engine needs to know about a table.
pub(super) fn describe(
    session: &mut PostgresSession,
    schema: Option<&str>,
    name: &str,
) -> Result<TableInfo> {
    let found = find(session, schema, name)?;
    let sql_name = format!("{}.{}", quote(&found.schema), quote(&found.name));
    let shown = match schema {
        Some(_) => format!("{}.{}", found.schema, found.name),
        None => found.name.clone(),
    };
    refuse_what_is_no_table(&found, &shown)?;
    let raw = columns(session, found.oid)?;
    let types = types(session, found.oid, &raw, &shown)?;
    let key = key(session, found.oid, &raw)?;
    if key.is_empty() {
        return Err(Error::database(format!(
            "{shown} has no primary key, and without one its rows cannot be visited in a fixed order; give it one: ALTER TABLE {sql_name} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        )));
    }
    let tree = tree(session, found.oid)?;
    let triggers = triggers(session, found.oid)?;
    let (outgoing, incoming) = foreign_keys::load(session, found.oid)?;
    let key_columns = key.iter().map(|at| KeyColumn {
        name: raw[*at].name.clone(),
        sql_name: quote(&raw[*at].name),
        nullable: false,
    });
    Ok(TableInfo {
        key: key_columns.collect(),
        columns: raw
            .iter()
            .zip(&types)
            .map(|(column, of)| Column {
                name: column.name.clone(),
                generated: column.computed,
                bytes: of.kind == super::types::Kind::Bytes,
                read_sql: of.read_sql(&quote(&column.name)),
            })
            .collect(),
        key_is_row_number: false,
        scan_hint: String::new(),
        triggers: triggers
            .iter()
            .filter(|trigger| trigger.fires != Fires::OnReplicas)
            .map(|trigger| trigger.name.clone())
            .collect(),
        name: shown,
        sql_name,
        store_own: Arc::new(Table {
            oid: found.oid,
            tree,
            types,
            key,
            triggers,
            has_rules: found.has_rules,
            outgoing,
            incoming,
        }),
    })
}

/// Something that has a name in the catalog's list of relations.
struct Relation {
    oid: u32,
    schema: String,
    name: String,
    kind: String,
    has_rules: bool,
    /// Whether policies hide rows from this role.
    hides_rows: bool,
}

/// The relation a name means: the exact name first, along the search path, then one that differs in case only.
fn find(session: &mut PostgresSession, schema: Option<&str>, name: &str) -> Result<Relation> {
    let hides = if session.shared.flavor().cockroach {
        "FALSE"
    } else {
        "pg_catalog.row_security_active(c.oid)"
    };
    let sql = format!(
        "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relhasrules, {hides} \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE lower(c.relname::text) = lower($1::text) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
         AND CASE WHEN $2::text IS NULL THEN n.nspname = ANY (pg_catalog.current_schemas(FALSE)) ELSE lower(n.nspname::text) = lower($2::text) END \
         ORDER BY c.relname = $1 DESC, n.nspname = $2 DESC, array_position(pg_catalog.current_schemas(FALSE), n.nspname)"
    );
    let schema_parameter =
        Parameter::untyped(&schema.map_or(Value::Null, |schema| Value::Text(schema.into())))?;
    let answer = session.ask(&sql, vec![text(name)?, schema_parameter])?;
    let mut found: Vec<Relation> = answer.rows.iter().map(relation).collect();
    let exact = |relation: &Relation| {
        relation.name == name && schema.is_none_or(|schema| relation.schema == schema)
    };
    match found.as_slice() {
        [] => match (schema, name.split_once('.')) {
            (None, Some((schema, name))) => find(session, Some(schema), name),
            _ => Err(missing(session, schema, name)?),
        },
        [first, ..] if exact(first) => Ok(found.swap_remove(0)),
        [_] => Ok(found.swap_remove(0)),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|relation| format!("{}.{}", relation.schema, relation.name))
                .collect();
            Err(Error::database(format!(
                "the table name {name} may mean {}; write the one that is meant exactly",
                names.join(" or ")
            )))
        }
    }
}

fn relation(row: &Row) -> Relation {
    Relation {
        oid: row.get(0),
        schema: row.get(1),
        name: row.get(2),
        kind: row.get(3),
        has_rules: row.get(4),
        hides_rows: row.get(5),
    }
}

fn refuse_what_is_no_table(found: &Relation, shown: &str) -> Result<()> {
    let why = match found.kind.as_str() {
        "v" => {
            "is a view, and a view has no rows of its own to rewrite; name the table it reads from"
        }
        "m" => {
            "is a materialized view, whose rows are made by its query; migrate the tables behind it and refresh it"
        }
        "f" => "is a foreign table, whose rows live in another database; migrate them there",
        _ if found.hides_rows => {
            "has row level security, which hides rows from this role, so that not every row would be visited; run as a role with BYPASSRLS or as the table's owner"
        }
        _ => return Ok(()),
    };
    Err(Error::database(format!("{shown} {why}")))
}

fn missing(session: &mut PostgresSession, schema: Option<&str>, name: &str) -> Result<Error> {
    let sql = "SELECT CASE WHEN n.nspname = ANY (pg_catalog.current_schemas(FALSE)) THEN c.relname::text ELSE n.nspname::text || '.' || c.relname::text END \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'migration!_%' ESCAPE '!' \
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'crdb_internal') AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!' ORDER BY 1";
    let answer = session.ask(sql, Vec::new())?;
    let tables: Vec<String> = answer.rows.iter().map(|row| row.get(0)).collect();
    let asked = schema.map_or(name.to_owned(), |schema| format!("{schema}.{name}"));
    let alike =
        |table: &String| strsim::jaro_winkler(table, &asked).max(strsim::jaro_winkler(table, name));
    let nearest = tables.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    let hint = match nearest {
        Some(nearest) if alike(nearest) > 0.8 => format!("; did you mean {nearest}?"),
        Some(_) if tables.len() <= 20 => format!("; it has {}", tables.join(", ")),
        Some(_) => "; a table outside of the search path is written with its schema".into(),
        None => "; the database has no tables at all".into(),
    };
    Ok(Error::database(format!(
        "the database has no table {asked}{hint}"
    )))
}

struct RawColumn {
    number: i16,
    name: String,
    type_oid: u32,
    /// Whether the database alone writes it: GENERATED ALWAYS, as an expression or as an identity.
    computed: bool,
    /// Whether texts that differ may be equal under its collation.
    loose: bool,
}

fn columns(session: &mut PostgresSession, table: u32) -> Result<Vec<RawColumn>> {
    // Older servers lack some of these columns of the catalog; as JSON what is not there is NULL.
    let sql = "SELECT a.attnum, a.attname::text, a.atttypid, \
                      coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '' OR coalesce(to_jsonb(a) ->> 'attidentity', '') = 'a', \
                      coalesce(to_jsonb(c) ->> 'collisdeterministic', 'true') = 'false' \
               FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation \
               WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let answer = session.ask(sql, vec![number(table)?])?;
    let columns = answer.rows.iter().map(|row| RawColumn {
        number: row.get(0),
        name: row.get(1),
        type_oid: row.get(2),
        computed: row.get(3),
        loose: row.get(4),
    });
    Ok(columns.collect())
}

fn types(
    session: &mut PostgresSession,
    table: u32,
    columns: &[RawColumn],
    shown: &str,
) -> Result<Vec<ColumnType>> {
    let answer: Answer = session.ask(TYPES_SQL, vec![number(table)?])?;
    let facts: Vec<TypeFacts> = answer.rows.iter().map(type_facts).collect();
    let types = columns.iter().map(|column| {
        let of = ColumnType::of(&facts, column.type_oid).ok_or_else(|| {
            Error::database(format!(
                "the type of column {} of {shown} is not in the catalog",
                column.name
            ))
        })?;
        Ok(if column.loose {
            of.with_loose_collation()
        } else {
            of
        })
    });
    types.collect()
}

fn type_facts(row: &Row) -> TypeFacts {
    TypeFacts {
        oid: row.get(0),
        name: row.get(1),
        typtype: row.get(2),
        base: row.get(3),
        element: row.get(4),
        array: row.get(5),
        sql_name: row.get(6),
    }
}

/// Positions of the key's columns, in the key's order.
fn key(session: &mut PostgresSession, table: u32, columns: &[RawColumn]) -> Result<Vec<usize>> {
    let sql = "SELECT conkey FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND contype = 'p'";
    let answer = session.ask(sql, vec![number(table)?])?;
    let numbers: Vec<i16> = answer.rows.first().map_or_else(Vec::new, |row| row.get(0));
    let position = |number: &i16| columns.iter().position(|column| column.number == *number);
    Ok(numbers.iter().filter_map(position).collect())
}

fn tree(session: &mut PostgresSession, table: u32) -> Result<Vec<u32>> {
    let sql = "WITH RECURSIVE tree (oid) AS ( \
                   SELECT $1::oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent = tree.oid) \
               SELECT oid FROM tree";
    let answer = session.ask(sql, vec![number(table)?])?;
    Ok(answer.rows.iter().map(|row| row.get(0)).collect())
}

/// Those that keep our aggregates are not among them: they are no concern of the app's, and an aggregate whose table is
/// rewritten past it is marked STALE.
fn triggers(session: &mut PostgresSession, table: u32) -> Result<Vec<Trigger>> {
    let sql = "WITH RECURSIVE tree (oid) AS ( \
                   SELECT $1::oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent = tree.oid) \
               SELECT DISTINCT tgname::text, tgenabled::text FROM pg_catalog.pg_trigger JOIN tree ON tgrelid = tree.oid \
               WHERE NOT tgisinternal AND tgenabled <> 'D' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_proc p \
               WHERE p.oid = tgfoid AND p.proname LIKE 'migration!_aggregate!_%' ESCAPE '!') ORDER BY 1";
    let answer = session.ask(sql, vec![number(table)?])?;
    let triggers = answer.rows.iter().map(|row| Trigger {
        name: row.get(0),
        fires: match row.get::<_, &str>(1) {
            "R" => Fires::OnReplicas,
            "A" => Fires::Always,
            _ => Fires::Normally,
        },
    });
    Ok(triggers.collect())
}
