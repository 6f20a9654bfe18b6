//! A cell of the wire, in binary, as a value.

use super::{Kind, array, datetime, numeric};
use crate::error::{Error, Result};
use crate::value::ValueRef;
use std::cell::OnceCell;
use std::fmt::Write;

/// Room for the text of a cell that has to be made; one for every cell of a row, new for every row.
#[derive(Debug, Default)]
pub(crate) struct Scratch(OnceCell<Made>);

/// A text that was made for a cell.
#[derive(Debug, PartialEq)]
pub(super) enum Made {
    Text(String),
    Json(String),
}

impl Scratch {
    /// What was made before, or is made now.
    fn keep(&self, make: impl FnOnce() -> Result<Made>) -> Result<ValueRef<'_>> {
        let made = match self.0.get() {
            Some(made) => made,
            None => {
                let made = make()?;
                self.0.get_or_init(|| made)
            }
        };
        Ok(match made {
            Made::Text(text) => ValueRef::Text(text),
            Made::Json(text) => ValueRef::Json(text),
        })
    }
}

/// The value of a cell that is not NULL.
///
/// # Errors
/// Bytes that are not of this kind; text that is not UTF-8.
pub(crate) fn decode<'r>(kind: &Kind, raw: &'r [u8], scratch: &'r Scratch) -> Result<ValueRef<'r>> {
    let mut wire = Wire::new(raw, "value");
    let value = match kind {
        Kind::Boolean => ValueRef::Boolean(wire.u8()? != 0),
        Kind::Int2 => ValueRef::Integer(wire.i16()?.into()),
        Kind::Int4 => ValueRef::Integer(wire.i32()?.into()),
        Kind::Int8 => ValueRef::Integer(wire.i64()?),
        Kind::Oid => ValueRef::Integer(wire.u32()?.into()),
        Kind::Float4 => ValueRef::Real(f32::from_bits(wire.u32()?).into()),
        Kind::Float8 => ValueRef::Real(f64::from_bits(wire.u64()?)),
        Kind::Text | Kind::AsText => return Ok(ValueRef::Text(utf8(raw)?)),
        Kind::Bytes => return Ok(ValueRef::Bytes(raw)),
        Kind::Json => return Ok(ValueRef::Json(utf8(raw)?)),
        Kind::Jsonb => return Ok(ValueRef::Json(jsonb_text(raw)?)),
        Kind::Array(element) => return scratch.keep(|| array::read(element, raw)),
        Kind::Numeric
        | Kind::Uuid
        | Kind::Inet
        | Kind::Date
        | Kind::Time
        | Kind::TimeTz
        | Kind::Timestamp
        | Kind::TimestampTz
        | Kind::Interval => {
            return scratch.keep(|| {
                let mut text = String::new();
                write_text(kind, raw, &mut text)?;
                Ok(Made::Text(text))
            });
        }
    };
    wire.end()?;
    Ok(value)
}

/// Writes a cell as text that its own type reads back as the same value.
pub(super) fn write_text(kind: &Kind, raw: &[u8], out: &mut String) -> Result<()> {
    match kind {
        Kind::Numeric => return numeric::write_text(raw, out),
        Kind::Date => return datetime::write_date(raw, out),
        Kind::Time => return datetime::write_time(raw, out),
        Kind::TimeTz => return datetime::write_time_with_zone(raw, out),
        Kind::Timestamp => return datetime::write_timestamp(raw, "", out),
        Kind::TimestampTz => return datetime::write_timestamp(raw, "Z", out),
        Kind::Interval => return datetime::write_interval(raw, out),
        Kind::Array(element) => return array::write_literal(element, raw, out),
        Kind::Inet => return write_inet(raw, out),
        Kind::Uuid => {
            let uuid = uuid::Uuid::from_slice(raw).map_err(|error| {
                Error::database("a uuid did not come as one").with_source(error)
            })?;
            let _ = write!(out, "{uuid}");
            return Ok(());
        }
        Kind::Float4 => {
            // The shortest text that is this float4, not the longer one of the same number as a float8.
            let mut wire = Wire::new(raw, "real");
            let number = f32::from_bits(wire.u32()?);
            if number.is_finite() {
                let _ = write!(out, "{number:e}");
            } else {
                write_real(number.into(), out);
            }
            return wire.end();
        }
        _ => {}
    }
    match decode(kind, raw, &Scratch::default())? {
        ValueRef::Null => {}
        ValueRef::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
        ValueRef::Integer(value) => {
            let _ = write!(out, "{value}");
        }
        ValueRef::Real(value) => write_real(value, out),
        ValueRef::Text(text) | ValueRef::Json(text) => out.push_str(text),
        ValueRef::Bytes(bytes) => write_bytes(bytes, out),
    }
    Ok(())
}

/// Writes a float as Postgres reads it: the shortest text that is this number, and not a page of zeros.
pub(super) fn write_real(value: f64, out: &mut String) {
    let _ = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Infinity", if value < 0.0 { "-" } else { "" })
    } else if value == 0.0 || (1e-5..1e15).contains(&value.abs()) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

/// Writes bytes as Postgres reads them.
pub(super) fn write_bytes(bytes: &[u8], out: &mut String) {
    out.push_str("\\x");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

/// The text of a jsonb: it comes after a version.
pub(super) fn jsonb_text(raw: &[u8]) -> Result<&str> {
    match raw {
        [1, text @ ..] => utf8(text),
        _ => Err(Error::database(
            "a jsonb came in a version that is not known",
        )),
    }
}

/// The address, and the network's length when it is not the whole of it.
fn write_inet(raw: &[u8], out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "inet");
    let (family, bits, _is_cidr, length) = (wire.u8()?, wire.u8()?, wire.u8()?, wire.u8()?);
    let (address, all) = match length {
        4 => (std::net::IpAddr::from(wire.array::<4>()?), 32),
        16 => (std::net::IpAddr::from(wire.array::<16>()?), 128),
        _ => {
            return Err(Error::database(format!(
                "an inet came of the unknown family {family}"
            )));
        }
    };
    let _ = write!(out, "{address}");
    if bits != all {
        let _ = write!(out, "/{bits}");
    }
    wire.end()
}

pub(super) fn utf8(raw: &[u8]) -> Result<&str> {
    std::str::from_utf8(raw)
        .map_err(|error| Error::database("a text is not UTF-8").with_source(error))
}

/// Reads numbers off the wire.
pub(super) struct Wire<'r> {
    rest: &'r [u8],
    what: &'static str,
}

macro_rules! numbers {
    ($($number:ident)*) => {
        $(pub(super) fn $number(&mut self) -> Result<$number> { self.array().map($number::from_be_bytes) })*
    };
}

impl<'r> Wire<'r> {
    pub(super) fn new(raw: &'r [u8], what: &'static str) -> Self {
        Wire { rest: raw, what }
    }

    numbers! { u8 i16 u16 i32 u32 i64 u64 }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(*first)
            }
            None => Err(self.fault()),
        }
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'r [u8]> {
        match self.rest.split_at_checked(length) {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(first)
            }
            None => Err(self.fault()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything was read.
    pub(super) fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault())
        }
    }

    pub(super) fn fault(&self) -> Error {
        Error::database(format!(
            "a {} came from the server in a form that is not known",
            self.what
        ))
    }
}
