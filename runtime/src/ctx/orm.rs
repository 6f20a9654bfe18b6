//! Typed reads and writes by table, in the step's write mode.

use super::Ctx;
use crate::document::{columns_of, record_from_row, to_parameters};
use crate::error::{Error, Result};
use crate::hooks::{Change, ChangeKind};
use crate::manifest::WriteMode;
use crate::patch::Patch;
use crate::store::TableInfo;
use crate::value::{Key, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Typed reads and writes by table, in the step's write mode. See [`Ctx::orm`].
///
/// A key is the primary key's value; a composite key is a tuple in the key's order.
pub struct Orm<'c> {
    pub(super) ctx: &'c mut Ctx,
}

impl Orm<'_> {
    /// The row with this key, if there is one.
    ///
    /// # Errors
    /// A table or column that does not exist, a row that does not fit the type.
    pub fn get<T: DeserializeOwned>(
        &mut self,
        table: &str,
        key: impl Serialize,
    ) -> Result<Option<T>> {
        self.ctx.look()?;
        let table = self.ctx.table_info(table)?;
        let key = self.key(&table, &key)?;
        let conditions: Vec<String> = table
            .key
            .iter()
            .enumerate()
            .map(|(index, column)| format!("{} = ${}", column.sql_name, index + 1))
            .collect();
        Ok(self.select(&table, &conditions.join(" AND "), &key)?.pop())
    }

    /// The rows that match a SQL predicate, `$1`, `$2`… being its parameters, in key order.
    ///
    /// # Errors
    /// A table that does not exist, a predicate the database refuses, rows that do not fit the type.
    pub fn find<T: DeserializeOwned>(
        &mut self,
        table: &str,
        predicate: &str,
        parameters: impl Serialize,
    ) -> Result<Vec<T>> {
        self.ctx.look()?;
        let table = self.ctx.table_info(table)?;
        let parameters = to_parameters(&parameters).map_err(|reason| {
            Error::step(format!("a parameter of find cannot be sent: {reason}"))
        })?;
        self.select(&table, predicate, &parameters)
    }

    /// Inserts a row: a struct, a map, or a [`Patch`] with the columns to set. In `normal` mode its hooks run.
    ///
    /// # Errors
    /// A constraint, a column the table does not have, a hook that refuses.
    pub fn insert(&mut self, table: &str, row: impl Serialize) -> Result<()> {
        self.ctx.look()?;
        let table = self.ctx.table_info(table)?;
        let columns = columns_of(&row).map_err(|reason| {
            Error::step(format!(
                "a row for {} cannot be written: {reason}",
                table.name
            ))
        })?;
        let mut patch = Patch::none();
        for (name, value) in columns {
            patch.put(name.into(), value);
        }
        let mut change = Change {
            table: table.name.clone(),
            kind: ChangeKind::Insert,
            key: None,
            patch,
        };
        self.ctx.run_hooks(&mut change, true)?;
        for (name, _) in change.patch.columns() {
            if table.position(name).is_none() {
                return Err(Error::step(format!(
                    "the row sets column {name}, which {} does not have (it has {})",
                    table.name,
                    table.column_names()
                )));
            }
        }
        let columns: Vec<(String, Value)> = change
            .patch
            .columns()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        let inserted = self.ctx.session.insert(&table, &columns).map_err(|error| {
            error.context(format!("a row cannot be inserted into {}", table.name))
        });
        let key = self.ctx.or_poison(inserted)?;
        if self.ctx.write_mode == WriteMode::SafeBypass {
            self.ctx.passed.tables.insert(table.sql_name.clone());
        }
        change.key = key.map(|key| key.to_vec());
        self.ctx.run_hooks(&mut change, false)
    }

    /// Sets columns of the row with this key. Returns whether there is such a row.
    ///
    /// # Errors
    /// A constraint, a column the table does not have, the primary key, a hook that refuses.
    pub fn patch(&mut self, table: &str, key: impl Serialize, patch: Patch) -> Result<bool> {
        self.ctx.look()?;
        let table = self.ctx.table_info(table)?;
        let key = self.key(&table, &key)?;
        if patch.is_none() {
            return Err(Error::step(format!(
                "the patch for a row of {} sets no column",
                table.name
            )));
        }
        let written = self.ctx.write_with_hooks(&table, key, patch);
        self.ctx.or_poison(written)
    }

    /// Removes the row with this key. Returns whether there was one.
    ///
    /// # Errors
    /// A foreign key that still points to the row, a hook that refuses.
    pub fn delete(&mut self, table: &str, key: impl Serialize) -> Result<bool> {
        self.patch(table, key, Patch::delete())
    }

    fn key(&self, table: &TableInfo, key: &(impl Serialize + ?Sized)) -> Result<Key> {
        let values = to_parameters(key).map_err(|reason| {
            Error::step(format!("a key of {} cannot be sent: {reason}", table.name))
        })?;
        if values.len() != table.key.len() {
            let names: Vec<&str> = table
                .key
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            return Err(Error::step(format!(
                "the key of {} is ({}), and {} values were given",
                table.name,
                names.join(", "),
                values.len()
            )));
        }
        Ok(values.into())
    }

    fn select<T: DeserializeOwned>(
        &mut self,
        table: &Arc<TableInfo>,
        predicate: &str,
        parameters: &[Value],
    ) -> Result<Vec<T>> {
        let order: Vec<&str> = table
            .key
            .iter()
            .map(|column| column.sql_name.as_str())
            .collect();
        let columns: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.read_sql.as_str())
            .collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE ({predicate}\n) ORDER BY {}",
            columns.join(", "),
            table.sql_name,
            order.join(", ")
        );
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let mut found = Vec::new();
        let read = self.ctx.session.query(&sql, parameters, &mut |row| {
            found.push(record_from_row(row, &names)?);
            Ok(())
        });
        let read = read.map_err(|error| error.context(format!("{} cannot be read", table.name)));
        self.ctx.or_poison(read)?;
        Ok(found)
    }
}
