//! A row as a serde deserializer: a struct by the names of its columns, a tuple by position, a single value.

use super::cell::{Cell, CellError};
use super::shape::Fields;
use crate::error::{Error, Result};
use crate::value::Row;
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::cell::Cell as Slot;

/// Why a document could not be read, and at which column.
#[derive(Debug)]
pub(crate) struct DecodeError {
    /// Position of the cell that did not fit, when one cell is to blame.
    pub position: Option<usize>,
    /// What serde says.
    pub reason: String,
}

/// Decodes a document whose fields are the row's first cells.
pub(crate) fn document_from_row<T: DeserializeOwned>(
    row: &dyn Row,
    fields: &Fields,
) -> Result<T, DecodeError> {
    let position = Slot::new(None);
    T::deserialize(DocumentRow {
        row,
        fields,
        position: &position,
    })
    .map_err(|error| DecodeError {
        position: position.get(),
        reason: error.to_string(),
    })
}

/// Decodes a query's row: a struct by column name, a tuple by position, anything else from the only column.
pub(crate) fn record_from_row<T: DeserializeOwned>(row: &dyn Row, names: &[String]) -> Result<T> {
    let position = Slot::new(None);
    T::deserialize(RecordRow {
        row,
        names,
        position: &position,
    })
    .map_err(|error| {
        let column = position.get().and_then(|index: usize| names.get(index));
        let place = column.map_or(String::new(), |name| format!(" at column {name}"));
        Error::step(format!(
            "a row of the query cannot be read as `{}`{place}: {error}",
            std::any::type_name::<T>()
        ))
    })
}

#[derive(Clone, Copy)]
struct DocumentRow<'r> {
    row: &'r dyn Row,
    fields: &'r Fields,
    position: &'r Slot<Option<usize>>,
}

fn cell<'r>(
    row: &'r dyn Row,
    index: usize,
    position: &Slot<Option<usize>>,
) -> Result<Cell<'r>, CellError> {
    position.set(Some(index));
    row.cell(index)
        .map(Cell)
        .map_err(|error| de::Error::custom(error.chain()))
}

impl<'de> de::Deserializer<'de> for DocumentRow<'_> {
    type Error = CellError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        let fields = DocumentFields { of: self, next: 0 };
        if self.fields.one_by_one {
            visitor.visit_seq(fields)
        } else {
            visitor.visit_map(fields)
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_map(DocumentFields { of: self, next: 0 })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct DocumentFields<'r> {
    of: DocumentRow<'r>,
    next: usize,
}

impl<'de> MapAccess<'de> for DocumentFields<'_> {
    type Error = CellError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, CellError> {
        self.of.position.set(None);
        match self.of.fields.names.get(self.next) {
            Some(name) => seed
                .deserialize(de::value::BorrowedStrDeserializer::new(name))
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, CellError> {
        let index = self.next;
        self.next += 1;
        seed.deserialize(cell(self.of.row, index, self.of.position)?)
    }
}

impl<'de> SeqAccess<'de> for DocumentFields<'_> {
    type Error = CellError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, CellError> {
        if self.next == self.of.fields.names.len() {
            return Ok(None);
        }
        self.next_value_seed(seed).map(Some)
    }
}

#[derive(Clone, Copy)]
struct RecordRow<'r> {
    row: &'r dyn Row,
    names: &'r [String],
    position: &'r Slot<Option<usize>>,
}

impl RecordRow<'_> {
    /// The only cell of a row that is read as a single value.
    fn single(&self) -> Result<Cell<'_>, CellError> {
        match self.row.len() {
            1 => cell(self.row, 0, self.position),
            columns => Err(de::Error::custom(format_args!(
                "a single value was asked for, and the row has {columns} columns"
            ))),
        }
    }
}

macro_rules! single {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, CellError> {
            self.single()?.$method($($argument,)* visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for RecordRow<'_> {
    type Error = CellError;

    single! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_identifier()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_map(RecordFields { of: self, next: 0 })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_seq(RecordFields { of: self, next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        let columns = self.row.len();
        if columns != length {
            return Err(de::Error::custom(format_args!(
                "{length} columns were asked for, and the row has {columns}"
            )));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.deserialize_tuple(length, visitor)
    }

    serde::forward_to_deserialize_any! { map struct ignored_any }
}

struct RecordFields<'r> {
    of: RecordRow<'r>,
    next: usize,
}

impl<'de> MapAccess<'de> for RecordFields<'_> {
    type Error = CellError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, CellError> {
        self.of.position.set(None);
        match self.of.names.get(self.next) {
            Some(name) => seed
                .deserialize(de::value::StrDeserializer::new(name))
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, CellError> {
        let index = self.next;
        self.next += 1;
        seed.deserialize(cell(self.of.row, index, self.of.position)?)
    }
}

impl<'de> SeqAccess<'de> for RecordFields<'_> {
    type Error = CellError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, CellError> {
        if self.next == self.of.row.len() {
            return Ok(None);
        }
        self.next_value_seed(seed).map(Some)
    }
}
