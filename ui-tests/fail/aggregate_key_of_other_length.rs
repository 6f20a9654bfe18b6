use driftless::Migrator;

driftless::aggregate! {
    TODOS_BY_PROJECT = "todos" by (project_id, completed) { count }
}

async fn read(migrator: &Migrator) -> driftless::Result<()> {
    migrator.aggregate(&TODOS_BY_PROJECT).get((7,)).await?;
    Ok(())
}

fn main() {
    let _ = read;
}
