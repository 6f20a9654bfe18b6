//! Reading in key order: keyset pages, never OFFSET.

use super::session::{PostgresRow, PostgresSession, each_row};
use super::table::Table;
use super::types::{Kind, Parameter};
use super::wire::{Answer, Posted};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Page, RowSink, TableInfo};
use crate::value::{Key, Row, Value};
use std::sync::Arc;

/// What was read, by position in the page: a row is written only where it still is that.
#[derive(Default)]
pub(super) struct Guard {
    /// The columns that documents were read with, as positions in the table.
    pub columns: Option<Arc<[usize]>>,
    /// The rows as they came.
    pub rows: Vec<tokio_postgres::Row>,
}

/// A page that is being read before it is asked for.
pub(super) struct Prefetched {
    page: Page,
    posted: Posted<Answer>,
}

/// Below this, counting takes no time worth sparing.
const COUNTED: f64 = 100_000.0;

/// How many of the table's pages a sample reads.
const SAMPLED_PAGES: f64 = 300.0;

/// Fewer rows than this say too little about where the middle is.
const SAMPLED_ROWS: i64 = 300;

/// Hands a page over.
pub(super) fn read(session: &mut PostgresSession, page: &Page, sink: RowSink<'_>) -> Result<()> {
    session.guard = Guard::default();
    let own = PostgresSession::own(&page.table)?;
    session.watch(page.filter.is_none().then_some(&own.tree));
    let rows = if page.lock {
        session.prefetched = None;
        let (sql, parameters) = page_sql(page)?;
        session.ask(&sql, parameters)?.rows
    } else {
        read_unlocked(session, page)?
    };
    let kinds = kinds(page)?;
    for row in &rows {
        sink(&PostgresRow::new(row, &kinds))?;
    }
    if !page.lock {
        session.guard = Guard {
            columns: Some(page.columns.clone()),
            rows,
        };
    }
    Ok(())
}

/// Outside of the transaction, unless that is open already: the guard sees whatever happens in between.
fn read_unlocked(session: &mut PostgresSession, page: &Page) -> Result<Vec<tokio_postgres::Row>> {
    let mut rows = take_prefetched(session, page)?.unwrap_or_default();
    let more = match &rows[..] {
        [] => Some(page.clone()),
        // The batch has grown since: the rest of it is read now.
        [.., last] if rows.len() < page.limit => {
            let kinds = kinds(page)?;
            let last = PostgresRow::new(last, &kinds);
            let key = (page.columns.len()..kinds.len())
                .map(|at| last.cell(at).map(|cell| cell.to_owned()));
            Some(Page {
                after: Some(key.collect::<Result<Key>>()?),
                limit: page.limit - rows.len(),
                ..page.clone()
            })
        }
        _ => None,
    };
    if let Some(more) = more {
        let (sql, parameters) = page_sql(&more)?;
        let posted = if session.is_open() {
            session.send(&sql, parameters)?
        } else {
            session.send_outside(&sql, parameters)?
        };
        rows.append(&mut session.wait(posted)?.rows);
    }
    rows.truncate(page.limit);
    Ok(rows)
}

/// The rows of the page that was prefetched, if it is this one. None of them means nothing: they may be read again.
fn take_prefetched(
    session: &mut PostgresSession,
    page: &Page,
) -> Result<Option<Vec<tokio_postgres::Row>>> {
    let Some(Prefetched {
        page: known,
        posted,
    }) = session.prefetched.take()
    else {
        return Ok(None);
    };
    if !same_beginning(&known, page) {
        return Ok(None);
    }
    // What fails on the second connection is read again on the first.
    Ok(posted.wait()?.ok().map(|answer| answer.rows))
}

/// Whether two pages are the same but for their length.
fn same_beginning(one: &Page, other: &Page) -> bool {
    one.table.sql_name == other.table.sql_name
        && one.columns == other.columns
        && one.filter == other.filter
        && one.after == other.after
        && one.until == other.until
}

/// Begins to read a page, on the second connection where there is one. Inside of a transaction a failure of it would fail
/// the batch, so without one it waits there.
pub(super) fn prefetch(session: &mut PostgresSession, page: &Page) -> Result<()> {
    session.prefetched = None;
    let (sql, parameters) = page_sql(page)?;
    let open = session.is_open();
    let posted = match session.scout() {
        Some(scout) => scout.post(sql, parameters),
        None if open => return Ok(()),
        None => session.send_outside(&sql, parameters)?,
    };
    session.prefetched = Some(Prefetched {
        page: page.clone(),
        posted: posted.driven()?,
    });
    Ok(())
}

/// Hands one document over, if it is still there and still matches, and remembers it as read.
pub(super) fn read_again(
    session: &mut PostgresSession,
    page: &Page,
    position: usize,
    key: &[Value],
    sink: RowSink<'_>,
) -> Result<bool> {
    let mut rows = one(session, page, key)?.rows;
    let Some(row) = rows.pop() else {
        return Ok(false);
    };
    sink(&PostgresRow::new(&row, &kinds(page)?))?;
    if let Some(remembered) = session.guard.rows.get_mut(position) {
        *remembered = row;
    }
    Ok(true)
}

/// Hands one document over, if it is still there and still matches.
pub(super) fn read_one(
    session: &mut PostgresSession,
    page: &Page,
    key: &[Value],
    sink: RowSink<'_>,
) -> Result<bool> {
    let answer = one(session, page, key)?;
    each_row(&answer, &kinds(page)?, sink)?;
    Ok(!answer.rows.is_empty())
}

fn one(session: &mut PostgresSession, page: &Page, key: &[Value]) -> Result<Answer> {
    let (mut parameters, mut conditions) = (Vec::new(), filter_condition(page.filter.as_deref()));
    for (column, value) in key_columns(&page.table)?.zip(key) {
        parameters.push(Parameter::one(column.of, value)?);
        conditions.push(format!("{} = ${}", column.compared, parameters.len()));
    }
    let sql = format!(
        "SELECT {} FROM {} {}{}",
        selected(page)?,
        page.table.sql_name,
        where_all(&conditions),
        lock_clause(page)
    );
    session.ask(&sql, parameters)
}

/// The last key.
pub(super) fn last_key(session: &mut PostgresSession, table: &TableInfo) -> Result<Option<Key>> {
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {} LIMIT 1",
        key_selected(table)?,
        table.sql_name,
        key_list(table, " DESC")
    );
    let answer = session.ask(&sql, Vec::new())?;
    key_of(&answer, table)
}

fn key_of(answer: &Answer, table: &TableInfo) -> Result<Option<Key>> {
    let kinds = key_kinds(table)?;
    let Some(row) = answer.rows.first() else {
        return Ok(None);
    };
    let row = PostgresRow::new(row, &kinds);
    let key = (0..kinds.len()).map(|at| row.cell(at).map(|cell| cell.to_owned()));
    key.collect::<Result<Key>>().map(Some)
}

/// How many documents there are up to `until`.
pub(super) fn count(
    session: &mut PostgresSession,
    table: &TableInfo,
    predicate: Option<&str>,
    until: Option<&Key>,
) -> Result<u64> {
    let (condition, parameters) = range(table, predicate, None, until)?;
    let sql = format!("SELECT count(*) FROM {} {condition}", table.sql_name);
    let answer = session.ask(&sql, parameters)?;
    let count: i64 = answer.rows.first().map_or(0, |row| row.get(0));
    Ok(count.unsigned_abs())
}

/// About how many: the planner's own guess, where the table is large and was analyzed.
///
/// Citus' coordinator knows nothing of its workers' rows and says -1, as for a table that was never analyzed; CockroachDB
/// explains in other words. There it is counted.
pub(super) fn estimate(
    session: &mut PostgresSession,
    table: &TableInfo,
    predicate: Option<&str>,
    until: Option<&Key>,
) -> Result<u64> {
    let analyzed = size(session, table)?.is_some();
    if !analyzed
        || planned_rows(session, table, None, None, None)?.is_none_or(|rows| rows < COUNTED)
    {
        return count(session, table, predicate, until);
    }
    match planned_rows(session, table, predicate, None, until)? {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a guess, and never negative"
        )]
        Some(rows) if rows >= COUNTED => Ok(rows as u64),
        _ => count(session, table, predicate, until),
    }
}

/// How many pages and rows the table has by the catalog, its partitions included; `None` where that is not known.
fn size(session: &mut PostgresSession, table: &TableInfo) -> Result<Option<(f64, f64)>> {
    if session.shared.flavor().cockroach {
        return Ok(None);
    }
    let oid = PostgresSession::own(table)?.oid;
    let sql = "WITH RECURSIVE tree (oid) AS ( \
                   SELECT $1::oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent = tree.oid) \
               SELECT sum(c.relpages)::float8, sum(c.reltuples)::float8, bool_and(c.reltuples >= 0) \
               FROM pg_catalog.pg_class c JOIN tree ON tree.oid = c.oid WHERE c.relkind = 'r'";
    let answer = session.ask(sql, vec![Parameter::untyped(&Value::Integer(oid.into()))?])?;
    let Some(row) = answer.rows.first() else {
        return Ok(None);
    };
    let (pages, rows, known): (Option<f64>, Option<f64>, Option<bool>) =
        (row.get(0), row.get(1), row.get(2));
    Ok(pages
        .zip(rows)
        .filter(|(_, rows)| known == Some(true) && *rows > 0.0))
}

/// How many rows the planner expects.
fn planned_rows(
    session: &mut PostgresSession,
    table: &TableInfo,
    predicate: Option<&str>,
    after: Option<&Key>,
    until: Option<&Key>,
) -> Result<Option<f64>> {
    if session.shared.flavor().cockroach {
        return Ok(None);
    }
    let (condition, parameters) = range(table, predicate, after, until)?;
    let sql = format!(
        "EXPLAIN (FORMAT JSON) SELECT 1 FROM {} {condition}",
        table.sql_name
    );
    let answer = session.ask(&sql, parameters)?;
    let mut rows = None;
    each_row(&answer, &[Kind::Json], &mut |row| {
        if let crate::value::ValueRef::Json(text) = row.cell(0)? {
            let plan: Option<serde_json::Value> = serde_json::from_str(text).ok();
            rows = plan.and_then(|plan| plan.get(0)?.get("Plan")?.get("Plan Rows")?.as_f64());
        }
        Ok(())
    })?;
    Ok(rows)
}

/// A key with about as many rows after it as before. A sample of whole pages says it in no time, whatever the keys look
/// like; small ranges are counted through.
pub(super) fn middle(
    session: &mut PostgresSession,
    table: &TableInfo,
    after: Option<&Key>,
    until: Option<&Key>,
) -> Result<Option<Key>> {
    if let Some((pages, rows)) = size(session, table)?
        && let Some(in_range) =
            planned_rows(session, table, None, after, until)?.filter(|rows| *rows >= COUNTED)
    {
        let pages_in_range = (pages * (in_range / rows).min(1.0)).max(1.0);
        let rate = (100.0 * SAMPLED_PAGES / pages_in_range).min(100.0);
        let sample = format!("TABLESAMPLE SYSTEM ({rate})");
        if let Some(key) = median(session, table, &sample, SAMPLED_ROWS, after, until)? {
            return Ok(Some(key));
        }
    }
    median(session, table, "", 2, after, until)
}

/// The middle one of at least so many rows.
fn median(
    session: &mut PostgresSession,
    table: &TableInfo,
    sample: &str,
    at_least: i64,
    after: Option<&Key>,
    until: Option<&Key>,
) -> Result<Option<Key>> {
    let (condition, parameters) = range(table, None, after, until)?;
    let key: Vec<String> = key_columns(table)?
        .enumerate()
        .map(|(at, column)| format!("{} AS k{at}", column.read))
        .collect();
    let names: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT {}, row_number() OVER (ORDER BY {}) AS place, count(*) OVER () AS size FROM {} {sample} {condition}) AS sampled \
         WHERE place = (size + 1) / 2 AND size >= {at_least}",
        names.join(", "),
        key.join(", "),
        key_list(table, ""),
        table.sql_name,
    );
    let answer = session.ask(&sql, parameters)?;
    let middle = key_of(&answer, table)?;
    Ok(middle.filter(|key| Some(key) != until))
}

/// Checks that a predicate is SQL: it is parsed and planned, and no row is asked for.
pub(super) fn check_predicate(
    session: &mut PostgresSession,
    table: &TableInfo,
    predicate: &str,
) -> Result<()> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE ({predicate}\n) LIMIT 0",
        table.sql_name
    );
    match session.ask(&sql, Vec::new()) {
        Err(error) if error.kind() == ErrorKind::Step => Err(Error::step(
            "a predicate has no parameters; write the values into it",
        )),
        result => result.map(drop),
    }
}

fn page_sql(page: &Page) -> Result<(String, Vec<Parameter>)> {
    let table = &page.table;
    let (condition, parameters) = range(
        table,
        page.filter.as_deref(),
        page.after.as_ref(),
        page.until.as_ref(),
    )?;
    let sql = format!(
        "SELECT {} FROM {} {condition} ORDER BY {} LIMIT {}{}",
        selected(page)?,
        table.sql_name,
        key_list(table, ""),
        page.limit,
        lock_clause(page)
    );
    Ok((sql, parameters))
}

/// Rows that are locked stay as they are until the commit; others may still point to them. Citus refuses this over several
/// shards, which is why locks are a choice and not the rule.
fn lock_clause(page: &Page) -> &'static str {
    if page.lock { " FOR NO KEY UPDATE" } else { "" }
}

/// The condition on the keys after one and up to another that match a predicate.
pub(super) fn range(
    table: &TableInfo,
    predicate: Option<&str>,
    after: Option<&Key>,
    until: Option<&Key>,
) -> Result<(String, Vec<Parameter>)> {
    let mut conditions = filter_condition(predicate);
    let mut parameters = Vec::new();
    if let Some(after) = after {
        conditions.push(key_compare(table, ">", after, &mut parameters)?);
    }
    if let Some(until) = until {
        conditions.push(key_compare(table, "<=", until, &mut parameters)?);
    }
    Ok((where_all(&conditions), parameters))
}

fn filter_condition(filter: Option<&str>) -> Vec<String> {
    filter
        .map(|filter| format!("({filter}\n)"))
        .into_iter()
        .collect()
}

fn where_all(conditions: &[String]) -> String {
    match conditions {
        [] => String::new(),
        all => format!("WHERE {}", all.join(" AND ")),
    }
}

fn selected(page: &Page) -> Result<String> {
    let columns = page
        .columns
        .iter()
        .map(|at| page.table.columns[*at].read_sql.clone());
    let key = key_columns(&page.table)?.map(|column| column.read.to_owned());
    Ok(columns.chain(key).collect::<Vec<_>>().join(", "))
}

fn kinds(page: &Page) -> Result<Vec<Kind>> {
    let own = PostgresSession::own(&page.table)?;
    let positions = page.columns.iter().chain(&own.key);
    Ok(positions.map(|at| own.types[*at].kind.clone()).collect())
}

fn key_kinds(table: &TableInfo) -> Result<Vec<Kind>> {
    let own = PostgresSession::own(table)?;
    Ok(own
        .key
        .iter()
        .map(|at| own.types[*at].kind.clone())
        .collect())
}

fn key_selected(table: &TableInfo) -> Result<String> {
    let columns: Vec<&str> = key_columns(table)?.map(|column| column.read).collect();
    Ok(columns.join(", "))
}

/// A column of the key: its type, how SQL reads it and how SQL compares it.
pub(super) struct KeyPart<'t> {
    pub of: &'t super::types::ColumnType,
    pub read: &'t str,
    pub compared: String,
}

pub(super) fn key_columns(table: &TableInfo) -> Result<impl Iterator<Item = KeyPart<'_>>> {
    let own: &Table = PostgresSession::own(table)?;
    Ok(own.key.iter().zip(&table.key).map(|(at, key)| KeyPart {
        of: &own.types[*at],
        read: &table.columns[*at].read_sql,
        compared: own.types[*at].compare_sql(&key.sql_name),
    }))
}

/// The key to order by. With the table's name, since `ORDER BY "k"` would mean the selected `"k"::text` where there is one,
/// and text is in another order than an enum.
fn key_list(table: &TableInfo, suffix: &str) -> String {
    let names: Vec<String> = table
        .key
        .iter()
        .map(|key| format!("{}.{}{suffix}", table.sql_name, key.sql_name))
        .collect();
    names.join(", ")
}

/// `"id" > $1`, or for a composite key a row value: `("a", "b") > ($1, $2)`.
fn key_compare(
    table: &TableInfo,
    operator: &str,
    key: &Key,
    parameters: &mut Vec<Parameter>,
) -> Result<String> {
    let (mut names, mut places) = (Vec::new(), Vec::new());
    for (column, value) in key_columns(table)?.zip(key) {
        parameters.push(Parameter::one(column.of, value)?);
        names.push(column.compared);
        places.push(format!("${}", parameters.len()));
    }
    Ok(match (names.as_slice(), places.as_slice()) {
        ([name], [place]) => format!("{name} {operator} {place}"),
        _ => format!("({}) {operator} ({})", names.join(", "), places.join(", ")),
    })
}
