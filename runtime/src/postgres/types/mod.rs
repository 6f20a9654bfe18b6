//! Postgres types: what a document sees of a cell, and how a value gets back into a column unchanged.
//!
//! | column | as a document sees it |
//! |---|---|
//! | boolean, integers, oid, floats, text and its likes, enums, bytea | as such |
//! | json, jsonb | nested |
//! | numeric | text, with its scale: `1.50`, `NaN` |
//! | uuid, inet | text |
//! | date, time, timestamp, timestamptz | ISO 8601, RFC 3339 with a zone |
//! | interval | ISO 8601: `P1Y2M3DT4H5M6.5S`, `-P1D` |
//! | arrays of all of these | a sequence; NaN and infinities in it are text |
//! | anything else | the text Postgres prints |
//!
//! What such a form cannot say (an array that does not begin at 1, a JSON null beside an SQL NULL) arrives as the text
//! of Postgres itself. Text that is set on a column is read by the column's own type; only a json column takes it as a
//! JSON string, because that is what a `String` read from it was: JSON text is set as a `serde_json::Value`.

mod array;
mod catalog;
mod datetime;
mod decode;
mod encode;
mod numeric;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod tests;

pub(crate) use catalog::{TYPES_SQL, TypeFacts};
pub(crate) use decode::{Scratch, decode};
pub(crate) use encode::Parameter;

use crate::error::{Error, Result};
use tokio_postgres::types::{Kind as DriverKind, Type};

/// A column's type; that of a domain is its base type, because the domain's checks are made by the assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnType {
    /// As SQL writes it, with its schema and without a length: `integer`, `bpchar`, `shop.mood`.
    pub name: String,
    /// Its number.
    pub oid: u32,
    /// The number of the type of arrays of it, 0 when there is none that `unnest` takes apart into such values.
    pub array_oid: u32,
    /// How cells of it are written on the wire.
    pub kind: Kind,
    /// Whether two equal values are the same value: not so for `1.0` and `1.00`, or `30 days` and `1 month`.
    pub has_equality: bool,
    /// What an array is made of.
    pub element: Option<Box<ColumnType>>,
    /// Whether the column is of a domain over this type.
    pub is_domain: bool,
}

/// How the cells of a type are written on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// text, varchar, bpchar, name, citext and enums.
    Text,
    Bytes,
    Uuid,
    /// inet, not cidr.
    Inet,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Json,
    Jsonb,
    Array(Box<Kind>),
    /// Anything else: read as `"c"::text`, written as the text of its own type.
    AsText,
}

/// Numbers from here on are not the same in every database.
const FIRST_OWN_OID: u32 = 16384;

impl ColumnType {
    /// How SQL selects a column of this type so that [`decode`] can read it, and so that the driver need not ask for
    /// the type's make-up.
    pub(crate) fn read_sql(&self, column: &str) -> String {
        match &self.kind {
            Kind::AsText => format!("{column}::text"),
            Kind::Text if self.oid >= FIRST_OWN_OID => format!("{column}::text"),
            Kind::Array(_) if self.is_read_as_text_array() => format!("{column}::text[]"),
            _ => column.into(),
        }
    }

    fn is_read_as_text_array(&self) -> bool {
        self.element.as_ref().is_some_and(|element| {
            element.kind == Kind::AsText
                || element.kind == Kind::Text && element.oid >= FIRST_OWN_OID
        })
    }

    /// What a cell that was unnested from [`Parameter::many`] must be wrapped in to be of this type.
    pub(crate) fn many_sql(&self, cell: &str) -> String {
        if self.unnests() {
            cell.into()
        } else {
            format!("{cell}::{}", self.name)
        }
    }

    /// Whether a column still holds what was read: `guard` is a cell that was unnested from [`Parameter::many_raw`].
    pub(crate) fn same_sql(&self, column: &str, guard: &str) -> String {
        match &self.kind {
            Kind::AsText => format!("{column}::text IS NOT DISTINCT FROM {guard}"),
            Kind::Array(_) if self.is_read_as_text_array() => {
                format!("{column}::text[] IS NOT DISTINCT FROM {guard}::text[]")
            }
            _ if self.has_equality => {
                let column = self.compare_sql(column);
                format!("{column} IS NOT DISTINCT FROM {}", self.many_sql(guard))
            }
            Kind::Text => {
                // Under another collation, what is equal may still be written differently.
                format!("{column}::text COLLATE \"C\" IS NOT DISTINCT FROM {guard}::text")
            }
            _ => {
                let guard = self.many_sql(guard);
                format!("{column}::text IS NOT DISTINCT FROM ({guard})::text")
            }
        }
    }

    /// How a column of this type is compared: there are no operators for domains over enums. Such a cast does not keep
    /// an index from being used; it must not be in an ORDER BY.
    pub(crate) fn compare_sql(&self, column: &str) -> String {
        if self.is_domain && self.kind == Kind::Text && self.oid >= FIRST_OWN_OID {
            format!("{column}::{}", self.name)
        } else {
            column.into()
        }
    }

    /// Whether many values of it can be one array that `unnest` takes apart again: not arrays, which it would flatten.
    fn unnests(&self) -> bool {
        self.array_oid != 0 && !matches!(self.kind, Kind::Array(_))
    }

    /// The same type in a column whose collation says that texts which differ may be equal.
    pub(crate) fn with_loose_collation(mut self) -> Self {
        self.has_equality = false;
        self
    }
}

impl Kind {
    /// The kind of one of Postgres' own types, by its number.
    fn of_builtin(oid: u32) -> Kind {
        match oid {
            16 => Kind::Boolean,
            17 => Kind::Bytes,
            20 => Kind::Int8,
            21 => Kind::Int2,
            23 => Kind::Int4,
            26 => Kind::Oid,
            700 => Kind::Float4,
            701 => Kind::Float8,
            1700 => Kind::Numeric,
            // name, text, bpchar, varchar
            19 | 25 | 1042 | 1043 => Kind::Text,
            114 => Kind::Json,
            3802 => Kind::Jsonb,
            869 => Kind::Inet,
            1082 => Kind::Date,
            1083 => Kind::Time,
            1266 => Kind::TimeTz,
            1114 => Kind::Timestamp,
            1184 => Kind::TimestampTz,
            1186 => Kind::Interval,
            2950 => Kind::Uuid,
            _ => Kind::AsText,
        }
    }

    /// Whether equal values of this kind are always the same value.
    fn has_equality(&self) -> bool {
        match self {
            Kind::Float4
            | Kind::Float8
            | Kind::Numeric
            | Kind::Interval
            | Kind::Json
            | Kind::Jsonb
            | Kind::AsText => false,
            Kind::Array(element) => element.has_equality(),
            _ => true,
        }
    }
}

/// The kind of a column of a query's result.
///
/// # Errors
/// A type that only its own text form tells: the SQL must cast it.
pub(crate) fn kind_of_result(of: &Type) -> Result<Kind> {
    let kind = match of.kind() {
        DriverKind::Enum(_) => Kind::Text,
        DriverKind::Domain(base) => return kind_of_result(base),
        DriverKind::Array(element) => Kind::Array(Box::new(kind_of_result(element)?)),
        _ if of.name() == "citext" => Kind::Text,
        // Text that was not given a type yet, void.
        _ if of.oid() == 705 || of.oid() == 2278 => Kind::Text,
        _ => Kind::of_builtin(of.oid()),
    };
    match kind {
        Kind::AsText => Err(Error::step(format!(
            "a value of the type {} cannot be read as it is; write `::text` after it in the SQL",
            of.name()
        ))),
        kind => Ok(kind),
    }
}
