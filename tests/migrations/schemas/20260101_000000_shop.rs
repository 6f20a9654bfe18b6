//! A table of another schema.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(table = "shop.todos")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(match todo.priority {
        None => patch!(todo { priority: "shop" }),
        Some(_) => Patch::none(),
    })
}
