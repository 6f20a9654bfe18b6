//! Old code goes on inserting rows without a priority.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

#[migration(table = "todos", remaining = "priority IS NULL")]
fn up(ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    ctx.db().execute("UPDATE visits SET count = count + 1", ())?;
    Ok(match todo.priority {
        None => patch!(todo { priority: "medium" }),
        Some(_) => Patch::none(),
    })
}

#[migration(table = "todos")]
fn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(match todo.priority.as_deref() {
        Some("medium") => patch!(todo { priority: None::<String> }),
        _ => Patch::none(),
    })
}
