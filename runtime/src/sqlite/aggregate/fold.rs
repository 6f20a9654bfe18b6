//! Counting a page of rows into the groups, and removing what was counted.

use super::super::error::translate;
use super::super::page::{key_compare, where_all};
use crate::aggregate::{Layout, gate_table, groups_table, value_table};
use crate::error::Result;
use crate::store::quote;
use crate::value::Key;
use rusqlite::Connection;

/// Counts the rows after one key and up to another into the groups.
pub(super) fn fold(
    connection: &Connection,
    layout: &Layout,
    after: Option<&Key>,
    until: &Key,
) -> Result<()> {
    for sql in fold_sql(layout, after.is_some()) {
        let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
        let bounds = after.into_iter().chain([until]).flatten();
        for (place, value) in bounds.enumerate() {
            statement
                .raw_bind_parameter(place + 1, value)
                .map_err(translate)?;
        }
        statement.raw_execute().map_err(translate)?;
    }
    Ok(())
}

fn fold_sql(layout: &Layout, bounded: bool) -> Vec<String> {
    let table = &layout.table;
    let mut conditions = Vec::new();
    let mut place = 1;
    if bounded {
        conditions.push(key_compare(table, ">", place));
        place += table.key.len();
    }
    conditions.push(key_compare(table, "<=", place));
    let page = format!(
        "{} {} {}",
        table.sql_name,
        table.scan_hint,
        where_all(&conditions)
    );
    let groups = quote(&groups_table(layout.name()));
    let cells: Vec<String> = layout.by.iter().map(|at| layout.column(*at)).collect();
    let same = |of: &str| {
        let same = (0..cells.len()).map(|at| format!("{groups}.by{at} IS {of}.by{at}"));
        same.collect::<Vec<_>>().join(" AND ")
    };
    let named: Vec<String> = (cells.iter().enumerate())
        .map(|(at, cell)| format!("{cell} AS by{at}"))
        .collect();
    let (named, cells) = (named.join(", "), cells.join(", "));
    let (mut measures, mut zeros, mut sums, mut sets) =
        (String::new(), String::new(), String::new(), String::new());
    for (at, column) in layout.measures.iter().enumerate() {
        let cell = layout.column(*column);
        measures += &format!(", present{at}, sum{at}");
        zeros += ", 0, 0";
        sums += &format!(", count({cell}) AS present{at}, coalesce(sum({cell}), 0) AS sum{at}");
        sets += &format!(
            ", present{at} = {groups}.present{at} + d.present{at}, sum{at} = {groups}.sum{at} + d.sum{at}"
        );
    }
    let by = layout.by_list();
    let mut statements = vec![
        format!(
            "INSERT INTO {groups} ({by}, count{measures}) SELECT {by}, 0{zeros} FROM (SELECT {named} FROM {page} GROUP BY {cells}) AS d \
             WHERE NOT EXISTS (SELECT 1 FROM {groups} WHERE {})",
            same("d")
        ),
        format!(
            "UPDATE {groups} SET count = {groups}.count + d.count{sets} \
             FROM (SELECT {named}, count(*) AS count{sums} FROM {page} GROUP BY {cells}) AS d WHERE {}",
            same("d")
        ),
    ];
    for (at, column) in layout.extremes.iter().enumerate() {
        let (values, cell) = (
            quote(&value_table(layout.name(), at)),
            layout.column(*column),
        );
        statements.push(format!(
            "INSERT INTO {values} (group_id, value, n) SELECT {groups}.group_id, d.value, d.n \
             FROM (SELECT {named}, {cell} AS value, count(*) AS n FROM {page} AND {cell} IS NOT NULL GROUP BY {cells}, {cell}) AS d \
             JOIN {groups} ON {} WHERE TRUE ON CONFLICT (group_id, value) DO UPDATE SET n = n + excluded.n",
            same("d")
        ));
    }
    statements
}

/// Sets the key up to which rows are counted.
pub(super) fn move_gate(connection: &Connection, layout: &Layout, key: &Key) -> Result<()> {
    let gate = quote(&gate_table(layout.name()));
    let clear = format!("DELETE FROM {gate}");
    connection
        .prepare_cached(&clear)
        .and_then(|mut statement| statement.execute([]))
        .map_err(translate)?;
    let places: Vec<String> = (1..=key.len()).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT INTO {gate} VALUES ({})", places.join(", "));
    let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
    for (at, value) in key.iter().enumerate() {
        statement
            .raw_bind_parameter(at + 1, value)
            .map_err(translate)?;
    }
    statement.raw_execute().map(drop).map_err(translate)
}

/// Removes some of what an aggregate holds; says how many rows that were.
pub(super) fn clear(connection: &Connection, layout: &Layout, limit: usize) -> Result<u64> {
    let name = layout.name();
    connection
        .execute(&format!("DELETE FROM {}", quote(&gate_table(name))), [])
        .map_err(translate)?;
    let mut removed = 0;
    for at in 0..layout.extremes.len() {
        let values = quote(&value_table(name, at));
        let sql = format!(
            "DELETE FROM {values} WHERE (group_id, value) IN (SELECT group_id, value FROM {values} LIMIT {limit})"
        );
        removed += connection.execute(&sql, []).map_err(translate)?;
    }
    let groups = quote(&groups_table(name));
    let sql = format!(
        "DELETE FROM {groups} WHERE group_id IN (SELECT group_id FROM {groups} LIMIT {limit})"
    );
    removed += connection.execute(&sql, []).map_err(translate)?;
    Ok(removed as u64)
}
