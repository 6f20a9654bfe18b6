//! The second.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(table = "todos")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(patch!(todo { priority: "medium" }))
}
