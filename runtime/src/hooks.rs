//! Looking at, amending and following up writes, in `normal` mode.

use crate::ctx::Ctx;
use crate::error::BoxError;
use crate::patch::Patch;
use crate::value::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// What the app does around every write to a table. Runs in `normal` mode, is skipped in `safe_bypass`.
///
/// ```
/// use driftless::{BoxError, Change, Ctx, WriteHooks};
/// struct Touch;
/// impl WriteHooks for Touch {
///     fn before(&self, _ctx: &mut Ctx, change: &mut Change) -> Result<(), BoxError> {
///         change.set("updated_by", "migration");
///         Ok(())
///     }
/// }
/// ```
pub trait WriteHooks: Send + Sync + 'static {
    /// Before the change is written: look at it, amend it with [`Change::set`], or refuse it with an error.
    ///
    /// # Errors
    /// An error fails the document.
    fn before(&self, ctx: &mut Ctx, change: &mut Change) -> Result<(), BoxError> {
        let _ = (ctx, change);
        Ok(())
    }

    /// After the change is written, in the same transaction.
    ///
    /// # Errors
    /// An error fails the document, and its change is rolled back with the batch.
    fn after(&self, ctx: &mut Ctx, change: &Change) -> Result<(), BoxError> {
        let _ = (ctx, change);
        Ok(())
    }
}

/// A write that is about to happen, or has just happened.
#[derive(Debug)]
pub struct Change {
    pub(crate) table: String,
    pub(crate) kind: ChangeKind,
    pub(crate) key: Option<Vec<Value>>,
    pub(crate) patch: Patch,
}

/// What kind of write a [`Change`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new row.
    Insert,
    /// Columns of an existing row.
    Patch,
    /// A row's removal.
    Delete,
}

impl Change {
    /// The table that is written to.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// What kind of write it is.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// The row's primary key; `None` for a row that does not exist yet.
    pub fn key(&self) -> Option<&[Value]> {
        self.key.as_deref()
    }

    /// The columns to write, with their values.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.patch.columns()
    }

    /// The value a column is set to, if it is.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns()
            .find(|(name, _)| *name == column)
            .map(|(_, value)| value)
    }

    /// Sets one more column, or sets it differently.
    pub fn set(
        &mut self,
        column: impl Into<std::borrow::Cow<'static, str>>,
        value: impl serde::Serialize,
    ) {
        let patch = std::mem::take(&mut self.patch);
        self.patch = patch.set(column, value);
    }
}

/// Hooks by table name, lower case.
#[derive(Clone, Default)]
pub(crate) struct Hooks(HashMap<String, Vec<Arc<dyn WriteHooks>>>);

impl Hooks {
    pub(crate) fn add(&mut self, table: &str, hooks: impl WriteHooks) {
        self.0
            .entry(table.to_lowercase())
            .or_default()
            .push(Arc::new(hooks));
    }

    pub(crate) fn of(&self, table: &str) -> &[Arc<dyn WriteHooks>] {
        self.0.get(&table.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
