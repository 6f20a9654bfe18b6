//! Columns of the tables we make: of the type and collation of what they hold, so that what is equal there is equal here.

use super::super::error::translate;
use crate::aggregate::Layout;
use crate::error::{Error, Result};
use crate::store::{TableInfo, quote};
use rusqlite::{Connection, OptionalExtension};

/// Types and collations, as columns are declared with.
pub(super) struct Columns {
    pub key: Vec<String>,
    pub by: Vec<String>,
    pub measures: Vec<String>,
    pub extremes: Vec<String>,
}

impl Columns {
    pub(super) fn of(connection: &Connection, layout: &Layout) -> Result<Columns> {
        let table = &layout.table;
        let twin = Twin::new(connection, table)?;
        for at in &layout.measures {
            let affinity = twin.affinity(&table.columns[*at].name)?;
            if affinity == "TEXT" || affinity == "BLOB" {
                return Err(Error::database(format!(
                    "aggregate {} sums column {} of {}, which holds {} and not numbers",
                    layout.name(),
                    table.columns[*at].name,
                    table.name,
                    if affinity == "TEXT" { "text" } else { "bytes" },
                )));
            }
        }
        let of = |at: &usize| twin.column(&table.columns[*at].name);
        let key = table.key.iter().map(|key| twin.column(&key.name));
        Ok(Columns {
            key: key.collect::<Result<_>>()?,
            by: layout.by.iter().map(of).collect::<Result<_>>()?,
            measures: layout.measures.iter().map(of).collect::<Result<_>>()?,
            extremes: layout.extremes.iter().map(of).collect::<Result<_>>()?,
        })
    }
}

/// The table, made again in memory: SQLite tells a column's collation only by an index on it, and an index on a table of
/// millions of rows takes its time.
struct Twin {
    connection: Connection,
    table: String,
}

impl Twin {
    fn new(original: &Connection, table: &TableInfo) -> Result<Twin> {
        let sql: String = original
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [&table.name],
                |row| row.get(0),
            )
            .map_err(translate)?;
        let connection = Connection::open_in_memory().map_err(translate)?;
        connection.execute_batch(&sql).map_err(|error| {
            translate(error).context(format!(
                "the columns of {} cannot be looked at outside of their database",
                table.name
            ))
        })?;
        Ok(Twin {
            connection,
            table: table.name.clone(),
        })
    }

    /// Which kind of value SQLite prefers in a column; empty when it does not care.
    fn affinity(&self, column: &str) -> Result<&'static str> {
        let declared: Option<String> = self
            .connection
            .query_row(
                "SELECT type FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE",
                [&self.table, column],
                |row| row.get(0),
            )
            .optional()
            .map_err(translate)?;
        // A hidden row number is not listed.
        Ok(declared.map_or("INTEGER", |declared| affinity(&declared)))
    }

    /// Type and collation as a new column is declared with.
    fn column(&self, column: &str) -> Result<String> {
        let affinity = self.affinity(column)?;
        let name = format!("driftless_{}", column.len());
        let index = quote(&name);
        let made = self.connection.execute_batch(&format!(
            "CREATE INDEX {index} ON {} ({})",
            quote(&self.table),
            quote(column)
        ));
        if made.is_err() {
            // The row number has no index and no collation.
            return Ok(affinity.into());
        }
        let collation: String = self
            .connection
            .query_row("SELECT coll FROM pragma_index_xinfo(?1)", [&name], |row| {
                row.get(0)
            })
            .map_err(translate)?;
        self.connection
            .execute_batch(&format!("DROP INDEX {index}"))
            .map_err(translate)?;
        Ok(format!("{affinity} COLLATE {}", quote(&collation)))
    }
}

/// SQLite's own rules, in their order.
fn affinity(declared: &str) -> &'static str {
    let declared = declared.to_ascii_uppercase();
    let has = |word: &str| declared.contains(word);
    if has("INT") {
        "INTEGER"
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        "TEXT"
    } else if declared.is_empty() || declared == "ANY" {
        ""
    } else if has("BLOB") {
        "BLOB"
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        "REAL"
    } else {
        "NUMERIC"
    }
}
