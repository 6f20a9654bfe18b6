//! Every todo gets the number that its priority stands for.
//!
//! Version 1 goes on writing `priority` alone while this runs: new todos without a rank, and old ones whose rank is not
//! right any more. Both match `remaining`, so they are visited again before this counts as done.

use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(
    table = "todos",
    remaining = "rank IS NULL OR rank <> CASE priority WHEN 'low' THEN 1 WHEN 'high' THEN 3 ELSE 2 END"
)]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    let rank = match todo.priority.as_deref() {
        Some("low") => 1,
        Some("high") => 3,
        _ => 2,
    };
    Ok(Patch::none().set("rank", rank))
}

#[migration(table = "todos")]
fn down(_ctx: &mut Ctx, _todo: Todo) -> Result<Patch> {
    Ok(Patch::none().set("rank", None::<i32>))
}
