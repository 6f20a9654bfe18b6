//! Job B: every row gets a computed string.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    title: String,
}

#[migration(table = "todos")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    let slug = todo.title.to_lowercase().replace(' ', "-");
    Ok(Patch::none().set("slug", slug))
}
