//! Backfill todo priority to medium for existing rows.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(table = "todos", remaining = "priority IS NULL")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    match todo.priority {
        None => Ok(patch!(todo { priority: "low" })),
        Some(_) => Ok(Patch::none()),
    }
}

#[migration(table = "todos")]
fn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    match todo.priority.as_deref() {
        Some("medium") => Ok(patch!(todo { priority: None::<String> })),
        _ => Ok(Patch::none()),
    }
}
