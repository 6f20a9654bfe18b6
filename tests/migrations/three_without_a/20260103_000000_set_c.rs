//! Sets `c`; half of the plan tests only look at which of the three ran.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Row {
    c: i64,
}

#[migration(table = "letters")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    Ok(patch!(row { c: row.c + 1 }))
}

#[migration(table = "letters")]
fn down(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    Ok(patch!(row { c: row.c - 1 }))
}
