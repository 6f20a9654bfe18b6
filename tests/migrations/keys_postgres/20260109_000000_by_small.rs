//! Times ten by the key of `by_small`.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Row {
    value: i64,
}

#[migration(table = "by_small", batch_size = 7)]
fn up(_ctx: &mut Ctx, row: Row) -> Result<Patch> {
    Ok(patch!(row { value: row.value * 10 }))
}
