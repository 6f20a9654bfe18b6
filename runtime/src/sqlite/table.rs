//! A table's make-up, from SQLite's own pragmas.

use super::error::translate;
use crate::error::{Error, Result};
use crate::store::{Column, KeyColumn, TableInfo, quote};
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;

/// The column names of a table, lower case; `None` when there is no such table.
pub(super) fn column_names(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Option<Vec<String>>> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_xinfo(?1)")?;
    let names: Vec<String> = statement
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(if names.is_empty() { None } else { Some(names) })
}

/// Everything the engine needs to know about a table.
pub(super) fn describe(
    connection: &Connection,
    schema: Option<&str>,
    name: &str,
) -> Result<TableInfo> {
    if let Some(schema) = schema.filter(|schema| !schema.eq_ignore_ascii_case("main")) {
        return Err(Error::database(format!(
            "{schema}.{name} is in schema {schema}, and SQLite migrations reach the main database only; a table whose own name has a dot is written in quotes: \"\\\"{schema}.{name}\\\"\""
        )));
    }
    let (name, without_rowid) = find(connection, name)?;
    let columns = columns(connection, &name).map_err(translate)?;
    let primary_key_index = primary_key_index(connection, &name).map_err(translate)?;
    let declared = declared_key(&columns);
    let row_number = !without_rowid && (declared.is_empty() || primary_key_index.is_none());
    let key = if declared.is_empty() {
        vec![hidden_row_number(&name, &columns)?]
    } else {
        declared_columns(declared, without_rowid || row_number)
    };
    let triggers = triggers(connection, &name).map_err(translate)?;
    Ok(TableInfo {
        sql_name: quote(&name),
        // Keeps the planner on the key's own order whatever other index the filter might suit: a page must not sort.
        // SQLite does not heed NOT INDEXED on a table without row numbers, and knows its key by the name of an index.
        scan_hint: match (&primary_key_index, row_number) {
            (Some(index), false) => format!("INDEXED BY {}", quote(index)),
            _ => "NOT INDEXED".into(),
        },
        columns: columns
            .into_iter()
            .map(|column| Column {
                generated: column.hidden > 1,
                bytes: column.declared.to_ascii_uppercase().contains("BLOB"),
                read_sql: quote(&column.name),
                name: column.name,
            })
            .collect(),
        key,
        key_is_row_number: row_number,
        triggers,
        name,
        store_own: Arc::new(()),
    })
}

struct RawColumn {
    name: String,
    not_null: bool,
    key_position: i64,
    /// 0 plain, 1 hidden in a virtual table, 2 and 3 generated.
    hidden: i64,
    /// The type as declared; may be empty.
    declared: String,
}

/// The table's name as the database spells it, and whether it has no row numbers.
fn find(connection: &Connection, name: &str) -> Result<(String, bool)> {
    let found = connection
        .query_row(
            "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE ORDER BY name = ?1 DESC",
            [name],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)),
        )
        .optional()
        .map_err(translate)?;
    match found {
        None => Err(missing(connection, name)),
        Some((name, kind, _)) if kind == "view" => Err(Error::database(format!(
            "{name} is a view, and a view has no rows of its own to rewrite; name the table it reads from"
        ))),
        Some((name, kind, _)) if kind != "table" => Err(Error::database(format!(
            "{name} is a {kind} table, which cannot be visited in key order; migrate the table behind it"
        ))),
        Some((name, _, without_rowid)) => Ok((name, without_rowid)),
    }
}

fn missing(connection: &Connection, name: &str) -> Error {
    let tables = connection
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE 'migration!_%' ESCAPE '!' ORDER BY name")
        .and_then(|mut statement| statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>())
        .unwrap_or_default();
    let nearest = tables
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = match nearest {
        Some(nearest) if strsim::jaro_winkler(nearest, name) > 0.8 => {
            format!("; did you mean {nearest}?")
        }
        Some(_) => format!("; it has {}", tables.join(", ")),
        None => "; the database has no tables at all".into(),
    };
    Error::database(format!("the database has no table {name}{hint}"))
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<RawColumn>> {
    let mut statement = connection.prepare(
        "SELECT name, \"notnull\", pk, hidden, type FROM pragma_table_xinfo(?1) ORDER BY cid",
    )?;
    let columns = statement.query_map([table], |row| {
        Ok(RawColumn {
            name: row.get(0)?,
            not_null: row.get(1)?,
            key_position: row.get(2)?,
            hidden: row.get(3)?,
            declared: row.get(4)?,
        })
    })?;
    columns.collect()
}

/// The index behind the primary key; `None` when the key is the row number or the table itself.
fn primary_key_index(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT name FROM pragma_index_list(?1) WHERE origin = 'pk'",
            [table],
            |row| row.get(0),
        )
        .optional()
}

fn declared_key(columns: &[RawColumn]) -> Vec<&RawColumn> {
    let mut key: Vec<&RawColumn> = columns
        .iter()
        .filter(|column| column.key_position > 0)
        .collect();
    key.sort_by_key(|column| column.key_position);
    key
}

fn declared_columns(key: Vec<&RawColumn>, never_null: bool) -> Vec<KeyColumn> {
    let columns = key.into_iter().map(|column| KeyColumn {
        sql_name: quote(&column.name),
        nullable: !never_null && !column.not_null,
        name: column.name.clone(),
    });
    columns.collect()
}

/// The row number goes by three names; a table may take one or two of them for columns of its own.
fn hidden_row_number(table: &str, columns: &[RawColumn]) -> Result<KeyColumn> {
    let free = ["_rowid_", "rowid", "oid"].into_iter().find(|name| {
        !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
    });
    let name = free.ok_or_else(|| {
        Error::database(format!("{table} has no primary key, and its columns hide the row number; give it a primary key to migrate it"))
    })?;
    Ok(KeyColumn {
        name: name.into(),
        sql_name: name.into(),
        nullable: false,
    })
}

/// The app's triggers, without those that keep our aggregates.
fn triggers(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE \
         AND sql NOT LIKE '% FROM migration_aggregate WHERE name = %' ORDER BY name",
    )?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}

/// The tables whose rows a statement writes, foreign key actions included: those that its program opens for writing or
/// empties. SQL that is refused writes nothing.
pub(super) fn written_by(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let Ok(mut program) = connection.prepare(&format!("EXPLAIN {sql}")) else {
        return Ok(Vec::new());
    };
    let mut rows = program.raw_query();
    let mut pages: Vec<i64> = Vec::new();
    while let Some(row) = rows.next()? {
        let opcode: String = row.get(1)?;
        // The number of the table's or index's first page, and 0 for the main database.
        let page: (i64, i64) = match opcode.as_str() {
            "OpenWrite" => (row.get(3)?, row.get(4)?),
            "Clear" => (row.get(2)?, row.get(3)?),
            _ => continue,
        };
        if page.1 == 0 && !pages.contains(&page.0) {
            pages.push(page.0);
        }
    }
    drop(rows);
    let mut tables = Vec::new();
    let mut find =
        connection.prepare_cached("SELECT tbl_name FROM sqlite_schema WHERE rootpage = ?1")?;
    for page in pages {
        let found: Option<String> = find.query_row([page], |row| row.get(0)).optional()?;
        if let Some(name) = found
            .map(|name| quote(&name))
            .filter(|name| !tables.contains(name))
        {
            tables.push(name);
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_a_statement_writes_are_known_with_foreign_key_actions_and_without_what_is_read()
     {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON;
                 CREATE TABLE project (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
                 CREATE TABLE todo (id INTEGER PRIMARY KEY, project REFERENCES project ON DELETE CASCADE);
                 CREATE TABLE note (todo REFERENCES todo ON DELETE SET NULL, text);
                 CREATE TABLE tag (code REFERENCES project (code) ON UPDATE CASCADE);
                 CREATE TABLE plain (x) ;
                 CREATE TABLE keyed (x PRIMARY KEY) WITHOUT ROWID;",
            )
            .unwrap();
        let written = |sql: &str| {
            let mut tables = written_by(&connection, sql).unwrap();
            tables.sort();
            tables.join(" ").replace('"', "")
        };
        for (sql, tables) in [
            ("SELECT * FROM todo", ""),
            (
                "INSERT INTO plain SELECT id FROM todo WHERE id = ?1",
                "plain",
            ),
            ("DELETE FROM plain", "plain"),
            ("UPDATE plain SET x = (SELECT count(*) FROM note)", "plain"),
            ("REPLACE INTO keyed VALUES ($1)", "keyed"),
            ("DELETE FROM project WHERE id = $1", "note project todo"),
            ("DELETE FROM todo", "note todo"),
            ("UPDATE project SET code = code", "project tag"),
            ("no SQL at all", ""),
        ] {
            assert_eq!(written(sql), tables, "{sql}");
        }
    }
}
