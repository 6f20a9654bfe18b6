//! Helpers in inline modules.
use driftless::prelude::*;
mod money { //! Money.
    use std::fmt; use std::cmp::Ordering;
    #[derive(Clone, Copy)] pub struct Cents(pub i64);
    impl fmt::Display for Cents { fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "{}", self.0) } }
    pub mod parse { use super::Cents; pub fn parse(text: &str) -> Option<Cents> { text.parse().ok().map(Cents) } }
    pub(self) fn order(a: i64, b: i64) -> Ordering { a.cmp(&b) }
    pub(in self) const X: i64 = 1;
}
use money::{parse::parse, Cents};
#[derive(serde::Deserialize)] struct Row { price: String }
#[migration(table = "rows")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { let Some(Cents(cents)) = parse(&row.price) else { return Ok(Patch::none()); }; Ok(Patch::none().set("cents", cents)) }
#[cfg(test)]
mod tests { use super::*; #[test] fn parses() { assert_eq!(parse("1").unwrap().0, 1) } }
