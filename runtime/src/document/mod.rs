//! Between rows and serde: a row to a document by position, a serde value to a cell, a type's columns.

mod cell;
mod key_text;
mod row;
mod serialize;
mod shape;

pub(crate) use key_text::{key_from_text, key_to_text};
pub(crate) use row::{DecodeError, document_from_row, record_from_row};
pub(crate) use serialize::{columns_of, to_parameters, to_value};
pub(crate) use shape::Fields;
pub use shape::{Shape, shape};
