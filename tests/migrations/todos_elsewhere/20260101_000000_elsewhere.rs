//! Visits projects and changes todos, in the way that each project says.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Project {
    id: i64,
    does: String,
}

#[migration(table = "projects")]
fn up(ctx: &mut Ctx, project: Project) -> Result<Patch> {
    match project.does.as_str() {
        "sql" => {
            let sql = "UPDATE todos SET effort = 1000 WHERE project_id = $1";
            ctx.db().execute(sql, project.id)?;
        }
        "read" => {
            ctx.db().query::<i64>("SELECT count(*) FROM todos", ())?;
        }
        "orm" => {
            let patch = Patch::none().set("effort", 1000);
            ctx.orm().patch("todos", project.id, patch)?;
        }
        "insert" => {
            let row = Patch::none().set("id", 70_000 + project.id).set("project_id", project.id);
            ctx.orm().insert("todos", row)?;
        }
        "delete" => return Ok(Patch::delete()),
        _ => {}
    }
    Ok(Patch::none())
}
