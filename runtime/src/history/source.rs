//! How a migration's source is kept: small ones as text that anybody can read, large ones compressed.

use crate::error::{Error, Result};
use crate::value::Value;
use std::borrow::Cow;

/// Every batch rewrites its row of `migration_state`, so a row is to stay within a page of the database.
const LARGE_BYTES: usize = 2_000;

/// No migration file is larger than a megabyte; what claims to be is damaged.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Good compression; sources are small and written once a run.
const LEVEL: u8 = 6;

/// The values of the columns `source` and `source_deflate`.
pub(super) fn pack(source: &str) -> [Value; 2] {
    if source.len() < LARGE_BYTES {
        return [Value::Text(source.into()), Value::Null];
    }
    let packed = miniz_oxide::deflate::compress_to_vec(source.as_bytes(), LEVEL);
    [Value::Text("".into()), Value::Bytes(packed)]
}

/// The source that these two columns hold.
pub(super) fn unpack(text: String, packed: Option<&[u8]>) -> Result<String> {
    let Some(packed) = packed else {
        return Ok(text);
    };
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, LIMIT_BYTES);
    bytes
        .map_err(|error| Cow::from(error.to_string()))
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".into()))
        .map_err(|problem: Cow<'_, str>| {
            Error::schema(format!(
                "a compressed source of the internal tables cannot be read ({problem}); restore its row from a backup"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(source: &str) -> (String, Option<Vec<u8>>) {
        match pack(source) {
            [Value::Text(text), Value::Null] => (text, None),
            [Value::Text(text), Value::Bytes(packed)] => (text, Some(packed)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn small_sources_are_text_and_large_ones_come_back_byte_for_byte() {
        let small = "fn up() {}\r\n".repeat(10);
        assert_eq!(stored(&small), (small.clone(), None));
        let large = "// é日本\nfn up() { 1 + 1 }\n".repeat(5_000);
        let (text, packed) = stored(&large);
        assert_eq!(text, "");
        let packed = packed.unwrap();
        assert!(packed.len() * 20 < large.len(), "{}", packed.len());
        assert_eq!(unpack(text, Some(&packed)).unwrap(), large);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_another_source() {
        let (_, packed) = stored(&"fn up() {}\n".repeat(500));
        let packed = packed.unwrap();
        assert!(unpack(String::new(), Some(&packed[..packed.len() / 2])).is_err());
        assert!(unpack(String::new(), Some(b"nonsense")).is_err());
    }
}
