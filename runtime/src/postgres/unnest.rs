//! Rows that go to the server as arrays, a column of the statement's `u` each.

use super::page::key_columns;
use super::types::Parameter;
use super::write::Change;
use crate::error::Result;
use crate::store::TableInfo;
use crate::value::Key;

/// The arrays that a statement is fed with, a column of `u` each.
#[derive(Default)]
pub(super) struct Unnested {
    pub parameters: Vec<Parameter>,
    /// The places of the arrays among the parameters.
    arrays: Vec<usize>,
}

impl Unnested {
    /// Adds an array and returns the name of its cells.
    pub(super) fn add(&mut self, array: Parameter) -> String {
        self.parameters.push(array);
        self.arrays.push(self.parameters.len());
        format!("u.c{}", self.arrays.len())
    }

    /// Adds the keys of these changes, and returns the conditions by which `d` is the rows that have them.
    pub(super) fn keys(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        group: &[Change<'_>],
    ) -> Result<Vec<String>> {
        let mut conditions = Vec::new();
        for (part, (key, name)) in key_columns(table)?.zip(&table.key).enumerate() {
            let values = group
                .iter()
                .map(|(_, (position, _))| &keys[*position][part]);
            let cell = self.add(Parameter::many(key.of, values)?);
            let column = key.of.compare_sql(&format!("d.{}", name.sql_name));
            conditions.push(format!("{column} = {}", key.of.many_sql(&cell)));
        }
        conditions.extend(self.bounds(table, keys, group)?);
        Ok(conditions)
    }

    /// Bounds on the key, or a plan might walk the whole index.
    fn bounds(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        group: &[Change<'_>],
    ) -> Result<Vec<String>> {
        let mut conditions = Vec::new();
        // Keys are in order, and so are the changes.
        let (Some((_, (first, _))), Some((_, (last, _)))) = (group.first(), group.last()) else {
            return Ok(conditions);
        };
        for (operator, position) in [(">=", first), ("<=", last)] {
            let (mut names, mut places) = (Vec::new(), Vec::new());
            for ((column, key), value) in key_columns(table)?.zip(&table.key).zip(&keys[*position])
            {
                self.parameters.push(Parameter::one(column.of, value)?);
                names.push(column.of.compare_sql(&format!("d.{}", key.sql_name)));
                places.push(format!("${}", self.parameters.len()));
            }
            conditions.push(match (names.as_slice(), places.as_slice()) {
                ([name], [place]) => format!("{name} {operator} {place}"),
                _ => format!("({}) {operator} ({})", names.join(", "), places.join(", ")),
            });
        }
        Ok(conditions)
    }

    /// `unnest($1, $2) AS u (c1, c2)`.
    pub(super) fn source(&self, with_place: bool) -> String {
        let arrays: Vec<String> = self
            .arrays
            .iter()
            .map(|place| format!("${place}"))
            .collect();
        let mut names: Vec<String> = (1..=arrays.len()).map(|at| format!("c{at}")).collect();
        let places = if with_place {
            names.push("place".into());
            " WITH ORDINALITY"
        } else {
            ""
        };
        format!(
            "unnest({}){places} AS u ({})",
            arrays.join(", "),
            names.join(", ")
        )
    }
}
