//! The columns a document type reads, asked of the type itself before any row is.

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, Visitor};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

/// The names a document type reads its fields from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The type's name, for messages.
    pub type_name: &'static str,
    /// Column names, renames and aliases included.
    pub names: &'static [&'static str],
    /// How many fields there are; less than `names` when fields have aliases.
    pub fields: usize,
}

/// The columns of a page that a document type reads its fields from.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// The names the type knows them by, in the page's order.
    pub names: Arc<[&'static str]>,
    /// Whether they are the type's fields one by one, so that no name needs to be looked at: there are no aliases.
    pub one_by_one: bool,
}

/// Asks a type which columns it reads.
///
/// # Errors
/// A sentence that says why the type is not a struct of named columns.
pub fn shape<T: DeserializeOwned>() -> Result<Shape, String> {
    let type_name = std::any::type_name::<T>()
        .rsplit("::")
        .next()
        .unwrap_or("document");
    let names = match T::deserialize(NameProbe) {
        Err(Probe::Names(names)) => names,
        Err(Probe::NotAStruct(what)) => {
            return Err(format!(
                "`{type_name}` is {what}; a document is a struct with one named field per column"
            ));
        }
        Err(Probe::Other(reason)) => {
            return Err(format!(
                "`{type_name}` cannot be used as a document: {reason}"
            ));
        }
        // A type that reads nothing at all, such as a unit struct, visits rows without looking at them.
        Ok(_) => &[],
    };
    let fields = (0..names.len())
        .take_while(|index| is_field::<T>(*index))
        .count();
    Ok(Shape {
        type_name,
        names,
        fields,
    })
}

/// Whether the type has a field at this position: serde's derive ignores positions beyond the last field.
fn is_field<T: DeserializeOwned>(index: usize) -> bool {
    let ignored = Cell::new(false);
    // The answer is in `ignored`; the probe always ends in an error.
    let _ = T::deserialize(IndexProbe {
        index,
        ignored: &ignored,
    });
    !ignored.get()
}

#[derive(Debug)]
enum Probe {
    Names(&'static [&'static str]),
    NotAStruct(&'static str),
    Other(String),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Names(_) => f.write_str("the columns are known"),
            Probe::NotAStruct(what) => f.write_str(what),
            Probe::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Probe {}

impl de::Error for Probe {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Probe::Other(message.to_string())
    }
}

struct NameProbe;

macro_rules! refuse {
    ($($method:ident($($argument:ident: $type:ty),*) is $what:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* _: V) -> Result<V::Value, Probe> {
            Err(Probe::NotAStruct($what))
        })*
    };
}

impl<'de> de::Deserializer<'de> for NameProbe {
    type Error = Probe;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Probe> {
        Err(Probe::Names(fields))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Probe> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Probe> {
        visitor.visit_unit()
    }

    refuse! {
        deserialize_map() is "a map, or has `#[serde(flatten)]`, so its columns are not known";
        deserialize_enum(_n: &'static str, _v: &'static [&'static str]) is "an enum";
        deserialize_any() is "a type that accepts anything (or has `#[serde(untagged)]`), so its columns are not known";
        deserialize_tuple_struct(_n: &'static str, _l: usize) is "a tuple struct";
        deserialize_tuple(_l: usize) is "a tuple";
        deserialize_seq() is "a sequence";
        deserialize_option() is "an option";
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit identifier ignored_any
    }
}

#[derive(Clone, Copy)]
struct IndexProbe<'p> {
    index: usize,
    ignored: &'p Cell<bool>,
}

impl<'de> de::Deserializer<'de> for IndexProbe<'_> {
    type Error = Probe;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Probe> {
        visitor.visit_map(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Probe> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for IndexProbe<'_> {
    type Error = Probe;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Probe> {
        let index = de::value::U64Deserializer::<Probe>::new(self.index as u64);
        seed.deserialize(index)
            .map(Some)
            .inspect_err(|_| self.ignored.set(true))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Probe> {
        seed.deserialize(IgnoredProbe(self.ignored))
    }
}

/// Tells a field's value from a value nobody wants.
struct IgnoredProbe<'p>(&'p Cell<bool>);

impl<'de> de::Deserializer<'de> for IgnoredProbe<'_> {
    type Error = Probe;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Probe> {
        Err(Probe::Other("a field".into()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Probe> {
        self.0.set(true);
        Err(Probe::Other("no field".into()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Renamed {
        id: i64,
        #[serde(rename = "userName")]
        user_name: String,
        #[serde(skip)]
        cached: u8,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Aliased {
        #[serde(alias = "old_name")]
        name: String,
        id: i64,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Flat {
        #[serde(flatten)]
        rest: std::collections::HashMap<String, String>,
    }

    #[derive(Deserialize)]
    struct Nothing {}

    #[test]
    fn a_struct_reads_the_renamed_columns_and_not_the_skipped_ones() {
        let shape = shape::<Renamed>().unwrap();
        assert_eq!((shape.names, shape.fields), (&["id", "userName"][..], 2));
    }

    #[test]
    fn aliases_are_told_from_fields_by_their_number() {
        let shape = shape::<Aliased>().unwrap();
        assert_eq!((shape.names.len(), shape.fields), (3, 2));
    }

    #[test]
    fn a_flattened_document_is_refused_with_a_reason() {
        assert!(shape::<Flat>().unwrap_err().contains("flatten"));
    }

    #[test]
    fn an_empty_struct_reads_nothing() {
        assert_eq!(shape::<Nothing>().unwrap().fields, 0);
    }
}
