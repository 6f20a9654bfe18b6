//! Releasing, editing and retiring in a real package: what the compiler, `check` and the app's binary say.

use crate::project::Project;

fn migration(price: i64) -> String {
    format!(
        "//! Prices.\nuse driftless::prelude::*;\n\n#[derive(serde::Deserialize)]\nstruct Item {{\n    price: i64,\n}}\n\n\
         #[migration(table = \"items\")]\nfn up(_ctx: &mut Ctx, item: Item) -> Result<Patch> {{\n    Ok(patch!(item {{ price: item.price + {price} }}))\n}}\n"
    )
}

fn database(project: &Project, name: &str) {
    let database = rusqlite::Connection::open(project.path(name)).unwrap();
    let script = "CREATE TABLE items (id INTEGER PRIMARY KEY, price INTEGER NOT NULL); INSERT INTO items VALUES (1, 1), (2, 2);";
    database.execute_batch(script).unwrap();
}

fn prices(project: &Project, name: &str) -> i64 {
    let database = rusqlite::Connection::open(project.path(name)).unwrap();
    let sql = "SELECT sum(price) FROM items";
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn released_migrations_are_kept_from_edits_and_retire_once_every_database_has_them() {
    let project = Project::new();
    database(&project, "app.db");
    database(&project, "qa.db");
    project.migrate("create first").expect(0);
    project.migrate("create second").expect(0);
    let files = project.migrations();
    let ids: Vec<&str> = files
        .iter()
        .map(|file| file.rsplit('/').next().unwrap().trim_end_matches(".rs"))
        .collect();
    project.write(&files[0], &migration(10));
    project.write(&files[1], &migration(100));
    project.write(
        "driftless.toml",
        "[database]\nurl = \"sqlite://app.db\"\n[env.qa]\nurl = \"sqlite://qa.db\"\n",
    );
    project.migrate("lock").expect(0);
    project.migrate("up").expect(0);

    project.write(&files[0], &migration(11));
    let built = project.migrate("status").expect(3);
    for part in [
        files[0].as_str(),
        "is released and locked, but `up` changed since",
        "put the change in a new migration",
    ] {
        assert!(built.err.contains(part), "{part}:\n{}", built.err);
    }
    let refused = project
        .migrate(&format!("retire --before {} --yes", ids[1]))
        .expect(3);
    assert!(
        refused.err.contains("nothing was retired"),
        "{}",
        refused.err
    );
    project.write(&files[0], &migration(10));

    let line = format!("retire --before {}", ids[1]);
    let refused = project.migrate(&line).expect(3);
    assert!(
        refused
            .err
            .contains(&format!("qa has not applied {}", ids[0])),
        "{}",
        refused.err
    );
    assert!(project.path(&files[0]).exists());
    project.migrate("up --env qa").expect(0);
    let retired = project.migrate(&line).expect(0);
    assert!(
        retired.out.contains(&format!("retired {}", ids[0])),
        "{}",
        retired.out
    );
    assert!(!project.path(&files[0]).exists());
    assert!(
        project
            .migrate("up")
            .expect(0)
            .out
            .contains("nothing to do")
    );
    assert!(project.migrate("drift").expect(0).out.contains("no drift"));
    assert!(project.migrate("status").expect(0).out.contains("retired"));

    database(&project, "new.db");
    let new = "--database-url sqlite://new.db";
    let refused = project.migrate(&format!("up {new}")).expect(3);
    assert!(
        refused
            .err
            .contains(&format!("needs a baseline that has {}", ids[0])),
        "{}",
        refused.err
    );
    project
        .migrate(&format!("baseline --reason new {new}"))
        .expect(0);
    project.migrate(&format!("up {new}")).expect(0);
    let all = ["app.db", "qa.db", "new.db"].map(|name| prices(&project, name));
    assert_eq!(all, [223, 223, 203]);
}
