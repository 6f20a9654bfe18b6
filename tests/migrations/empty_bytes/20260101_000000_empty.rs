//! Empties bytes and a list.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Doc {
    bytes: Vec<u8>,
    list: Vec<i64>,
}

#[migration(table = "docs")]
fn up(_ctx: &mut Ctx, mut doc: Doc) -> Result<Patch> {
    doc.bytes.clear();
    doc.list.clear();
    Ok(patch!(doc { bytes: &doc.bytes, list: &doc.list }))
}
