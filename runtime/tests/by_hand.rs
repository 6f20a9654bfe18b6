//! The thin path through every layer, with a manifest built by hand: what the macros expand to, without them.
#![cfg(feature = "sqlite")]

use driftless::__private::{
    ChecksumParts, Locking, Manifest, Migration, OnError, Step, StepFunction, Table, WriteMode,
    run_batch, shape,
};
use driftless::{Ctx, Migrator, Patch, Run, RunStatus};

#[derive(serde::Deserialize)]
struct Todo {
    priority: Option<String>,
}

fn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch, driftless::BoxError> {
    Ok(match todo.priority {
        None => Patch::none().set("priority", "medium"),
        Some(_) => Patch::none(),
    })
}

static MIGRATIONS: [Migration; 1] = [Migration {
    id: "20260227_080239_backfill_todo_priority",
    description: "",
    file: "x.rs",
    source: "fn up() {}",
    checksum: "v1:00",
    parts: ChecksumParts {
        up: "v1:01",
        down: "",
        rest: "v1:02",
        details: "",
    },
    up: Step {
        table: Table {
            schema: None,
            name: "todos",
        },
        batch_size: None,
        write_mode: WriteMode::SafeBypass,
        filter: None,
        remaining: Some("priority IS NULL"),
        on_error: OnError::Fail,
        locking: Locking::Optimistic,
        shape: shape::<Todo>,
        function: StepFunction::Sync(|batch| run_batch(batch, up)),
    },
    down: None,
    after: None,
}];
static MANIFEST: Manifest = Manifest::new(&MIGRATIONS, "digest", "/nowhere");

#[tokio::test]
async fn a_backfill_visits_every_document_and_is_then_a_noop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let app = rusqlite::Connection::open(&path).unwrap();
    app.execute_batch(
        "CREATE TABLE todos (id INTEGER PRIMARY KEY, title TEXT, priority TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO todos SELECT i, 'todo ' || i, CASE WHEN i % 2 THEN 'high' END FROM n;",
    )
    .unwrap();
    let migrator = Migrator::connect(&format!("sqlite://{}", path.display()), &MANIFEST)
        .await
        .unwrap();
    assert_eq!(migrator.status().await.unwrap().pending.len(), 1);
    let dry = migrator.run(Run::up().dry_run()).await.unwrap();
    assert_eq!(
        (dry.status, dry.migrations[0].changed),
        (RunStatus::DryRun, 500),
        "{dry:?}"
    );
    let report = migrator.run(Run::up()).await.unwrap();
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(
        (report.migrations[0].processed, report.migrations[0].changed),
        (1000, 500)
    );
    let left: i64 = app
        .query_row(
            "SELECT count(*) FROM todos WHERE priority IS NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(
        migrator.run(Run::up()).await.unwrap().status,
        RunStatus::Noop
    );
}
