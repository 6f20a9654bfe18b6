#![allow(dead_code)]
#[derive(serde::Deserialize)] #[cfg_attr(feature = "x", derive(Debug))] #[non_exhaustive]
struct Row { #[serde(deserialize_with = "number", default = "zero")] a: i64, #[cfg(unix)] b: i64 }
fn number<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<i64, D::Error> { serde::Deserialize::deserialize(d) }
#[inline(always)] #[cold] #[track_caller] fn zero() -> i64 { #[cfg(debug_assertions)] { 0 } #[cfg(not(debug_assertions))] { 0 } }
#[driftless::migration(table = "rows")]
#[expect(clippy::unwrap_used)]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { #[allow(unused)] let x = 1; #[rustfmt::skip] let y =  2; Ok(patch!(row { a: row.a + y })) }
