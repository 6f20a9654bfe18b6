//! A definition on the table that is there: its columns by position, and the names of what we make for it.

use super::definition::{AggregateDefinition, AggregateFunction, FunctionKind};
use crate::error::{Error, Result};
use crate::store::{TableInfo, quote};
use std::sync::Arc;

/// An aggregate of a table as it is.
///
/// In the tables we make, columns go by number: `by0`, `by1` are the key, `present0` and `sum0` the number and the sum of
/// the values of the first measure; each extreme has a table of its own with every value and how often it is there, so
/// that a minimum that is deleted leaves the next one behind.
#[derive(Debug)]
pub(crate) struct Layout {
    pub definition: &'static AggregateDefinition,
    pub table: Arc<TableInfo>,
    /// Positions of the columns that make a group.
    pub by: Vec<usize>,
    /// Positions of the columns that are summed.
    pub measures: Vec<usize>,
    /// Positions of the columns whose smallest or largest value is wanted.
    pub extremes: Vec<usize>,
}

/// So many columns may have their extremes kept: each costs a table.
pub(crate) const MAX_EXTREMES: usize = 16;

impl Layout {
    /// Finds the definition's columns in the table.
    ///
    /// # Errors
    /// A column that the table does not have; an aggregate over what cannot have triggers.
    pub(crate) fn new(
        definition: &'static AggregateDefinition,
        table: Arc<TableInfo>,
    ) -> Result<Layout> {
        let position = |column: &str| {
            table.position(column).ok_or_else(|| {
                let nearest = nearest(&table, column);
                Error::database(format!(
                    "aggregate {} is over column {column}, which {} does not have{nearest} (it has {})",
                    definition.name,
                    table.name,
                    table.column_names()
                ))
            })
        };
        let by = definition.by.iter().map(|column| position(column));
        let by = by.collect::<Result<Vec<_>>>()?;
        let (mut measures, mut extremes) = (Vec::new(), Vec::new());
        for AggregateFunction { kind, column } in definition.functions {
            let list = match kind {
                FunctionKind::Count => continue,
                FunctionKind::Sum | FunctionKind::Avg => &mut measures,
                FunctionKind::Min | FunctionKind::Max => &mut extremes,
            };
            let at = position(column)?;
            if !list.contains(&at) {
                list.push(at);
            }
        }
        if extremes.len() > MAX_EXTREMES {
            return Err(Error::usage(format!(
                "aggregate {} keeps minima or maxima of {} columns, and {MAX_EXTREMES} are the most; declare a second aggregate",
                definition.name,
                extremes.len()
            )));
        }
        Ok(Layout {
            definition,
            table,
            by,
            measures,
            extremes,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.definition.name
    }

    /// The number of a measure or extreme in the tables we make.
    pub(crate) fn place(&self, function: &AggregateFunction) -> Option<usize> {
        let at = self.table.position(function.column)?;
        let list = match function.kind {
            FunctionKind::Count => return None,
            FunctionKind::Sum | FunctionKind::Avg => &self.measures,
            FunctionKind::Min | FunctionKind::Max => &self.extremes,
        };
        list.iter().position(|known| *known == at)
    }

    /// A column's name as SQL writes it.
    pub(crate) fn column(&self, position: usize) -> String {
        quote(&self.table.columns[position].name)
    }

    /// `by0, by1`.
    pub(crate) fn by_list(&self) -> String {
        numbered("by", self.by.len()).join(", ")
    }
}

fn nearest(table: &TableInfo, column: &str) -> String {
    let alike = |name: &str| strsim::jaro_winkler(name, column);
    let names = table.columns.iter().map(|column| column.name.as_str());
    match names.max_by(|a, b| alike(a).total_cmp(&alike(b))) {
        Some(name) if alike(name) > 0.8 => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

/// `by0`, `by1`, …
pub(crate) fn numbered(word: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{word}{at}")).collect()
}

/// The table of groups.
pub(crate) fn groups_table(name: &str) -> String {
    format!("migration_aggregate_{name}")
}

/// The table whose only row holds the key up to which rows are counted while the aggregate is built.
pub(crate) fn gate_table(name: &str) -> String {
    format!("migration_gate_{name}")
}

/// The table of the values of an extreme, and how often each is there.
pub(crate) fn value_table(name: &str, place: usize) -> String {
    format!("migration_value{place}_{name}")
}

/// Something that we make in the database for an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// Its name, without schema or quotes.
    pub name: String,
    /// The statement that makes it.
    pub sql: String,
}

/// The statements that make objects, as they are run and kept.
pub(crate) fn script(objects: &[Object]) -> String {
    let statements = objects.iter().map(|object| format!("{};\n", object.sql));
    statements.collect()
}
