//! A key as text and back, without loss: how cursors are stored.

use crate::error::{Error, Result};
use crate::value::{Key, Value};
use serde::{Deserialize, Serialize};

/// One part of a key. Plain JSON where JSON is exact; reals and bytes as tagged text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Part {
    Null(()),
    Boolean(bool),
    Integer(i64),
    Text(String),
    Tagged(Tagged),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tagged {
    Real(String),
    Bytes(String),
}

/// `[7]`, `["a",2]`, `[{"bytes":"00ff"}]`.
pub(crate) fn key_to_text(key: &[Value]) -> String {
    let parts: Vec<Part> = key
        .iter()
        .map(|value| match value {
            Value::Null => Part::Null(()),
            Value::Boolean(value) => Part::Boolean(*value),
            Value::Integer(value) => Part::Integer(*value),
            Value::Real(value) => Part::Tagged(Tagged::Real(format!("{value:?}"))),
            Value::Text(value) | Value::Json(value) => Part::Text(value.clone()),
            Value::Bytes(value) => Part::Tagged(Tagged::Bytes(
                value.iter().map(|byte| format!("{byte:02x}")).collect(),
            )),
        })
        .collect();
    // Only maps with keys that are not strings can fail to serialize, and there are none here.
    serde_json::to_string(&parts).unwrap_or_default()
}

/// The key that [`key_to_text`] wrote.
pub(crate) fn key_from_text(text: &str) -> Result<Key> {
    let damaged = || {
        Error::schema(format!(
            "the stored cursor {text:?} cannot be read; it was not written by driftless"
        ))
    };
    let parts: Vec<Part> =
        serde_json::from_str(text).map_err(|error| damaged().with_source(error))?;
    parts
        .into_iter()
        .map(|part| {
            Ok(match part {
                Part::Null(()) => Value::Null,
                Part::Boolean(value) => Value::Boolean(value),
                Part::Integer(value) => Value::Integer(value),
                Part::Text(value) => Value::Text(value),
                Part::Tagged(Tagged::Real(value)) => {
                    Value::Real(value.parse().map_err(|_| damaged())?)
                }
                Part::Tagged(Tagged::Bytes(value)) => {
                    Value::Bytes(bytes_from_hex(&value).ok_or_else(damaged)?)
                }
            })
        })
        .collect()
}

fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;

    #[test]
    fn every_kind_of_key_comes_back_unchanged() {
        let keys: [Key; 6] = [
            smallvec![Value::Integer(i64::MIN)],
            smallvec![
                Value::Text("it's \"quoted\" \u{1F600}".into()),
                Value::Integer(2)
            ],
            smallvec![Value::Bytes(vec![0, 255, 16])],
            smallvec![Value::Real(0.1 + 0.2)],
            smallvec![Value::Real(f64::INFINITY), Value::Null],
            smallvec![Value::Boolean(true)],
        ];
        for key in keys {
            assert_eq!(key_from_text(&key_to_text(&key)).unwrap(), key);
        }
    }

    #[test]
    fn a_damaged_cursor_is_an_error_and_not_a_start_from_the_beginning() {
        for text in ["", "7", "[{\"bytes\":\"0\"}]", "[{\"real\":\"x\"}]", "{}"] {
            assert!(
                key_from_text(text)
                    .unwrap_err()
                    .to_string()
                    .contains("cursor"),
                "{text}"
            );
        }
    }
}
