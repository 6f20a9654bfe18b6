//! What a cell can hold, the same for every store.

use crate::error::Result;
use smallvec::SmallVec;
use std::fmt;

/// A cell's value, owned: what patches, parameters and keys are made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// True or false; SQLite stores 1 and 0.
    Boolean(bool),
    /// A signed 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A nested value as JSON text.
    Json(String),
}

/// A cell's value, borrowed from the row it was read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'r> {
    /// SQL NULL.
    Null,
    /// True or false.
    Boolean(bool),
    /// A signed 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// Text.
    Text(&'r str),
    /// Bytes.
    Bytes(&'r [u8]),
    /// A nested value as JSON text.
    Json(&'r str),
}

/// A row as a store hands it out: cells by position, alive until the next row is read.
pub trait Row {
    /// The cell at this position.
    ///
    /// # Errors
    /// Text that is not UTF-8.
    fn cell(&self, position: usize) -> Result<ValueRef<'_>>;

    /// How many cells there are.
    fn len(&self) -> usize;

    /// The column names, in order.
    fn names(&self) -> Vec<String>;
}

/// A primary key: one value per key column, in key order.
pub type Key = SmallVec<[Value; 1]>;

impl ValueRef<'_> {
    /// The same value, owned.
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Boolean(value) => Value::Boolean(value),
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::Text(value) => Value::Text(value.into()),
            ValueRef::Bytes(value) => Value::Bytes(value.into()),
            ValueRef::Json(value) => Value::Json(value.into()),
        }
    }

    /// What kind of value this is, as messages name it.
    pub fn kind(self) -> &'static str {
        match self {
            ValueRef::Null => "NULL",
            ValueRef::Boolean(_) => "a boolean",
            ValueRef::Integer(_) => "an integer",
            ValueRef::Real(_) => "a real number",
            ValueRef::Text(_) => "text",
            ValueRef::Bytes(_) => "bytes",
            ValueRef::Json(_) => "JSON",
        }
    }
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Boolean(value) => ValueRef::Boolean(*value),
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value),
            Value::Bytes(value) => ValueRef::Bytes(value),
            Value::Json(value) => ValueRef::Json(value),
        }
    }
}

/// How many characters of a long text or blob a message shows.
const SHOWN: usize = 60;

/// As SQL would write it, shortened: for messages, not for statements.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Real(value) => write!(f, "{value:?}"),
            Value::Text(value) | Value::Json(value) => {
                let shown: String = value.chars().take(SHOWN).collect();
                let more = if shown.len() < value.len() { "…" } else { "" };
                write!(f, "'{}{more}'", shown.replace('\'', "''"))
            }
            Value::Bytes(value) => {
                f.write_str("x'")?;
                for byte in value.iter().take(SHOWN / 2) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(if value.len() > SHOWN / 2 { "…'" } else { "'" })
            }
        }
    }
}

/// A key as messages show it: `7`, `'abc'`, `(1, 'abc')`.
pub(crate) fn show_key(key: &[Value]) -> String {
    match key {
        [single] => single.to_string(),
        parts => {
            let parts: Vec<String> = parts.iter().map(Value::to_string).collect();
            format!("({})", parts.join(", "))
        }
    }
}
