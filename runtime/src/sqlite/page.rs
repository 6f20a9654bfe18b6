//! Reading in key order: keyset pages, never OFFSET.

use super::error::translate;
use super::session::each_row;
use crate::error::{Error, Result};
use crate::store::{Page, RowSink, TableInfo};
use crate::value::{Key, Value};
use rusqlite::Connection;

/// Hands a page over.
pub(super) fn read(connection: &Connection, page: &Page, sink: RowSink<'_>) -> Result<()> {
    let sql = page_sql(page);
    let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
    let bounds = page.after.iter().chain(page.until.iter()).flatten();
    let mut place = 0;
    for value in bounds {
        place += 1;
        statement
            .raw_bind_parameter(place, value)
            .map_err(translate)?;
    }
    statement
        .raw_bind_parameter(place + 1, page.limit as i64)
        .map_err(translate)?;
    each_row(&mut statement, sink)
}

/// Hands one document over, if it is still there and still matches.
pub(super) fn read_one(
    connection: &Connection,
    page: &Page,
    key: &[Value],
    sink: RowSink<'_>,
) -> Result<bool> {
    let mut conditions = filter_condition(page.filter.as_deref());
    conditions.push(key_equals(&page.table, 1));
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        selected(page),
        page.table.sql_name,
        conditions.join(" AND ")
    );
    let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
    for (index, value) in key.iter().enumerate() {
        statement
            .raw_bind_parameter(index + 1, value)
            .map_err(translate)?;
    }
    let mut found = false;
    each_row(&mut statement, &mut |row| {
        found = true;
        sink(row)
    })?;
    Ok(found)
}

/// The last key.
pub(super) fn last_key(connection: &Connection, table: &TableInfo) -> Result<Option<Key>> {
    refuse_null_keys(connection, table)?;
    let (names, backwards) = (key_list(table, ""), key_list(table, " DESC"));
    let sql = format!(
        "SELECT {names} FROM {} {} ORDER BY {backwards} LIMIT 1",
        table.sql_name, table.scan_hint
    );
    let mut last = None;
    let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
    each_row(&mut statement, &mut |row| {
        last = Some(
            (0..table.key.len())
                .map(|at| row.cell(at).map(|cell| cell.to_owned()))
                .collect::<Result<Key>>()?,
        );
        Ok(())
    })?;
    Ok(last)
}

/// How many documents there are up to `until`.
pub(super) fn count(
    connection: &Connection,
    table: &TableInfo,
    predicate: Option<&str>,
    until: Option<&Key>,
) -> Result<u64> {
    let mut conditions = filter_condition(predicate);
    if until.is_some() {
        conditions.push(key_compare(table, "<=", 1));
    }
    let condition = where_all(&conditions);
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT count(*) FROM {} {condition}",
            table.sql_name
        ))
        .map_err(translate)?;
    for (index, value) in until.into_iter().flatten().enumerate() {
        statement
            .raw_bind_parameter(index + 1, value)
            .map_err(translate)?;
    }
    let mut rows = statement.raw_query();
    let row = rows
        .next()
        .map_err(translate)?
        .ok_or_else(|| Error::database("count(*) returned no row"))?;
    let count: i64 = row.get(0).map_err(translate)?;
    Ok(count.unsigned_abs())
}

/// SQLite lets a primary key be NULL unless it is declared otherwise; such rows have no place in key order.
fn refuse_null_keys(connection: &Connection, table: &TableInfo) -> Result<()> {
    let nullable: Vec<String> = table
        .key
        .iter()
        .filter(|key| key.nullable)
        .map(|key| format!("{} IS NULL", key.sql_name))
        .collect();
    if nullable.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT 1 FROM {} WHERE {} LIMIT 1",
        table.sql_name,
        nullable.join(" OR ")
    );
    if connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.exists([]))
        .map_err(translate)?
    {
        return Err(Error::database(format!(
            "{} has rows whose primary key is NULL ({}), which have no place in key order; give them a key or remove them first",
            table.name,
            nullable.join(" or ")
        )));
    }
    Ok(())
}

fn page_sql(page: &Page) -> String {
    let table = &page.table;
    let mut conditions = filter_condition(page.filter.as_deref());
    let mut place = 1;
    if page.after.is_some() {
        conditions.push(key_compare(table, ">", place));
        place += table.key.len();
    }
    if page.until.is_some() {
        conditions.push(key_compare(table, "<=", place));
        place += table.key.len();
    }
    let condition = where_all(&conditions);
    let order = key_list(table, "");
    format!(
        "SELECT {} FROM {} {} {condition} ORDER BY {order} LIMIT ?{place}",
        selected(page),
        table.sql_name,
        table.scan_hint
    )
}

/// The user's predicate comes first, so that its own question marks, which are not allowed, cannot take our values' places.
fn filter_condition(filter: Option<&str>) -> Vec<String> {
    filter
        .map(|filter| format!("({filter}\n)"))
        .into_iter()
        .collect()
}

/// No condition at all is what SQLite counts fastest.
pub(super) fn where_all(conditions: &[String]) -> String {
    match conditions {
        [] => String::new(),
        all => format!("WHERE {}", all.join(" AND ")),
    }
}

fn selected(page: &Page) -> String {
    let columns = page
        .columns
        .iter()
        .map(|at| page.table.columns[*at].read_sql.clone());
    columns
        .chain(page.table.key.iter().map(|key| key.sql_name.clone()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn key_list(table: &TableInfo, suffix: &str) -> String {
    table
        .key
        .iter()
        .map(|key| format!("{}{suffix}", key.sql_name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `"id" > ?1`, or for a composite key a row value: `("a", "b") > (?1, ?2)`.
pub(super) fn key_compare(table: &TableInfo, operator: &str, first: usize) -> String {
    let places: Vec<String> = (first..first + table.key.len())
        .map(|place| format!("?{place}"))
        .collect();
    match table.key.as_slice() {
        [key] => format!("{} {operator} {}", key.sql_name, places[0]),
        _ => format!(
            "({}) {operator} ({})",
            key_list(table, ""),
            places.join(", ")
        ),
    }
}

/// `"a" = ?3 AND "b" = ?4`.
pub(super) fn key_equals(table: &TableInfo, first: usize) -> String {
    let parts = table
        .key
        .iter()
        .enumerate()
        .map(|(index, key)| format!("{} = ?{}", key.sql_name, first + index));
    parts.collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// The plan SQLite makes for the second page of a table that has an index the filter would like better.
    fn plan(key: &str, options: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "CREATE TABLE t (a INTEGER NOT NULL, b TEXT NOT NULL, done INTEGER, x INTEGER{key}) {options};
                 CREATE INDEX tempting ON t (done, x);
                 CREATE INDEX covering ON t (done, x, a, b);"
            ))
            .unwrap();
        let table = Arc::new(super::super::table::describe(&connection, None, "t").unwrap());
        let page = Page {
            after: Some(table.key.iter().map(|_| Value::Integer(1)).collect()),
            until: Some(table.key.iter().map(|_| Value::Integer(9)).collect()),
            table,
            columns: [2].into(),
            filter: Some("done = 0".into()),
            limit: 10,
            lock: false,
        };
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", page_sql(&page)))
            .unwrap();
        let parameters = vec![1; statement.parameter_count()];
        let steps = statement
            .query_map(rusqlite::params_from_iter(parameters), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    #[test]
    fn p9_a_page_is_searched_by_the_key_and_never_sorted_whatever_index_the_filter_likes() {
        for (key, options, by) in [
            ("", "", "INTEGER PRIMARY KEY"),
            (", id INTEGER PRIMARY KEY", "", "INTEGER PRIMARY KEY"),
            (", PRIMARY KEY (b)", "", "sqlite_autoindex_t_1"),
            (", PRIMARY KEY (b, a)", "", "sqlite_autoindex_t_1"),
            (", PRIMARY KEY (b, a)", "WITHOUT ROWID", "PRIMARY KEY"),
        ] {
            let plan = plan(key, options);
            assert!(
                plan.starts_with("SEARCH t USING"),
                "{key} {options}: {plan}"
            );
            assert!(plan.contains(by), "{key} {options}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{key} {options}: {plan}");
        }
    }
}
