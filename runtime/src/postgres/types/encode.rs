//! A value as a statement's parameter.

use super::array::{BinaryArray, literal_from_json, push_quoted};
use super::datetime::interval_for_postgres;
use super::decode::{write_bytes, write_real, write_text};
use super::{ColumnType, Kind};
use crate::error::{BoxError, Error, Result};
use crate::value::Value;
use bytes::BytesMut;
use std::borrow::Cow;
use tokio_postgres::types::{Format, IsNull, Kind as DriverKind, ToSql, Type};

const TEXT_OID: u32 = 25;
const TEXT_ARRAY_OID: u32 = 1009;

/// One parameter, ready to be sent.
pub(crate) struct Parameter {
    oid: u32,
    format: WireFormat,
    body: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum WireFormat {
    Text,
    Binary,
}

impl Parameter {
    /// A value for a column of this type.
    ///
    /// # Errors
    /// A value that cannot be in such a column.
    pub(crate) fn one(of: &ColumnType, value: &Value) -> Result<Parameter> {
        let mut body = Vec::new();
        let (format, body) = if *value == Value::Null {
            (WireFormat::Binary, None)
        } else if write_binary(&of.kind, value, &mut body)? {
            (WireFormat::Binary, Some(body))
        } else {
            let text = text_of(&of.kind, value)?;
            (WireFormat::Text, Some(text.into_owned().into_bytes()))
        };
        Ok(Parameter {
            oid: of.oid,
            format,
            body,
        })
    }

    /// Values for a column of this type, to be unnested and wrapped in [`ColumnType::many_sql`].
    ///
    /// # Errors
    /// A value that cannot be in such a column.
    pub(crate) fn many<'v>(
        of: &ColumnType,
        values: impl Iterator<Item = &'v Value> + Clone,
    ) -> Result<Parameter> {
        if !of.unnests() {
            return many_texts(values.map(|value| match value {
                Value::Null => Ok(None),
                value => text_of(&of.kind, value).map(Some),
            }));
        }
        let mut array = BinaryArray::new(of.oid);
        for value in values.clone() {
            if *value == Value::Null {
                array.push_null();
            } else if !array.push(|out| write_binary(&of.kind, value, out))? {
                return many_as_literal(of, values);
            }
        }
        Ok(Parameter {
            oid: of.array_oid,
            format: WireFormat::Binary,
            body: Some(array.finish()),
        })
    }

    /// Cells of a column of this type as they were read, to be unnested and compared by [`ColumnType::same_sql`].
    ///
    /// # Errors
    /// Cells that are not of this type.
    pub(crate) fn many_raw<'r>(
        of: &ColumnType,
        cells: impl Iterator<Item = Option<&'r [u8]>>,
    ) -> Result<Parameter> {
        if of.kind == Kind::AsText || !of.unnests() {
            return many_texts(cells.map(|cell| {
                let Some(raw) = cell else { return Ok(None) };
                let mut text = String::new();
                write_text(&of.kind, raw, &mut text)?;
                Ok(Some(Cow::Owned(match of.kind {
                    Kind::Interval => interval_for_postgres(&text)?.into_owned(),
                    _ => text,
                })))
            }));
        }
        let mut array = BinaryArray::new(of.oid);
        for cell in cells {
            match cell {
                None => array.push_null(),
                Some(raw) => {
                    array.push(|out| {
                        out.extend_from_slice(raw);
                        Ok(true)
                    })?;
                }
            }
        }
        Ok(Parameter {
            oid: of.array_oid,
            format: WireFormat::Binary,
            body: Some(array.finish()),
        })
    }

    /// A value whose type the server finds out from the statement.
    ///
    /// # Errors
    /// Text that holds a NUL character.
    pub(crate) fn untyped(value: &Value) -> Result<Parameter> {
        let body = match value {
            Value::Null => None,
            value => Some(plain_text(value)?.into_owned().into_bytes()),
        };
        Ok(Parameter {
            oid: 0,
            format: WireFormat::Text,
            body,
        })
    }

    /// The type that the statement is told; number 0 leaves it to the server.
    pub(crate) fn sql_type(&self) -> Type {
        Type::from_oid(self.oid).unwrap_or_else(|| {
            Type::new(
                "unknown to the driver".into(),
                self.oid,
                DriverKind::Simple,
                String::new(),
            )
        })
    }
}

/// Values that only text can tell, as the text of an array.
fn many_as_literal<'v>(
    of: &ColumnType,
    values: impl Iterator<Item = &'v Value>,
) -> Result<Parameter> {
    let mut text = String::from("{");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        match value {
            Value::Null => text.push_str("NULL"),
            value => push_quoted(&text_of(&of.kind, value)?, &mut text),
        }
    }
    text.push('}');
    Ok(Parameter {
        oid: of.array_oid,
        format: WireFormat::Text,
        body: Some(text.into_bytes()),
    })
}

fn many_texts<'v>(texts: impl Iterator<Item = Result<Option<Cow<'v, str>>>>) -> Result<Parameter> {
    let mut array = BinaryArray::new(TEXT_OID);
    for text in texts {
        match text? {
            None => array.push_null(),
            Some(text) => {
                array.push(|out| {
                    out.extend_from_slice(text.as_bytes());
                    Ok(true)
                })?;
            }
        }
    }
    Ok(Parameter {
        oid: TEXT_ARRAY_OID,
        format: WireFormat::Binary,
        body: Some(array.finish()),
    })
}

/// Appends the binary form of a value; `false` when only text can tell it to the server.
fn write_binary(kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Result<bool> {
    match (kind, value) {
        (Kind::Boolean, Value::Boolean(value)) => out.push((*value).into()),
        (Kind::Int2, Value::Integer(value)) => {
            let small = i16::try_from(*value)
                .map_err(|_| does_not_fit(*value, "smallint", i16::MIN, i16::MAX))?;
            out.extend(small.to_be_bytes());
        }
        (Kind::Int4, Value::Integer(value)) => {
            let small = i32::try_from(*value)
                .map_err(|_| does_not_fit(*value, "integer", i32::MIN, i32::MAX))?;
            out.extend(small.to_be_bytes());
        }
        (Kind::Int8, Value::Integer(value)) => out.extend(value.to_be_bytes()),
        (Kind::Oid, Value::Integer(value)) => {
            let small = u32::try_from(*value)
                .map_err(|_| does_not_fit(*value, "oid", u32::MIN, u32::MAX))?;
            out.extend(small.to_be_bytes());
        }
        (Kind::Float4, Value::Real(value)) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounded as Postgres rounds"
            )]
            let small = *value as f32;
            // Too large or too small for it: Postgres says so.
            if small.is_finite() != value.is_finite() || (small == 0.0) != (*value == 0.0) {
                return Ok(false);
            }
            out.extend(small.to_be_bytes());
        }
        (Kind::Float8, Value::Real(value)) => out.extend(value.to_be_bytes()),
        (Kind::Text, value) => out.extend_from_slice(text_of(kind, value)?.as_bytes()),
        (Kind::Json, value) => out.extend_from_slice(json_text(value)?.as_bytes()),
        (Kind::Jsonb, value) => {
            out.push(1);
            out.extend_from_slice(json_text(value)?.as_bytes());
        }
        (Kind::Bytes, Value::Bytes(value)) => out.extend_from_slice(value),
        (Kind::Bytes, Value::Json(text)) => {
            let bytes: Vec<u8> = serde_json::from_str(text).map_err(|error| {
                Error::step("a nested value cannot be set on a column of bytes").with_source(error)
            })?;
            out.extend_from_slice(&bytes);
        }
        (Kind::Uuid, Value::Text(text)) => match uuid::Uuid::try_parse(text) {
            Ok(uuid) => out.extend_from_slice(uuid.as_bytes()),
            Err(_) => return Ok(false),
        },
        (Kind::Uuid, Value::Bytes(bytes)) if bytes.len() == 16 => out.extend_from_slice(bytes),
        _ => return Ok(false),
    }
    Ok(true)
}

fn does_not_fit<T: std::fmt::Display>(value: i64, column: &str, least: T, most: T) -> Error {
    Error::step(format!(
        "{value} does not fit a column of type {column}, which holds {least} to {most}"
    ))
}

/// A value as text for the input function of a type of this kind.
fn text_of<'v>(kind: &Kind, value: &'v Value) -> Result<Cow<'v, str>> {
    match (kind, value) {
        (Kind::Array(element), Value::Json(json)) => {
            literal_from_json(element, json).map(Cow::Owned)
        }
        // A sequence of `u8` arrives as bytes.
        (Kind::Array(element), Value::Bytes(bytes)) if **element != Kind::Bytes => {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            Ok(Cow::Owned(format!("{{{}}}", numbers.join(","))))
        }
        (Kind::Interval, Value::Text(text)) => {
            refuse_nul(text)?;
            interval_for_postgres(text)
        }
        (Kind::Json | Kind::Jsonb, value) => json_text(value),
        (Kind::Bytes, Value::Bytes(_)) => plain_text(value),
        (_, Value::Bytes(_)) => Err(Error::step(
            "bytes cannot be set on a column that is neither bytea, JSON nor an array; set text",
        )),
        (_, value) => plain_text(value),
    }
}

/// A value as JSON: text is a JSON string, since that is how it was read.
fn json_text(value: &Value) -> Result<Cow<'_, str>> {
    let not_json = |error| Error::step("a value cannot be JSON").with_source(error);
    match value {
        Value::Text(text) => serde_json::to_string(text)
            .map(Cow::Owned)
            .map_err(not_json),
        Value::Bytes(bytes) => serde_json::to_string(bytes)
            .map(Cow::Owned)
            .map_err(not_json),
        Value::Real(value) if !value.is_finite() => Err(Error::step(format!(
            "{value} cannot be set on a column of JSON, which has no such number; set NULL or a text"
        ))),
        // With its point: 1.0 is not to become 1.
        Value::Real(value) => serde_json::to_string(value)
            .map(Cow::Owned)
            .map_err(not_json),
        value => plain_text(value),
    }
}

/// A value as text that any type which can hold it reads.
fn plain_text(value: &Value) -> Result<Cow<'_, str>> {
    Ok(match value {
        Value::Null => Cow::Borrowed(""),
        Value::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::Integer(value) => Cow::Owned(value.to_string()),
        Value::Real(value) => {
            let mut text = String::new();
            write_real(*value, &mut text);
            Cow::Owned(text)
        }
        Value::Text(text) | Value::Json(text) => {
            refuse_nul(text)?;
            Cow::Borrowed(text)
        }
        Value::Bytes(bytes) => {
            let mut text = String::with_capacity(bytes.len() * 2 + 2);
            write_bytes(bytes, &mut text);
            Cow::Owned(text)
        }
    })
}

/// Postgres' text cannot hold the NUL character.
pub(super) fn refuse_nul(text: &str) -> Result<()> {
    match text.find('\0') {
        None => Ok(()),
        Some(at) => Err(Error::step(format!(
            "a text has a NUL character at byte {at}, which Postgres cannot store; remove it in the step"
        ))),
    }
}

impl ToSql for Parameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        Ok(match &self.body {
            None => IsNull::Yes,
            Some(body) => {
                out.extend_from_slice(body);
                IsNull::No
            }
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self.format {
            WireFormat::Text => Format::Text,
            WireFormat::Binary => Format::Binary,
        }
    }

    tokio_postgres::types::to_sql_checked!();
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parameter")
            .field("oid", &self.oid)
            .field("format", &self.format)
            .field("length", &self.body.as_ref().map(Vec::len))
            .finish()
    }
}
