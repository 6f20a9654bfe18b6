//! Sets `b`; half of the plan tests only look at which of the three ran.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Row {
    b: i64,
}

#[migration(table = "letters")]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    Ok(patch!(row { b: row.b + 1 }))
}
