//! What a step returns: columns to set, nothing, or a removal.

use crate::document::to_value;
use crate::error::BoxError;
use crate::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smallvec::SmallVec;
use std::borrow::Cow;

/// The change a step makes to its document.
///
/// ```
/// # use driftless::Patch;
/// let patch = Patch::none().set("priority", "medium").set("reviewed_at", None::<String>);
/// assert_eq!(patch.columns().count(), 2);
/// assert!(Patch::none().is_none());
/// ```
#[derive(Debug, Default)]
#[must_use = "a patch does nothing until the step returns it"]
pub struct Patch {
    pub(crate) columns: SmallVec<[(Cow<'static, str>, Value); 1]>,
    pub(crate) delete: bool,
    pub(crate) fault: Option<Box<str>>,
}

impl Patch {
    /// Leaves the document as it is.
    pub fn none() -> Self {
        Patch::default()
    }

    /// Removes the document.
    pub fn delete() -> Self {
        Patch {
            delete: true,
            ..Patch::default()
        }
    }

    /// Sets a column. `None` sets NULL; a nested value (struct, map, sequence) is written as JSON,
    /// a sequence of `u8` as bytes.
    ///
    /// Setting a column twice keeps the last value. A value that cannot be written (an integer beyond
    /// 64 bits, a map whose keys are not strings) fails the document when the step returns the patch.
    #[inline]
    pub fn set(mut self, column: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        let column = column.into();
        match to_value(&value) {
            Ok(value) => self.put(column, value),
            Err(reason) => {
                self.fault.get_or_insert_with(|| {
                    format!("column {column} cannot be set: {reason}").into()
                });
            }
        }
        self
    }

    /// Sets a column to a value as it is stored.
    #[inline]
    pub(crate) fn put(&mut self, column: Cow<'static, str>, value: Value) {
        match self
            .columns
            .iter_mut()
            .find(|(name, _)| same_name(name, &column))
        {
            Some((_, old)) => *old = value,
            None => self.columns.push((column, value)),
        }
    }

    /// Whether the document is left as it is.
    pub fn is_none(&self) -> bool {
        !self.delete && self.columns.is_empty() && self.fault.is_none()
    }

    /// Whether the document is removed.
    pub fn is_delete(&self) -> bool {
        self.delete
    }

    /// The columns that are set, with their values.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.columns
            .iter()
            .map(|(name, value)| (name.as_ref(), value))
    }
}

/// Whether two column names are the same; names from the source text are mostly the very same bytes.
#[inline]
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// A document type: any `serde::Deserialize` struct that owns its data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the database",
    label = "this document type does not implement `serde::Deserialize`",
    note = "put `#[derive(serde::Deserialize)]` on the struct and own the data in it (`String`, not `&str`)"
)]
pub trait Document: DeserializeOwned {}
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Document for T {}

/// What a step may return: `Result<Patch>` with any error.
#[diagnostic::on_unimplemented(
    message = "a migration step returns `Result<Patch>`, not `{Self}`",
    label = "expected `Result<Patch>`",
    note = "return `Ok(patch!(doc {{ column: value }}))` to change the document, `Ok(Patch::none())` to leave it"
)]
pub trait StepResult {
    /// The patch, or why the document failed.
    ///
    /// # Errors
    /// What the step returned.
    fn into_patch(self) -> Result<Patch, BoxError>;
}

impl<E: Into<BoxError>> StepResult for Result<Patch, E> {
    fn into_patch(self) -> Result<Patch, BoxError> {
        self.map_err(Into::into)
    }
}

impl Serialize for Patch {
    /// As a map of the columns it sets, so that a patch can be inserted as a row.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns().map(|(name, value)| (name, CellOf(value))))
    }
}

struct CellOf<'v>(&'v Value);

impl Serialize for CellOf<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Real(value) => serializer.serialize_f64(*value),
            Value::Text(value) | Value::Json(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
        }
    }
}
