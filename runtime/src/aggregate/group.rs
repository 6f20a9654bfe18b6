//! A group as it is read: its key, its count, and what else is kept of it, as whatever types the caller asks for.

use super::definition::{AggregateDefinition, AggregateFunction, FunctionKind};
use crate::document::record_from_row;
use crate::error::{Error, Result};
use crate::value::{Row, Value, ValueRef};
use serde::de::DeserializeOwned;

/// A group of rows.
///
/// `sum`, `min` and `max` are NULL where the group has no value in that column: read them as an `Option` unless the column
/// is never NULL.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// How many rows it has; never 0.
    pub count: u64,
    key: Vec<Value>,
    definition: &'static AggregateDefinition,
    /// One cell per function that is not `count`, in the order of the declaration.
    cells: Vec<Value>,
}

impl PartialEq for AggregateDefinition {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Group {
    pub(super) fn new(
        definition: &'static AggregateDefinition,
        count: u64,
        key: Vec<Value>,
        cells: Vec<Value>,
    ) -> Self {
        Group {
            count,
            key,
            definition,
            cells,
        }
    }

    /// The group's key: a tuple with a value per column, or the value alone when there is one column.
    ///
    /// # Errors
    /// A type that the values do not fit.
    pub fn key<T: DeserializeOwned>(&self) -> Result<T> {
        let names: Vec<String> = self
            .definition
            .by
            .iter()
            .map(|name| (*name).into())
            .collect();
        record_from_row(&Cells(&self.key, &names), &names)
    }

    /// The sum of a column's values.
    ///
    /// # Errors
    /// A sum that is not declared, a type that it does not fit.
    pub fn sum<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        self.read(FunctionKind::Sum, column)
    }

    /// The average of a column's values.
    ///
    /// # Errors
    /// An average that is not declared, a type that it does not fit.
    pub fn avg<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        self.read(FunctionKind::Avg, column)
    }

    /// The smallest of a column's values.
    ///
    /// # Errors
    /// A minimum that is not declared, a type that it does not fit.
    pub fn min<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        self.read(FunctionKind::Min, column)
    }

    /// The largest of a column's values.
    ///
    /// # Errors
    /// A maximum that is not declared, a type that it does not fit.
    pub fn max<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        self.read(FunctionKind::Max, column)
    }

    /// Everything at once, as a struct: fields are the columns of the key, `count`, `sum_effort`, `avg_effort`,
    /// `min_created_at` and so on.
    ///
    /// # Errors
    /// A field that there is not, a type that a value does not fit.
    pub fn into_record<T: DeserializeOwned>(self) -> Result<T> {
        let mut names: Vec<String> = self
            .definition
            .by
            .iter()
            .map(|name| (*name).into())
            .collect();
        let mut cells = self.key;
        names.push("count".into());
        cells.push(Value::Integer(
            i64::try_from(self.count).unwrap_or(i64::MAX),
        ));
        for (function, cell) in stored(self.definition).zip(self.cells) {
            names.push(format!("{}_{}", function.kind.as_str(), function.column));
            cells.push(cell);
        }
        record_from_row(&Cells(&cells, &names), &names)
    }

    fn read<T: DeserializeOwned>(&self, kind: FunctionKind, column: &str) -> Result<T> {
        let wanted = |function: &AggregateFunction| {
            function.kind == kind && function.column.eq_ignore_ascii_case(column)
        };
        let Some(at) = stored(self.definition).position(wanted) else {
            let functions = stored(self.definition);
            let kept: Vec<String> = functions
                .map(|function| format!("{}({})", function.kind.as_str(), function.column))
                .collect();
            return Err(Error::usage(format!(
                "aggregate {} keeps no {}({column}); it keeps {}",
                self.definition.name,
                kind.as_str(),
                match kept.as_slice() {
                    [] => "the count alone".into(),
                    kept => kept.join(", "),
                }
            )));
        };
        let names = [format!("{}({column})", kind.as_str())];
        let cell = std::slice::from_ref(&self.cells[at]);
        record_from_row(&Cells(cell, &names), &names)
    }
}

/// The functions that have a cell of their own.
pub(super) fn stored(
    definition: &'static AggregateDefinition,
) -> impl Iterator<Item = &'static AggregateFunction> {
    let functions = definition.functions.iter();
    functions.filter(|function| function.kind != FunctionKind::Count)
}

/// Values that were read, as a row to be decoded.
struct Cells<'c>(&'c [Value], &'c [String]);

impl Row for Cells<'_> {
    fn cell(&self, position: usize) -> Result<ValueRef<'_>> {
        Ok(self.0[position].as_ref())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn names(&self) -> Vec<String> {
        self.1.to_vec()
    }
}
