//! Foreign keys, as far as we must mind them ourselves.

use super::session::PostgresSession;
use super::types::Parameter;
use crate::error::Result;
use crate::patch::Patch;
use crate::value::Value;

/// A foreign key.
#[derive(Debug)]
pub(super) struct ForeignKey {
    pub name: String,
    /// The table whose rows point, as SQL writes it.
    pub from_table: String,
    pub from_columns: Vec<String>,
    /// The table they point to, as SQL writes it.
    pub to_table: String,
    pub to_columns: Vec<String>,
    /// MATCH FULL: all of the columns are NULL or none.
    pub full: bool,
    /// Whether deleting a row that is pointed to changes the rows that point.
    pub on_delete: Action,
    /// Whether changing what is pointed to does.
    pub on_update: Action,
}

/// What happens to the rows that point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// NO ACTION, RESTRICT: it is refused.
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

    pub(super) fn as_sql(self) -> &'static str {
        match self {
            Action::Refuse => "NO ACTION",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        }
    }
}

impl ForeignKey {
    /// Whether a change to the row that is pointed to changes the rows that point.
    pub(super) fn is_passed_on(&self, patch: &Patch) -> bool {
        if patch.delete {
            return self.on_delete != Action::Refuse;
        }
        self.on_update != Action::Refuse && self.sets_what_is_pointed_to(patch)
    }

    /// Whether a patch sets a column that others point to.
    pub(super) fn sets_what_is_pointed_to(&self, patch: &Patch) -> bool {
        let sets = |column: &String| {
            patch
                .columns
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(column))
        };
        self.to_columns.iter().any(sets)
    }
}

/// The foreign keys of a table and those that point to it.
pub(super) fn load(
    session: &mut PostgresSession,
    table: u32,
) -> Result<(Vec<ForeignKey>, Vec<ForeignKey>)> {
    let names = |table: &str, numbers: &str| {
        format!(
            "ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY AS k (number, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = {table} AND a.attnum = k.number ORDER BY k.place)"
        )
    };
    let sql = format!(
        "SELECT conname::text, conrelid::regclass::text, {}, confrelid::regclass::text, {}, confmatchtype::text, confdeltype::text, \
         confupdtype::text, conrelid = $1, confrelid = $1 FROM pg_catalog.pg_constraint WHERE contype = 'f' AND (conrelid = $1 OR confrelid = $1) ORDER BY 1",
        names("conrelid", "conkey"),
        names("confrelid", "confkey"),
    );
    let answer = session.ask(
        &sql,
        vec![Parameter::untyped(&Value::Integer(table.into()))?],
    )?;
    let (mut outgoing, mut incoming) = (Vec::new(), Vec::new());
    for row in &answer.rows {
        let key = || ForeignKey {
            name: row.get(0),
            from_table: row.get(1),
            from_columns: row.get(2),
            to_table: row.get(3),
            to_columns: row.get(4),
            full: row.get::<_, &str>(5) == "f",
            on_delete: Action::parse(row.get(6)),
            on_update: Action::parse(row.get(7)),
        };
        if row.get(8) {
            outgoing.push(key());
        }
        if row.get(9) {
            incoming.push(key());
        }
    }
    Ok((outgoing, incoming))
}
