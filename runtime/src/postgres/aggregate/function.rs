//! The function behind the triggers, and the statement that counts rows, which a build runs too.

use super::FIRST_OWN_OID;
use super::sums::{Sum, sum_of};
use crate::aggregate::{Layout, gate_table, groups_table, numbered, value_table};
use crate::postgres::session::PostgresSession;
use crate::postgres::types::Kind;
use crate::store::quote;

/// The columns that matter of a statement's rows.
pub(super) fn matters(layout: &Layout) -> String {
    let mut parts: Vec<String> = (layout.table.key.iter().enumerate())
        .map(|(at, key)| format!("{} AS k{at}", key.sql_name))
        .collect();
    let lists = [
        ("by", &layout.by),
        ("m", &layout.measures),
        ("v", &layout.extremes),
    ];
    for (word, list) in lists {
        parts.extend(
            (list.iter().enumerate())
                .map(|(at, column)| format!("{} AS {word}{at}", layout.column(*column))),
        );
    }
    parts.join(", ")
}

/// What the triggers do.
pub(super) fn body(layout: &Layout, schema: &str) -> String {
    let name = layout.name();
    let ours = |table: String| format!("{schema}.{}", quote(&table));
    let (groups, gate) = (ours(groups_table(name)), ours(gate_table(name)));
    let keys = numbered("r.k", layout.table.key.len());
    let places = numbered("driftless_gate.k", keys.len());
    let counted = format!(
        "driftless_state = 'READY' OR ({}) <= ({})",
        keys.join(", "),
        places.join(", ")
    );
    let columns = matters(layout);
    let rows =
        |sign: i8, of: &str| format!("SELECT {sign} AS sign, r.* FROM ({of}) AS r WHERE {counted}");
    let (new, old) = (
        format!("SELECT {columns} FROM new_rows"),
        format!("SELECT {columns} FROM old_rows"),
    );
    let update = format!(
        "{} UNION ALL {}",
        rows(1, &format!("{new} EXCEPT ALL {old}")),
        rows(-1, &format!("{old} EXCEPT ALL {new}"))
    );
    let apply = |source: &str| format!("{} INTO touched, emptied", apply(layout, schema, source));
    let (mut empty, mut sweep, mut nothing) = (String::new(), String::new(), String::new());
    for at in 0..layout.measures.len() {
        nothing += &format!(" AND g.present{at} = 0 AND g.sum{at} = 0");
    }
    for at in 0..layout.extremes.len() {
        let values = ours(value_table(name, at));
        empty += &format!("DELETE FROM {values}; ");
        sweep +=
            &format!("DELETE FROM {values} AS v WHERE v.group_id = ANY (touched) AND v.n = 0; ");
        nothing +=
            &format!(" AND NOT EXISTS (SELECT 1 FROM {values} AS v WHERE v.group_id = g.group_id)");
    }
    let guard = guard(layout, schema);
    format!(
        "
#variable_conflict use_column
DECLARE
  driftless_state text; driftless_gate {gate}%ROWTYPE; touched bigint[]; emptied boolean;
BEGIN
  IF current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
    SELECT a.state INTO driftless_state FROM {schema}.migration_aggregate AS a WHERE a.name = '{name}';
  ELSE
    SELECT a.state INTO driftless_state FROM {schema}.migration_aggregate AS a WHERE a.name = '{name}' FOR SHARE;
  END IF;
  IF driftless_state = 'BUILDING' THEN
    SELECT * INTO driftless_gate FROM {gate};
  ELSIF driftless_state IS DISTINCT FROM 'READY' THEN
    RETURN NULL;
  END IF;
{guard}  IF TG_OP = 'TRUNCATE' THEN
    {empty}DELETE FROM {groups};
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    {};
  ELSIF TG_OP = 'DELETE' THEN
    {};
  ELSE
    {};
  END IF;
  IF emptied OR TG_OP <> 'INSERT' AND touched IS NOT NULL THEN
    {sweep}DELETE FROM {groups} AS g WHERE g.group_id = ANY (touched) AND g.count = 0{nothing};
  END IF;
  RETURN NULL;
END ",
        apply(&rows(1, &new)),
        apply(&rows(-1, &old)),
        apply(&update),
    )
}

/// What keeps an app's write from failing where an index cannot hold a value that its table can: the aggregate becomes STALE
/// instead. Nothing where no column can hold such a value.
fn guard(layout: &Layout, schema: &str) -> String {
    let by = layout.by.iter().map(|at| (at, LONGEST / layout.by.len()));
    let extremes = layout.extremes.iter().map(|at| (at, LONGEST));
    let long: Vec<String> = by
        .chain(extremes)
        .filter_map(|(at, longest)| {
            let size = size_sql(layout, *at)?;
            Some(format!("{size} > {longest}"))
        })
        .collect();
    if long.is_empty() {
        return String::new();
    }
    format!(
        "  IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' THEN
    IF EXISTS (SELECT 1 FROM new_rows AS r WHERE {}) THEN
      UPDATE {schema}.migration_aggregate SET state = 'STALE', updated_at = clock_timestamp(),
        reason = 'a value was written that is too long for an index (about {LONGEST} bytes)' WHERE name = '{}';
      RETURN NULL;
    END IF;
  END IF;
",
        long.join(" OR "),
        layout.name()
    )
}

/// What an index of Postgres' holds, with room for the rest of the entry.
const LONGEST: usize = 2400;

/// How many bytes a value takes; `None` of types whose values are short.
fn size_sql(layout: &Layout, column: usize) -> Option<String> {
    let own = PostgresSession::own(&layout.table).ok()?;
    let cell = format!("r.{}", layout.column(column));
    let of = &own.types[column];
    match of.kind {
        Kind::Text if of.oid < FIRST_OWN_OID => Some(format!("octet_length({cell}::text)")),
        Kind::Bytes => Some(format!("octet_length({cell})")),
        Kind::Text | Kind::Array(_) | Kind::AsText | Kind::Jsonb | Kind::Numeric => {
            Some(format!("pg_column_size({cell})"))
        }
        _ => None,
    }
}

/// The statement that counts rows: each with its sign, its group, and what is wanted of it. Tells the groups it touched, and
/// whether one of them has no rows now.
pub(super) fn apply(layout: &Layout, schema: &str, source: &str) -> String {
    let name = layout.name();
    let ours = |table: String| format!("{schema}.{}", quote(&table));
    let by = layout.by_list();
    let (mut sums, mut columns, mut sets) = (String::new(), String::new(), String::new());
    for (at, column) in layout.measures.iter().enumerate() {
        // Checked before; there is no other way to a layout.
        let of = sum_of(layout, *column).unwrap_or(Sum::Numeric);
        let value = of.value(&format!("d.m{at}"));
        sums += &format!(
            ", coalesce(sum(d.sign) FILTER (WHERE d.m{at} IS NOT NULL), 0), coalesce(sum(d.sign * {value}), 0)"
        );
        columns += &format!(", present{at}, sum{at}");
        sets += &format!(
            ", present{at} = g.present{at} + excluded.present{at}, sum{at} = g.sum{at} + excluded.sum{at}"
        );
    }
    let listed = |of: &str| numbered(&format!("{of}.by"), layout.by.len());
    let (of_group, of_row) = (listed("t"), listed("d"));
    let same: Vec<String> = (of_group.iter().zip(&of_row))
        .map(|(group, row)| format!(" AND {group} IS NOT DISTINCT FROM {row}"))
        .collect();
    let joined = format!(
        "hash_record_extended(ROW({}), 0) = hash_record_extended(ROW({}), 0){}",
        of_group.join(", "),
        of_row.join(", "),
        same.concat()
    );
    let mut values = String::new();
    for at in 0..layout.extremes.len() {
        let table = ours(value_table(name, at));
        values += &format!(
            ", value{at} AS (INSERT INTO {table} AS v (group_id, value, n) \
             SELECT t.group_id, d.v{at}, sum(d.sign) FROM delta AS d JOIN touched AS t ON {joined} WHERE d.v{at} IS NOT NULL \
             GROUP BY t.group_id, d.v{at} HAVING sum(d.sign) <> 0 ORDER BY t.group_id, d.v{at} \
             ON CONFLICT (group_id, value) DO UPDATE SET n = v.n + excluded.n)"
        );
    }
    format!(
        "WITH delta AS MATERIALIZED ({source}), \
         touched AS (INSERT INTO {groups} AS g ({by}, count{columns}) \
         SELECT {by}, sum(d.sign){sums} FROM delta AS d GROUP BY {by} ORDER BY {by} \
         ON CONFLICT ({by}) DO UPDATE SET count = g.count + excluded.count{sets} RETURNING g.group_id, {returned}, g.count){values} \
         SELECT array_agg(t.group_id), coalesce(bool_or(t.count <= 0), FALSE) FROM touched AS t",
        groups = ours(groups_table(name)),
        returned = numbered("g.by", layout.by.len()).join(", "),
    )
}
