//! The triggers that count what a write adds and takes away.
//!
//! There is one for each half of a change. They only ever add and take away, so that their order does not matter, and that of
//! the app's own triggers neither: a group or a value that is for a moment there less than no times is kept until it is not.

use super::replaced;
use crate::aggregate::{Layout, Object, gate_table, groups_table, numbered, value_table};
use crate::store::quote;

/// The end of the triggers' names.
pub(super) const NAMES: [&str; 10] = [
    "insert",
    "delete",
    "update_old",
    "update_new",
    "insert_before",
    "insert_after",
    "update_before",
    "update_after",
    "delete_after",
    "gone",
];

pub(super) fn trigger_name(name: &str, suffix: &str) -> String {
    format!("migration_{suffix}_{name}")
}

/// A trigger for each row.
pub(super) fn trigger(
    layout: &Layout,
    suffix: &str,
    event: &str,
    on: &str,
    when: &str,
    body: &str,
) -> Object {
    let name = trigger_name(layout.name(), suffix);
    let sql = format!(
        "CREATE TRIGGER {} {event} ON {on} FOR EACH ROW WHEN {when} BEGIN {body} END",
        quote(&name)
    );
    Object { name, sql }
}

/// The triggers of the table, and of the one that keeps replaced rows.
pub(super) fn objects(layout: &Layout, conflict: &str) -> Vec<Object> {
    let table = &layout.table.sql_name;
    let changed = changed(layout);
    let (new, old) = (
        Cells::of_table(layout, "NEW"),
        Cells::of_table(layout, "OLD"),
    );
    let counts = |suffix, event, row: &Cells, sign, when: Option<&String>| {
        let mut condition = counted(layout, row);
        if let Some(changed) = when {
            condition = format!("({changed}) AND {condition}");
        }
        trigger(
            layout,
            suffix,
            event,
            table,
            &condition,
            &body(layout, row, sign),
        )
    };
    let mut objects = vec![
        counts("insert", "AFTER INSERT", &new, '+', None),
        counts("delete", "AFTER DELETE", &old, '-', None),
        counts("update_old", "AFTER UPDATE", &old, '-', Some(&changed)),
        counts("update_new", "AFTER UPDATE", &new, '+', Some(&changed)),
    ];
    objects.extend(replaced::triggers(layout, conflict));
    objects
}

/// How the cells of a row are written that matter.
pub(super) struct Cells {
    pub keys: Vec<String>,
    pub by: Vec<String>,
    pub measures: Vec<String>,
    pub extremes: Vec<String>,
}

impl Cells {
    /// Of the table's own rows: `NEW."effort"`.
    pub(super) fn of_table(layout: &Layout, row: &str) -> Cells {
        let named = |columns: &[usize]| {
            let names = columns
                .iter()
                .map(|at| format!("{row}.{}", layout.column(*at)));
            names.collect()
        };
        let keys = layout.table.key.iter();
        Cells {
            keys: keys.map(|key| format!("{row}.{}", key.sql_name)).collect(),
            by: named(&layout.by),
            measures: named(&layout.measures),
            extremes: named(&layout.extremes),
        }
    }

    /// Of the rows that were replaced: `OLD.m0`.
    pub(super) fn of_replaced(layout: &Layout, row: &str) -> Cells {
        let named = |word: &str, count| numbered(&format!("{row}.{word}"), count);
        Cells {
            keys: named("k", layout.table.key.len()),
            by: named("by", layout.by.len()),
            measures: named("m", layout.measures.len()),
            extremes: named("v", layout.extremes.len()),
        }
    }
}

/// Whether a row belongs to what is counted.
pub(super) fn counted(layout: &Layout, row: &Cells) -> String {
    let (gate, name) = (quote(&gate_table(layout.name())), layout.name());
    let places = numbered("k", row.keys.len()).join(", ");
    let keys = match row.keys.as_slice() {
        [key] => key.clone(),
        keys => format!("({})", keys.join(", ")),
    };
    format!(
        "(SELECT CASE state WHEN 'READY' THEN TRUE WHEN 'BUILDING' THEN {keys} <= (SELECT {places} FROM {gate}) END \
         FROM migration_aggregate WHERE name = '{name}')"
    )
}

/// Whether an update changes anything that matters. A list of columns would not notice what computes them.
fn changed(layout: &Layout) -> String {
    let columns = (layout.by.iter())
        .chain(&layout.measures)
        .chain(&layout.extremes)
        .map(|at| layout.column(*at));
    let key = layout.table.key.iter().map(|key| key.sql_name.clone());
    let mut names: Vec<String> = columns.chain(key).collect();
    names.sort();
    names.dedup();
    let changed = names
        .iter()
        .map(|name| format!("OLD.{name} IS NOT NEW.{name}"));
    changed.collect::<Vec<_>>().join(" OR ")
}

/// Adds a row or takes it away. Nothing in it meets a conflict: the clause of the statement that fired the trigger would
/// decide what becomes of it.
pub(super) fn body(layout: &Layout, row: &Cells, sign: char) -> String {
    let groups = quote(&groups_table(layout.name()));
    let here: Vec<String> = (row.by.iter().enumerate())
        .map(|(at, cell)| format!("by{at} IS {cell}"))
        .collect();
    let here = here.join(" AND ");
    let (mut measures, mut zeros, mut sets, mut nothing) =
        (String::new(), String::new(), String::new(), String::new());
    for (at, cell) in row.measures.iter().enumerate() {
        measures += &format!(", present{at}, sum{at}");
        zeros += ", 0, 0";
        sets += &format!(
            ", present{at} = present{at} {sign} ({cell} IS NOT NULL), sum{at} = sum{at} {sign} coalesce({cell}, 0)"
        );
        nothing += &format!(" AND present{at} = 0 AND sum{at} = 0");
    }
    let mut sql = format!(
        "INSERT INTO {groups} ({by}, count{measures}) SELECT {cells}, 0{zeros} WHERE NOT EXISTS (SELECT 1 FROM {groups} WHERE {here}); \
         UPDATE {groups} SET count = count {sign} 1{sets} WHERE {here};",
        by = layout.by_list(),
        cells = row.by.join(", "),
    );
    for (at, cell) in row.extremes.iter().enumerate() {
        let values = quote(&value_table(layout.name(), at));
        let group = format!("(SELECT group_id FROM {groups} WHERE {here})");
        sql += &format!(
            " INSERT INTO {values} (group_id, value, n) SELECT {group}, {cell}, 0 WHERE {cell} IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM {values} WHERE group_id = {group} AND value = {cell}); \
             UPDATE {values} SET n = n {sign} 1 WHERE group_id = {group} AND value = {cell}; \
             DELETE FROM {values} WHERE group_id = {group} AND value = {cell} AND n = 0;"
        );
        nothing += &format!(
            " AND NOT EXISTS (SELECT 1 FROM {values} AS v WHERE v.group_id = {groups}.group_id)"
        );
    }
    sql + &format!(" DELETE FROM {groups} WHERE {here} AND count = 0{nothing};")
}
