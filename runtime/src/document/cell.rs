//! One cell as a serde deserializer.

use crate::value::ValueRef;
use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor, value,
};

/// The error of decoding: serde's own sentence.
pub(crate) type CellError = value::Error;

/// Decodes one cell. SQL types arrive as serde expects them; a nested type is parsed from JSON text.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'r>(pub ValueRef<'r>);

/// Reads JSON as if from a stream: what is decoded cannot borrow from the row.
type Json<'t> = serde_json::Deserializer<serde_json::de::IoRead<&'t [u8]>>;

impl<'r> Cell<'r> {
    fn json<T>(
        text: &str,
        decode: impl FnOnce(&mut Json<'_>) -> Result<T, serde_json::Error>,
    ) -> Result<T, CellError> {
        let mut json = Json::from_reader(text.as_bytes());
        let value = decode(&mut json).map_err(|error| {
            de::Error::custom(format_args!("not the JSON that was expected: {error}"))
        })?;
        json.end().map_err(|error| {
            de::Error::custom(format_args!("more than one JSON value: {error}"))
        })?;
        Ok(value)
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Boolean(value) => visitor.visit_bool(value),
            ValueRef::Integer(value) => visitor.visit_i64(value),
            ValueRef::Real(value) => visitor.visit_f64(value),
            ValueRef::Text(value) => visitor.visit_str(value),
            ValueRef::Bytes(value) => visitor.visit_bytes(value),
            ValueRef::Json(text) => Self::json(text, |json| {
                de::Deserializer::deserialize_any(json, visitor)
            }),
        }
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> { self.any(visitor) })*
    };
}

impl<'de> de::Deserializer<'de> for Cell<'_> {
    type Error = CellError;

    scalars! {
        deserialize_any deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier
    }

    /// SQLite has no booleans: 0 and 1 are what it stores for them.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Integer(0) => visitor.visit_bool(false),
            ValueRef::Integer(1) => visitor.visit_bool(true),
            _ => self.any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Bytes(bytes) => {
                visitor.visit_seq(value::SeqDeserializer::new(bytes.iter().copied()))
            }
            ValueRef::Text(text) | ValueRef::Json(text) => Self::json(text, |json| {
                de::Deserializer::deserialize_seq(json, visitor)
            }),
            _ => self.any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Text(text) | ValueRef::Json(text) => Self::json(text, |json| {
                de::Deserializer::deserialize_map(json, visitor)
            }),
            _ => self.any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Text(text) | ValueRef::Json(text) => Self::json(text, |json| {
                de::Deserializer::deserialize_struct(json, name, fields, visitor)
            }),
            _ => self.any(visitor),
        }
    }

    /// A plain word is a unit variant; a JSON object is a variant with data.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        match self.0 {
            ValueRef::Text(text) | ValueRef::Json(text)
                if text.trim_start().starts_with(['{', '"']) =>
            {
                Self::json(text, |json| {
                    de::Deserializer::deserialize_enum(json, name, variants, visitor)
                })
            }
            ValueRef::Text(_) | ValueRef::Integer(_) => visitor.visit_enum(UnitVariant(self)),
            _ => self.any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_unit()
    }
}

impl<'de, 'r> IntoDeserializer<'de, CellError> for Cell<'r> {
    type Deserializer = Cell<'r>;

    fn into_deserializer(self) -> Cell<'r> {
        self
    }
}

/// A cell that names an enum variant without data.
struct UnitVariant<'r>(Cell<'r>);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = CellError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), CellError> {
        let variant = match self.0.0 {
            // An integer would otherwise be taken as a variant's position, which is not a stored fact.
            ValueRef::Integer(_) => {
                return Err(de::Error::invalid_type(
                    de::Unexpected::Other("an integer"),
                    &"the name of a variant",
                ));
            }
            _ => seed.deserialize(self.0)?,
        };
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for UnitVariant<'_> {
    type Error = CellError;

    fn unit_variant(self) -> Result<(), CellError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, CellError> {
        Err(de::Error::invalid_type(
            de::Unexpected::UnitVariant,
            &"a variant with a value",
        ))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, CellError> {
        Err(de::Error::invalid_type(
            de::Unexpected::UnitVariant,
            &visitor,
        ))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        Err(de::Error::invalid_type(
            de::Unexpected::UnitVariant,
            &visitor,
        ))
    }
}
