//! Ten times the value, with a few documents that fail, each in a way of its own.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Doc {
    value: i64,
}

#[migration(table = "docs", on_error = "quarantine", write_mode = "normal")]
fn up(_ctx: &mut Ctx, doc: Doc) -> Result<Patch> {
    match doc.value {
        3 => Err("three is not allowed".into()),
        5 => panic!("five is right out"),
        _ => Ok(patch!(doc { value: doc.value * 10 })),
    }
}
