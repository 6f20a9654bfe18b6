//! Arrays: a sequence for the document, the binary form and the text form for Postgres.

use super::Kind;
use super::datetime::interval_for_postgres;
use super::decode::Scratch;
use super::decode::{Made, Wire, decode, jsonb_text, utf8, write_bytes, write_text};
use crate::error::{Error, Result};
use crate::value::ValueRef;
use serde_json::value::RawValue;
use std::fmt::Write;

/// An array off the wire, taken apart.
struct Parts<'r> {
    /// Length and first position of each dimension; none at all in an empty array.
    dimensions: Vec<(usize, i32)>,
    elements: Vec<Option<&'r [u8]>>,
}

impl<'r> Parts<'r> {
    fn of(raw: &'r [u8]) -> Result<Self> {
        let mut wire = Wire::new(raw, "array");
        let count = wire.i32()?;
        let (_has_nulls, _element) = (wire.i32()?, wire.u32()?);
        let mut dimensions = Vec::new();
        for _ in 0..count {
            let length = usize::try_from(wire.i32()?).map_err(|_| wire.fault())?;
            dimensions.push((length, wire.i32()?));
        }
        let mut elements = Vec::new();
        while !wire.is_empty() {
            elements.push(match usize::try_from(wire.i32()?) {
                Ok(length) => Some(wire.bytes(length)?),
                Err(_) => None,
            });
        }
        let expected = match dimensions.as_slice() {
            [] => Some(0),
            some => some
                .iter()
                .try_fold(1_usize, |product, (length, _)| product.checked_mul(*length)),
        };
        if expected != Some(elements.len()) {
            return Err(wire.fault());
        }
        Ok(Parts {
            dimensions,
            elements,
        })
    }

    fn begins_at_one(&self) -> bool {
        self.dimensions.iter().all(|(_, first)| *first == 1)
    }

    /// Writes the elements between brackets, nested by dimension.
    fn write(
        &self,
        [open, close]: [char; 2],
        out: &mut String,
        mut each: impl FnMut(Option<&'r [u8]>, &mut String) -> Result<()>,
    ) -> Result<()> {
        if self.elements.is_empty() {
            out.extend([open, close]);
            return Ok(());
        }
        // How many elements a bracket of each dimension holds.
        let mut sizes: Vec<usize> = Vec::new();
        for (length, _) in self.dimensions.iter().rev() {
            sizes.push(length * sizes.last().unwrap_or(&1));
        }
        for (index, element) in self.elements.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.extend(
                sizes
                    .iter()
                    .filter(|size| index % **size == 0)
                    .map(|_| open),
            );
            each(*element, out)?;
            out.extend(
                sizes
                    .iter()
                    .filter(|size| (index + 1) % **size == 0)
                    .map(|_| close),
            );
        }
        Ok(())
    }
}

/// What a document sees of an array: JSON where JSON can tell it all, else Postgres' own text.
pub(super) fn read(element: &Kind, raw: &[u8]) -> Result<Made> {
    let parts = Parts::of(raw)?;
    // These may be sequences themselves.
    let flat = matches!(element, Kind::Json | Kind::Jsonb | Kind::Bytes);
    let is_null = |raw: &[u8]| match element {
        Kind::Json => raw.trim_ascii() == b"null",
        Kind::Jsonb => raw.get(1..) == Some(b"null".as_slice()),
        _ => false,
    };
    let mut out = String::new();
    if !parts.begins_at_one()
        || flat && parts.dimensions.len() > 1
        || parts.elements.iter().flatten().any(|raw| is_null(raw))
    {
        write_literal(element, raw, &mut out)?;
        return Ok(Made::Text(out));
    }
    parts.write(['[', ']'], &mut out, |cell, out| match cell {
        None => {
            out.push_str("null");
            Ok(())
        }
        Some(raw) => write_json(element, raw, out),
    })?;
    Ok(Made::Json(out))
}

fn write_json(kind: &Kind, raw: &[u8], out: &mut String) -> Result<()> {
    let scratch = Scratch::default();
    match kind {
        Kind::Json => {
            out.push_str(utf8(raw)?);
            return Ok(());
        }
        Kind::Jsonb => {
            out.push_str(jsonb_text(raw)?);
            return Ok(());
        }
        _ => {}
    }
    match decode(kind, raw, &scratch)? {
        ValueRef::Null => out.push_str("null"),
        ValueRef::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
        ValueRef::Integer(value) => {
            let _ = write!(out, "{value}");
        }
        ValueRef::Real(value) if value.is_finite() => push_json(&value, out)?,
        // JSON has no number for them.
        ValueRef::Real(value) => {
            out.push('"');
            super::decode::write_real(value, out);
            out.push('"');
        }
        ValueRef::Text(text) => push_json(text, out)?,
        ValueRef::Json(text) => out.push_str(text),
        ValueRef::Bytes(bytes) => push_json(bytes, out)?,
    }
    Ok(())
}

fn push_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut String) -> Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::database("a value cannot be JSON").with_source(error))?;
    out.push_str(&text);
    Ok(())
}

/// Writes an array off the wire as the text Postgres reads: `{1,2}`, `[0:1]={1,2}`.
pub(super) fn write_literal(element: &Kind, raw: &[u8], out: &mut String) -> Result<()> {
    let parts = Parts::of(raw)?;
    if !parts.begins_at_one() {
        for (length, first) in &parts.dimensions {
            let last = i64::from(*first) + i64::try_from(*length).unwrap_or(i64::MAX) - 1;
            let _ = write!(out, "[{first}:{last}]");
        }
        out.push('=');
    }
    let mut text = String::new();
    parts.write(['{', '}'], out, |cell, out| {
        match cell {
            None => out.push_str("NULL"),
            Some(raw) => {
                text.clear();
                write_text(element, raw, &mut text)?;
                let text = match element {
                    Kind::Interval => interval_for_postgres(&text)?,
                    _ => (&text).into(),
                };
                push_quoted(&text, out);
            }
        }
        Ok(())
    })
}

/// A JSON sequence as the text of an array of this kind.
pub(super) fn literal_from_json(element: &Kind, json: &str) -> Result<String> {
    let mut out = String::with_capacity(json.len() + 16);
    write_sequence(element, json, &mut out)?;
    Ok(out)
}

fn write_sequence(element: &Kind, json: &str, out: &mut String) -> Result<()> {
    let items: Vec<&RawValue> = serde_json::from_str(json).map_err(|error| {
        Error::step("only a sequence can be set on a column of arrays").with_source(error)
    })?;
    out.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_item(element, item.get(), out)?;
    }
    out.push('}');
    Ok(())
}

fn write_item(element: &Kind, json: &str, out: &mut String) -> Result<()> {
    let unreadable = |error| {
        Error::step(format!("an element of an array cannot be used: {json}")).with_source(error)
    };
    match (json.as_bytes().first(), element) {
        (Some(b'n'), _) => out.push_str("NULL"),
        (_, Kind::Json | Kind::Jsonb) => push_quoted(json, out),
        (Some(b'['), Kind::Bytes) => {
            let bytes: Vec<u8> = serde_json::from_str(json).map_err(unreadable)?;
            let mut text = String::new();
            write_bytes(&bytes, &mut text);
            push_quoted(&text, out);
        }
        (Some(b'['), _) => write_sequence(element, json, out)?,
        (Some(b'"'), _) => {
            let text: String = serde_json::from_str(json).map_err(unreadable)?;
            super::encode::refuse_nul(&text)?;
            match element {
                Kind::Interval => push_quoted(&interval_for_postgres(&text)?, out),
                _ => push_quoted(&text, out),
            }
        }
        // Numbers, booleans, and whatever an object means to the type.
        _ => push_quoted(json, out),
    }
    Ok(())
}

/// Writes an element so that no character of it, nor the word NULL, means anything.
pub(super) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        out.push_str(&rest[..at]);
        out.push('\\');
        out.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Puts an array of one dimension together in binary.
pub(super) struct BinaryArray {
    bytes: Vec<u8>,
    count: i32,
}

impl BinaryArray {
    const HAS_NULLS: usize = 7;
    const COUNT: usize = 12;

    pub(super) fn new(element_oid: u32) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(1_i32.to_be_bytes());
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend(element_oid.to_be_bytes());
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
        BinaryArray { bytes, count: 0 }
    }

    pub(super) fn push_null(&mut self) {
        self.count += 1;
        self.bytes[Self::HAS_NULLS] = 1;
        self.bytes.extend((-1_i32).to_be_bytes());
    }

    /// Adds what `write` appends; nothing when it returns `false` or fails.
    pub(super) fn push(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool>,
    ) -> Result<bool> {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        let written = write(&mut self.bytes);
        if !matches!(written, Ok(true)) {
            self.bytes.truncate(start);
            return written;
        }
        let length = i32::try_from(self.bytes.len() - start - 4)
            .map_err(|_| Error::step("a value is larger than Postgres takes (1 GB)"))?;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
        self.count += 1;
        Ok(true)
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes[Self::COUNT..Self::COUNT + 4].copy_from_slice(&self.count.to_be_bytes());
        self.bytes
    }
}
