//! Everything takes a hundred more, and triggers fire.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    id: i64,
    effort: Option<i64>,
}

#[migration(table = "todos", write_mode = "normal")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    match todo.effort {
        Some(effort) if todo.id % 2 == 0 => Ok(patch!(todo { effort: effort + 100 })),
        _ => Ok(Patch::none()),
    }
}
