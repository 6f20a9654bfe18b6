//! Leaves out what it should change.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    id: i64,
    priority: Option<String>,
}

#[migration(table = "todos", remaining = "priority IS NULL")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(match todo.id % 10 {
        7 => Patch::none(),
        _ => patch!(todo { priority: "medium" }),
    })
}
