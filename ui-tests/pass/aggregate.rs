use driftless::{AggregateDefinition, Migrator};

mod aggregates {
    driftless::aggregate! {
        /// How much there is to do.
        pub TODOS_BY_PROJECT = "shop.todos" by (project_id, completed) {
            count, sum(effort), avg(effort), min(created_at), max("created at"),
        }
    }

    driftless::aggregate! {
        pub(crate) BY_TYPE = "\"odd.name\"" by (r#type) { count };
    }
}

use aggregates::{BY_TYPE, TODOS_BY_PROJECT};

async fn read(migrator: &Migrator) -> driftless::Result<()> {
    let reader = migrator.aggregate(&TODOS_BY_PROJECT);
    let group = reader.get((7, true)).await?;
    let _ = group.map(|group| group.count);
    reader.get((Some(7), None::<bool>)).await?;
    reader.groups((7,)).await?;
    reader.groups(()).await?;
    migrator.aggregate(&BY_TYPE).get("urgent").await?;
    migrator.aggregate(&BY_TYPE).get((String::from("urgent"),)).await?;
    Ok(())
}

fn main() {
    let declared: &[&'static AggregateDefinition] = &[&TODOS_BY_PROJECT, &BY_TYPE];
    assert_eq!(declared[0].name, "todos_by_project");
    assert_eq!(declared[0].table.schema, Some("shop"));
    assert_eq!(declared[1].table.name, "odd.name");
    assert_eq!(declared[1].by, ["type"]);
    let _ = read;
}
