//! Aggregates: right after a build, after every kind of write, and when they are read.

use driftless::{AggregateState, Backfill, RunStatus};
use driftless_tests::todos::{
    TODOS_BY_OWNER, TODOS_BY_PROJECT, assert_right, build, todos, with_aggregates,
};
use driftless_tests::{TestStore, assert_says};

crate::exercise!(
    an_aggregate_is_built_kept_current_and_read_by_key_and_by_prefix,
    a_table_without_rows_has_no_groups_until_it_has_rows,
    every_kind_of_write_is_followed,
);

async fn an_aggregate_is_built_kept_current_and_read_by_key_and_by_prefix<S: TestStore>() {
    let db = S::new(&todos::<S>(1_000));
    let migrator = with_aggregates(&db).await;
    let reader = migrator.aggregate(&TODOS_BY_PROJECT);
    let error = reader.get((1, true)).await.expect_err("not built yet");
    assert!(error.is_stale(), "{error:?}");
    assert_says(
        &error.chain(),
        &["todos_by_project", "migrate aggregate backfill"],
    );

    let report = build(&migrator, Backfill::new().batch_size(64)).await;
    assert_eq!(report.aggregates.len(), 2, "{report:?}");
    for status in &report.aggregates {
        assert_eq!(status.state, Some(AggregateState::Ready), "{status:?}");
        assert_eq!(status.processed, 1_000);
    }
    assert_right(&db, &migrator).await;

    let before = reader.get((1, true)).await.expect("READY").expect("rows");
    db.run("INSERT INTO todos (id, project_id, completed, effort, created_at) VALUES (5000, 1, TRUE, 1000, 'a day long ago')");
    let after = reader.get((1, true)).await.expect("READY").expect("rows");
    assert_eq!(after.count, before.count + 1);
    assert_eq!(
        after.sum::<i64>("effort").unwrap(),
        before.sum::<i64>("effort").unwrap() + 1000
    );
    assert_eq!(after.min::<String>("created_at").unwrap(), "a day long ago");
    db.run("DELETE FROM todos WHERE id = 5000");
    let again = reader.get((1, true)).await.expect("READY").expect("rows");
    assert_eq!(again, before, "exact under the delete of a minimum");

    assert_eq!(reader.get((99, true)).await.expect("READY"), None);
    let nobody = reader
        .get((None::<i64>, None::<bool>))
        .await
        .expect("READY");
    assert!(nobody.expect("NULL is a group").count > 0);
    let of_project = reader.groups((1,)).await.expect("READY");
    assert_eq!(of_project.len(), 3, "true, false and NULL");
    let owner = migrator.aggregate(&TODOS_BY_OWNER).get("owner 1").await;
    assert_eq!(owner.expect("READY").expect("rows").count, 200);

    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Record {
        project_id: i64,
        count: u64,
        sum_effort: i64,
        max_created_at: String,
    }
    let record: Record = before.clone().into_record().expect("a record");
    assert_eq!(record.project_id, 1);
    assert_eq!(record.count, before.count);
    let error = before.sum::<i64>("title").expect_err("not kept");
    assert_says(
        &error.chain(),
        &["sum(title)", "it keeps sum(effort), avg(effort)"],
    );

    let again = migrator
        .backfill(Backfill::new())
        .await
        .expect("not refused");
    assert_eq!(again.status, RunStatus::Noop, "{again:?}");
    let _ = build(&migrator, Backfill::new().rebuild().batch_size(100)).await;
    assert_right(&db, &migrator).await;
}

async fn a_table_without_rows_has_no_groups_until_it_has_rows<S: TestStore>() {
    let db = S::new(&todos::<S>(0));
    db.run("DELETE FROM todos");
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
    assert_eq!(
        migrator
            .aggregate(&TODOS_BY_PROJECT)
            .groups(())
            .await
            .expect("READY"),
        []
    );
    db.run("INSERT INTO todos (id, project_id) VALUES (1, 1), (2, 1), (3, NULL)");
    assert_right(&db, &migrator).await;
    db.run("DELETE FROM todos");
    assert_right(&db, &migrator).await;
}

async fn every_kind_of_write_is_followed<S: TestStore>() {
    let db = S::new(&todos::<S>(300));
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new().batch_size(50)).await;
    for write in [
        // To another group, to no group, from it, and nowhere.
        "UPDATE todos SET project_id = 2 WHERE id % 10 = 1",
        "UPDATE todos SET project_id = NULL, completed = NULL WHERE id % 10 = 2",
        "UPDATE todos SET completed = TRUE WHERE completed IS NULL AND id % 4 = 0",
        "UPDATE todos SET title = 'nothing that matters'",
        "UPDATE todos SET effort = NULL WHERE id % 6 = 0",
        "UPDATE todos SET effort = -effort, created_at = 'day 0'",
        "UPDATE todos SET effort = 9007199254740993 WHERE id = 7",
        // The key itself.
        "UPDATE todos SET id = id + 100000 WHERE id % 9 = 0",
        "INSERT INTO todos (id, project_id, effort) VALUES (7, 5, 5) ON CONFLICT (id) DO UPDATE SET effort = 6, project_id = 5",
        "INSERT INTO todos (id, project_id, effort) VALUES (8, 5, 5) ON CONFLICT (id) DO NOTHING",
        "DELETE FROM todos WHERE project_id = 2",
        "DELETE FROM todos WHERE id = (SELECT id FROM todos ORDER BY created_at LIMIT 1)",
        "INSERT INTO todos (id, project_id, completed, effort, created_at, owner) SELECT id + 1000000, project_id, completed, effort, created_at, owner FROM todos",
        "DELETE FROM todos",
        "INSERT INTO todos (id, project_id, effort) VALUES (1, 1, 1)",
    ] {
        db.run(write);
        eprintln!("after {write}");
        assert_right(&db, &migrator).await;
    }
}
