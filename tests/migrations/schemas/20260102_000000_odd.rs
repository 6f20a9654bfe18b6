//! Names that SQL would stumble over, with a schema.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Todo {
    from: String,
}

#[migration(table = "\"Odd \"\"Shop\"\"\".\"to.do's\"")]
fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(Patch::none()
        .set("Prio rity", "odd")
        .set("from", format!("{} and there", todo.from)))
}

#[migration(table = "\"Odd \"\"Shop\"\"\".\"to.do's\"")]
fn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {
    Ok(Patch::none()
        .set("Prio rity", None::<String>)
        .set("from", todo.from.trim_end_matches(" and there")))
}
