// A line comment.
/* A block /* nested */ comment. */
//! Docs that do not come first are still docs.
#![allow(clippy::all)]
/// Row docs.
/** Block docs. */
#[derive(serde::Deserialize)] // trailing
struct Row { a: i64, /* inside */ b: i64, // last
}
#[rustfmt::skip]
const TABLE: [[i64; 2]; 2] = [[1,  0],
                              [0,  1]];
#[doc = "explicit"] #[doc(hidden)] #[must_use]
fn helper(a: i64 /* a */, /* b */ b: i64) -> i64 { /* sum */ a + /* plus */ b }
#[migration(table = "rows")] // here too
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> { // body
    /* before */ Ok(patch!(row { a: helper(row.a, /* in a macro */ row.b), /* end */ })) /* after */
}
