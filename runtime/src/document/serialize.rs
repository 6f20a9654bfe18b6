//! A serde value as a cell: scalars as they are, sequences of `u8` as bytes, anything nested as JSON.

use crate::value::Value;
use serde::ser::{
    self, Impossible, Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer,
};
use std::fmt;

/// The cell for a value.
///
/// # Errors
/// A sentence that says why no cell can hold it.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, String> {
    match value.serialize(CellWriter) {
        Ok(value) => Ok(value),
        Err(Refusal::Nested) => serde_json::to_string(value)
            .map(Value::Json)
            .map_err(|error| error.to_string()),
        Err(Refusal::Reason(reason)) => Err(reason),
    }
}

/// The parameters of a statement: a tuple or sequence is one each, `()` none, anything else a single one.
pub(crate) fn to_parameters<T: Serialize + ?Sized>(parameters: &T) -> Result<Vec<Value>, String> {
    match parameters.serialize(ListWriter(Vec::new())) {
        Ok(list) => Ok(list),
        Err(Refusal::Nested) => to_value(parameters).map(|value| vec![value]),
        Err(Refusal::Reason(reason)) => Err(reason),
    }
}

/// The columns of a struct, a map or a patch, with their cells.
pub(crate) fn columns_of<T: Serialize + ?Sized>(row: &T) -> Result<Vec<(String, Value)>, String> {
    match row.serialize(ColumnWriter) {
        Ok(columns) => Ok(columns),
        Err(Refusal::Nested) => Err("a row is a struct, a map or a patch".into()),
        Err(Refusal::Reason(reason)) => Err(reason),
    }
}

/// Why a writer gave up.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The value is of a form that this writer leaves to another.
    Nested,
    /// The value itself is at fault.
    Reason(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Nested => f.write_str("a nested value"),
            Refusal::Reason(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Refusal {}

impl ser::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Refusal::Reason(message.to_string())
    }
}

fn integer<T: TryInto<i64> + fmt::Display + Copy>(value: T) -> Result<Value, Refusal> {
    value.try_into().map(Value::Integer).map_err(|_| {
        Refusal::Reason(format!(
            "{value} does not fit a 64-bit integer; write it as text"
        ))
    })
}

macro_rules! serialize_as {
    ($($method:ident($type:ty) => |$value:ident| $result:expr;)*) => {
        $(fn $method(self, $value: $type) -> Result<Self::Ok, Refusal> { $result })*
    };
}

struct CellWriter;

impl Serializer for CellWriter {
    type Ok = Value;
    type Error = Refusal;
    type SerializeSeq = ByteWriter;
    type SerializeTuple = ByteWriter;
    type SerializeTupleStruct = ByteWriter;
    type SerializeTupleVariant = Impossible<Value, Refusal>;
    type SerializeMap = Impossible<Value, Refusal>;
    type SerializeStruct = Impossible<Value, Refusal>;
    type SerializeStructVariant = Impossible<Value, Refusal>;

    serialize_as! {
        serialize_bool(bool) => |value| Ok(Value::Boolean(value));
        serialize_i8(i8) => |value| Ok(Value::Integer(value.into()));
        serialize_i16(i16) => |value| Ok(Value::Integer(value.into()));
        serialize_i32(i32) => |value| Ok(Value::Integer(value.into()));
        serialize_i64(i64) => |value| Ok(Value::Integer(value));
        serialize_i128(i128) => |value| integer(value);
        serialize_u8(u8) => |value| Ok(Value::Integer(value.into()));
        serialize_u16(u16) => |value| Ok(Value::Integer(value.into()));
        serialize_u32(u32) => |value| Ok(Value::Integer(value.into()));
        serialize_u64(u64) => |value| integer(value);
        serialize_u128(u128) => |value| integer(value);
        serialize_f32(f32) => |value| Ok(Value::Real(value.into()));
        serialize_f64(f64) => |value| Ok(Value::Real(value));
        serialize_char(char) => |value| Ok(Value::Text(value.into()));
        serialize_str(&str) => |value| Ok(Value::Text(value.into()));
        serialize_bytes(&[u8]) => |value| Ok(Value::Bytes(value.into()));
    }

    fn serialize_none(self) -> Result<Value, Refusal> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Refusal> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Refusal> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Refusal> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Refusal> {
        Ok(Value::Text(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Refusal> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Refusal> {
        Err(Refusal::Nested)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<ByteWriter, Refusal> {
        Ok(ByteWriter(Vec::with_capacity(length.unwrap_or(0))))
    }

    fn serialize_tuple(self, length: usize) -> Result<ByteWriter, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<ByteWriter, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Refusal>, Refusal> {
        Err(Refusal::Nested)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Impossible<Value, Refusal>, Refusal> {
        Err(Refusal::Nested)
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Refusal>, Refusal> {
        Err(Refusal::Nested)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Refusal>, Refusal> {
        Err(Refusal::Nested)
    }
}

/// The three forms in which serde hands over a sequence, for a writer with `push` and `finish`.
macro_rules! sequences {
    ($writer:ident => $result:ty) => {
        sequences!($writer, SerializeSeq, serialize_element, $result);
        sequences!($writer, SerializeTuple, serialize_element, $result);
        sequences!($writer, SerializeTupleStruct, serialize_field, $result);
    };
    ($writer:ident, $form:ident, $each:ident, $result:ty) => {
        impl $form for $writer {
            type Ok = $result;
            type Error = Refusal;
            fn $each<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
                self.push(value)
            }
            fn end(self) -> Result<$result, Refusal> {
                self.finish()
            }
        }
    };
}

/// Collects a sequence as long as it is made of `u8`; anything else is left to JSON.
struct ByteWriter(Vec<u8>);

impl ByteWriter {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        self.0.push(value.serialize(OnlyByte)?);
        Ok(())
    }

    /// An empty sequence shows no bytes, so it is JSON's `[]`.
    fn finish(self) -> Result<Value, Refusal> {
        if self.0.is_empty() {
            Err(Refusal::Nested)
        } else {
            Ok(Value::Bytes(self.0))
        }
    }
}

sequences!(ByteWriter => Value);

/// Everything that a writer which wants one form of value refuses.
macro_rules! refuse_scalars {
    (except $($kept:ident)?; $($method:ident($type:ty))*) => {
        $(fn $method(self, _: $type) -> Result<Self::Ok, Refusal> { Err(Refusal::Nested) })*
    };
}
macro_rules! refuse_units {
    () => {
        fn serialize_none(self) -> Result<Self::Ok, Refusal> {
            Err(Refusal::Nested)
        }
        fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, Refusal> {
            Err(Refusal::Nested)
        }
        fn serialize_unit_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
        ) -> Result<Self::Ok, Refusal> {
            Err(Refusal::Nested)
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, Refusal> {
            Err(Refusal::Nested)
        }
        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Refusal> {
            Err(Refusal::Nested)
        }
        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Refusal> {
            Err(Refusal::Nested)
        }
    };
}

struct OnlyByte;

impl Serializer for OnlyByte {
    type Ok = u8;
    type Error = Refusal;
    type SerializeSeq = Impossible<u8, Refusal>;
    type SerializeTuple = Impossible<u8, Refusal>;
    type SerializeTupleStruct = Impossible<u8, Refusal>;
    type SerializeTupleVariant = Impossible<u8, Refusal>;
    type SerializeMap = Impossible<u8, Refusal>;
    type SerializeStruct = Impossible<u8, Refusal>;
    type SerializeStructVariant = Impossible<u8, Refusal>;

    fn serialize_u8(self, value: u8) -> Result<u8, Refusal> {
        Ok(value)
    }

    refuse_scalars! { except serialize_u8;
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_i128(i128) serialize_u128(u128) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }
    refuse_units!();

    fn serialize_unit(self) -> Result<u8, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u8, Refusal> {
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Refusal> {
        Err(Refusal::Nested)
    }
}

/// Takes a sequence or tuple apart into parameters.
struct ListWriter(Vec<Value>);

impl ListWriter {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        self.0.push(to_value(value).map_err(Refusal::Reason)?);
        Ok(())
    }

    fn finish(self) -> Result<Vec<Value>, Refusal> {
        Ok(self.0)
    }
}

impl Serializer for ListWriter {
    type Ok = Vec<Value>;
    type Error = Refusal;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<Vec<Value>, Refusal>;
    type SerializeMap = Impossible<Vec<Value>, Refusal>;
    type SerializeStruct = Impossible<Vec<Value>, Refusal>;
    type SerializeStructVariant = Impossible<Vec<Value>, Refusal>;

    refuse_scalars! { except;
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_i128(i128) serialize_u128(u128) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }
    refuse_units!();

    fn serialize_unit(self) -> Result<Vec<Value>, Refusal> {
        Ok(self.0)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Vec<Value>, Refusal> {
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Refusal> {
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Refusal> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Refusal> {
        Ok(self)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Refusal> {
        Err(Refusal::Nested)
    }
}

sequences!(ListWriter => Vec<Value>);

/// Takes a struct or a map apart into columns.
struct ColumnWriter;

impl Serializer for ColumnWriter {
    type Ok = Vec<(String, Value)>;
    type Error = Refusal;
    type SerializeSeq = Impossible<Self::Ok, Refusal>;
    type SerializeTuple = Impossible<Self::Ok, Refusal>;
    type SerializeTupleStruct = Impossible<Self::Ok, Refusal>;
    type SerializeTupleVariant = Impossible<Self::Ok, Refusal>;
    type SerializeMap = Columns;
    type SerializeStruct = Columns;
    type SerializeStructVariant = Impossible<Self::Ok, Refusal>;

    refuse_scalars! { except;
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_i128(i128) serialize_u128(u128) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }
    refuse_units!();

    fn serialize_unit(self) -> Result<Self::Ok, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Refusal> {
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Refusal> {
        Err(Refusal::Nested)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Columns, Refusal> {
        Ok(Columns::default())
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Columns, Refusal> {
        Ok(Columns::default())
    }
}

#[derive(Default)]
struct Columns {
    done: Vec<(String, Value)>,
    name: Option<String>,
}

impl ser::SerializeStruct for Columns {
    type Ok = Vec<(String, Value)>;
    type Error = Refusal;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        self.done
            .push((name.into(), to_value(value).map_err(Refusal::Reason)?));
        Ok(())
    }
    fn end(self) -> Result<Self::Ok, Refusal> {
        Ok(self.done)
    }
}

impl ser::SerializeMap for Columns {
    type Ok = Vec<(String, Value)>;
    type Error = Refusal;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Refusal> {
        match to_value(name).map_err(Refusal::Reason)? {
            Value::Text(name) => self.name = Some(name),
            _ => return Err(Refusal::Reason("a column's name is text".into())),
        }
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        let name = self.name.take().unwrap_or_default();
        self.done
            .push((name, to_value(value).map_err(Refusal::Reason)?));
        Ok(())
    }
    fn end(self) -> Result<Self::Ok, Refusal> {
        Ok(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_bytes_and_nested_values_find_their_cells() {
        assert_eq!(to_value(&Some(3_u8)), Ok(Value::Integer(3)));
        assert_eq!(to_value(&None::<String>), Ok(Value::Null));
        assert_eq!(to_value("x"), Ok(Value::Text("x".into())));
        assert_eq!(to_value(&vec![1_u8, 2]), Ok(Value::Bytes(vec![1, 2])));
        assert_eq!(to_value(&vec![1_i64, 2]), Ok(Value::Json("[1,2]".into())));
        assert!(to_value(&u64::MAX).unwrap_err().contains("64-bit"));
    }

    #[test]
    fn parameters_are_a_tuple_a_sequence_a_single_value_or_none() {
        assert_eq!(
            to_parameters(&(1, "a")),
            Ok(vec![Value::Integer(1), Value::Text("a".into())])
        );
        assert_eq!(
            to_parameters(&[1, 2]),
            Ok(vec![Value::Integer(1), Value::Integer(2)])
        );
        assert_eq!(to_parameters("a"), Ok(vec![Value::Text("a".into())]));
        assert_eq!(to_parameters(&()), Ok(vec![]));
    }
}
