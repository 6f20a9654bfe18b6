//! Job A: half the rows get a constant.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(table = "todos")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(match todo.priority {
        None => patch!(todo { priority: "medium" }),
        Some(_) => Patch::none(),
    })
}
