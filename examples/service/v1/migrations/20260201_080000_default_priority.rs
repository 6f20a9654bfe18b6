//! Todos from before there were priorities get the one that everybody reads into them.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(table = "todos", filter = "priority IS NULL", remaining = "priority IS NULL")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    match todo.priority {
        None => Ok(patch!(todo { priority: "medium" })),
        Some(_) => Ok(Patch::none()),
    }
}
