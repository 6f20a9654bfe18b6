//! Rows that vanish without a word: `REPLACE`, in all its spellings, removes the rows that are in the way of the new one, and
//! the triggers on DELETE fire only where the app has switched `recursive_triggers` on.
//!
//! Before a row is written, those that its unique indexes would not let beside it are written down. After it is written,
//! the ones among them that are gone are taken away: what is written down is marked and deleted, and a trigger on that does
//! what the one on DELETE would have done, which, if it fires too, crosses the row off first. What is written down and
//! comes to nothing (the insert was ignored, or became an update) is forgotten when the next row is written. What an insert
//! wrote down is only touched by inserts, and likewise for updates: a trigger of the app's that updates the row that was just
//! inserted may come between. One that inserts into the same table in the middle of a REPLACE may not.
//!
//! A unique index on an expression is not looked at: rows that only such an index lets be replaced are not noticed.

use super::super::error::translate;
use super::columns::Columns;
use super::triggers::{Cells, body, counted, trigger};
use crate::aggregate::{Layout, Object};
use crate::error::Result;
use crate::store::{TableInfo, quote};
use rusqlite::Connection;

/// The table that rows are written down in.
pub(super) fn name(aggregate: &str) -> String {
    format!("migration_replaced_{aggregate}")
}

pub(super) fn table(layout: &Layout, columns: &Columns) -> Object {
    let name = name(layout.name());
    let mut parts = vec!["event TEXT NOT NULL, gone INTEGER NOT NULL DEFAULT 0".to_owned()];
    let lists = [
        ("k", &columns.key),
        ("by", &columns.by),
        ("m", &columns.measures),
        ("v", &columns.extremes),
    ];
    for (word, list) in lists {
        parts.extend((list.iter().enumerate()).map(|(at, of)| format!("{word}{at} {of}")));
    }
    Object {
        sql: format!("CREATE TABLE {} ({})", quote(&name), parts.join(", ")),
        name,
    }
}

/// Whether a row `t` of the table is in the way of the row `NEW`: by the row number, or by a unique index.
pub(super) fn conflict(connection: &Connection, table: &TableInfo) -> Result<String> {
    let mut ways = Vec::new();
    if table.key_is_row_number {
        let key = table
            .key
            .iter()
            .map(|key| format!("t.{0} = NEW.{0}", key.sql_name));
        ways.push(key.collect::<Vec<_>>().join(" AND "));
    }
    let mut indexes = connection
        .prepare("SELECT name FROM pragma_index_list(?1) WHERE \"unique\" ORDER BY seq")
        .map_err(translate)?;
    let indexes: Vec<String> = indexes
        .query_map([&table.name], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(translate)?;
    let mut columns = connection
        .prepare("SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno")
        .map_err(translate)?;
    for index in indexes {
        let parts: Vec<(Option<String>, String)> = columns
            .query_map([&index], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(translate)?;
        let same: Option<Vec<String>> = parts
            .into_iter()
            .map(|(column, collation)| {
                let column = quote(&column?);
                Some(format!(
                    "t.{column} = NEW.{column} COLLATE {}",
                    quote(&collation)
                ))
            })
            .collect();
        ways.extend(same.map(|same| same.join(" AND ")));
    }
    let ways: Vec<String> = ways.into_iter().map(|way| format!("({way})")).collect();
    Ok(format!("({})", ways.join(" OR ")))
}

/// The triggers that write rows down, and take those away that are gone.
pub(super) fn triggers(layout: &Layout, conflict: &str) -> Vec<Object> {
    let table = &layout.table.sql_name;
    let replaced = quote(&name(layout.name()));
    let here = Cells::of_table(layout, "t");
    let every = |cells: &Cells| {
        let lists = [&cells.keys, &cells.by, &cells.measures, &cells.extremes];
        let all: Vec<&str> = lists.into_iter().flatten().map(String::as_str).collect();
        all.join(", ")
    };
    let columns = every(&Cells::of_replaced(layout, "r")).replace("r.", "");
    let same_key = |one: &Cells, other: &Cells| {
        let same: Vec<String> = (one.keys.iter().zip(&other.keys))
            .map(|(one, other)| format!("{one} IS {other}"))
            .collect();
        same.join(" AND ")
    };
    let kept = format!(
        "(SELECT state IN ('READY', 'BUILDING') FROM migration_aggregate WHERE name = '{}')",
        layout.name()
    );
    let written_down =
        |event: &str| format!("EXISTS (SELECT 1 FROM {replaced} WHERE event = '{event}')");
    let write_down = |event: &str, which: &str| {
        format!(
            "DELETE FROM {replaced} WHERE event = '{event}'; \
             INSERT INTO {replaced} (event, {columns}) SELECT '{event}', {} FROM {table} AS t WHERE {which};",
            every(&here)
        )
    };
    let (old, new) = (
        Cells::of_table(layout, "OLD"),
        Cells::of_table(layout, "NEW"),
    );
    let recorded = Cells::of_replaced(layout, &replaced);
    let settle = |event: &str| {
        format!(
            "UPDATE {replaced} SET gone = 1 WHERE event = '{event}' AND (({}) OR NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {})); \
             DELETE FROM {replaced} WHERE event = '{event}';",
            same_key(&recorded, &new),
            same_key(&here, &recorded)
        )
    };
    let other = format!("{conflict} AND NOT ({})", same_key(&here, &old));
    let gone = Cells::of_replaced(layout, "OLD");
    let before = |event: &str, which: &str| {
        format!(
            "{kept} AND ({} OR EXISTS (SELECT 1 FROM {table} AS t WHERE {which}))",
            written_down(event)
        )
    };
    let on_table = |suffix: &str, event: &str, when: &str, body: &str| {
        trigger(layout, suffix, event, table, when, body)
    };
    let (insert, update) = ("INSERT", "UPDATE");
    vec![
        on_table(
            "insert_before",
            "BEFORE INSERT",
            &before(insert, conflict),
            &write_down(insert, conflict),
        ),
        on_table(
            "insert_after",
            "AFTER INSERT",
            &written_down(insert),
            &settle(insert),
        ),
        on_table(
            "update_before",
            "BEFORE UPDATE",
            &before(update, &other),
            &write_down(update, &other),
        ),
        on_table(
            "update_after",
            "AFTER UPDATE",
            &written_down(update),
            &settle(update),
        ),
        on_table(
            "delete_after",
            "AFTER DELETE",
            &format!("EXISTS (SELECT 1 FROM {replaced})"),
            &format!(
                "DELETE FROM {replaced} WHERE {};",
                same_key(&recorded, &old)
            ),
        ),
        trigger(
            layout,
            "gone",
            "AFTER DELETE",
            &replaced,
            &format!("OLD.gone AND {}", counted(layout, &gone)),
            &body(layout, &gone, '-'),
        ),
    ]
}
