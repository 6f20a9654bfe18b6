//! Every item has a note.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Item {
    note: Option<String>,
}

#[migration(table = "items")]
fn up(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    match item.note {
        None => Ok(patch!(item { note: "none" })),
        Some(_) => Ok(Patch::none()),
    }
}

#[migration(table = "items")]
fn down(_ctx: &mut Ctx, item: Item) -> Result<Patch> {
    match item.note.as_deref() {
        Some("none") => Ok(patch!(item { note: None::<String> })),
        _ => Ok(Patch::none()),
    }
}
