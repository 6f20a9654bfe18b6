//! Sums: kept as numeric, whatever they are of, and read as what they are of.

use crate::aggregate::Layout;
use crate::error::{Error, Result};
use crate::postgres::session::PostgresSession;
use crate::postgres::table::Table;
use crate::postgres::types::Kind;

/// How SQL reads a sum of such a column.
pub(super) fn measure(kind: &Kind) -> Option<Sum> {
    Some(match kind {
        Kind::Int2 | Kind::Int4 | Kind::Int8 => Sum::Integer,
        Kind::Numeric => Sum::Numeric,
        Kind::Float4 | Kind::Float8 => Sum::Float,
        _ => return None,
    })
}

/// What is summed. All of it is kept as numeric, which is exact: what was added can be taken away again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sum {
    Integer,
    Numeric,
    Float,
}

impl Sum {
    /// A value as it is added. A float becomes the decimal of 15 digits that it is.
    pub(super) fn value(self, column: &str) -> String {
        match self {
            Sum::Integer | Sum::Numeric => format!("{column}::numeric"),
            Sum::Float => format!("{column}::float8::numeric"),
        }
    }
}

pub(super) fn sum_of(layout: &Layout, column: usize) -> Result<Sum> {
    let own: &Table = PostgresSession::own(&layout.table)?;
    measure(&own.types[column].kind).ok_or_else(|| {
        Error::database(format!("column {} cannot be summed", layout.column(column)))
    })
}

/// How a sum and an average are read.
pub(super) fn read_sum(layout: &Layout, place: usize) -> Result<(String, String)> {
    let (sum, present) = (format!("g.sum{place}"), format!("g.present{place}"));
    let average = format!("{sum} / nullif({present}, 0)");
    Ok(match sum_of(layout, layout.measures[place])? {
        Sum::Integer => (format!("{sum}::bigint"), format!("({average})::float8")),
        Sum::Numeric => (sum, average),
        Sum::Float => (format!("{sum}::float8"), format!("({average})::float8")),
    })
}
