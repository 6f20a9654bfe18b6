//! Aggregates that are not to be trusted: what writes past their triggers, what was declared otherwise, what is gone.

use crate::exercise::driver;
use driftless::{AggregateState, Backfill, Run, RunStatus};
use driftless_tests::todos::{
    TODOS_BY_OWNER, TODOS_BY_PROJECT, aggregates_and, assert_right, build, states, todos,
    with_aggregates,
};
use driftless_tests::{TestStore, assert_says, fixtures};

crate::exercise!(
    a_safe_bypass_migration_makes_the_aggregates_of_its_table_stale_and_a_backfill_right_again,
    a_normal_migration_keeps_them_ready_and_right,
    what_a_step_writes_to_another_table_counts_too,
    a_safe_bypass_migration_beside_a_build_never_leaves_it_ready_and_wrong,
    a_trigger_dropped_by_hand_is_noticed_and_made_again,
    an_aggregate_declared_otherwise_is_built_anew,
    prune_removes_what_is_not_declared_with_its_triggers,
    what_cannot_be_kept_is_said_before_anything_is_made,
);

const READY: Option<AggregateState> = Some(AggregateState::Ready);
const STALE: Option<AggregateState> = Some(AggregateState::Stale);

async fn a_safe_bypass_migration_makes_the_aggregates_of_its_table_stale_and_a_backfill_right_again<
    S: TestStore,
>() {
    let db = S::new(&todos::<S>(300));
    let migrator = aggregates_and(&db, &fixtures::todos_bypass).await;
    let _ = build(&migrator, Backfill::new()).await;
    let dry = Run::up().dry_run().full_speed();
    assert_eq!(
        migrator.run(dry).await.expect("tried").status,
        RunStatus::DryRun
    );
    assert_eq!(
        states(&migrator).await,
        [READY, READY],
        "a dry run changes nothing"
    );
    // The first batch does, not the end of the run.
    let stopped =
        driftless_tests::stop_after(&db, &fixtures::todos_bypass, Run::up().batch_size(100), 100)
            .await;
    assert_eq!(stopped.processed, 100);
    assert_eq!(states(&migrator).await, [STALE, STALE]);
    let error = migrator.aggregate(&TODOS_BY_PROJECT).get((1, true)).await;
    let error = error.expect_err("STALE");
    assert!(error.is_stale());
    assert_says(
        &error.chain(),
        &[
            "20260101_000000_more_effort",
            "safe_bypass",
            "migrate aggregate backfill",
        ],
    );
    let old = migrator
        .aggregate(&TODOS_BY_PROJECT)
        .get_stale((1, true))
        .await;
    assert!(old.expect("readable all the same").is_some());
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
    // It was rebuilt between two batches of the run: the rest of the run makes it stale again.
    let report = migrator
        .run(Run::up().full_speed())
        .await
        .expect("not refused");
    assert_eq!(report.status, RunStatus::Completed);
    assert_eq!(states(&migrator).await, [STALE, STALE]);
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

async fn a_normal_migration_keeps_them_ready_and_right<S: TestStore>() {
    let db = S::new(&todos::<S>(300));
    let migrator = aggregates_and(&db, &fixtures::todos_normal).await;
    let _ = build(&migrator, Backfill::new()).await;
    let report = migrator
        .run(Run::up().full_speed())
        .await
        .expect("not refused");
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert!(db.number("SELECT max(effort) FROM todos") > 100);
    assert_eq!(states(&migrator).await, [READY, READY]);
    assert_right(&db, &migrator).await;
}

async fn what_a_step_writes_to_another_table_counts_too<S: TestStore>() {
    // Where raw SQL fires triggers it is followed; where it does not the aggregate is STALE. Either way it is never wrong.
    for (does, always) in [
        ("read", Some(READY)),
        ("sql", None),
        ("orm", Some(STALE)),
        ("insert", Some(STALE)),
        ("delete", None),
    ] {
        let script = format!(
            "CREATE TABLE projects (id {}, does TEXT NOT NULL);
             INSERT INTO projects (id, does) VALUES (1, '{does}'), (2, 'nothing');
             {}",
            S::KEY,
            todos::<S>(50).replace(
                "project_id BIGINT",
                "project_id BIGINT REFERENCES projects (id) ON DELETE CASCADE"
            )
        );
        let script = script.replace("nullif(i % 7, 3)", "CASE WHEN i % 7 < 3 THEN 1 + i % 2 END");
        let db = S::new(&script);
        let migrator = aggregates_and(&db, &fixtures::todos_elsewhere).await;
        let _ = build(&migrator, Backfill::new()).await;
        let report = migrator
            .run(Run::up().full_speed())
            .await
            .expect("not refused");
        assert_eq!(report.status, RunStatus::Completed, "{does}: {report:?}");
        let state = states(&migrator).await[0];
        if let Some(always) = always {
            assert_eq!(state, always, "{does}");
        }
        eprintln!("{} {does}: {state:?}", S::NAME);
        if state == STALE {
            let _ = build(&migrator, Backfill::new()).await;
        }
        assert_right(&db, &migrator).await;
    }
}

async fn a_safe_bypass_migration_beside_a_build_never_leaves_it_ready_and_wrong<S: TestStore>() {
    let db = S::new(&todos::<S>(1_000));
    // The build stands in the middle while the migration changes rows before and behind its cursor.
    let mut builder = driver("times100", &db, "backfill --batch-size 100 --wait-after 5");
    builder.await_line("waiting");
    let mut run = driver("todos_bypass", &db, "up --batch-size 100 --wait-after 3");
    run.await_line("waiting");
    let migrator = aggregates_and(&db, &fixtures::todos_bypass).await;
    assert_eq!(states(&migrator).await[0], STALE);
    builder.go_on();
    // It begins again, and is READY and right with what is committed so far.
    builder.await_line("ready todos_by_owner");
    assert!(builder.finish().starts_with("ended completed"));
    assert_right(&db, &migrator).await;
    run.go_on();
    assert!(run.finish().starts_with("ended completed"));
    assert_eq!(states(&migrator).await, [STALE, STALE]);
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

async fn a_trigger_dropped_by_hand_is_noticed_and_made_again<S: TestStore>() {
    let db = S::new(&todos::<S>(50));
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new()).await;
    let on = if S::NAME == "Postgres" {
        " ON todos"
    } else {
        ""
    };
    db.run(&format!(
        "DROP TRIGGER migration_delete_todos_by_project{on}"
    ));
    db.run("DELETE FROM todos WHERE id < 10");
    let statuses = migrator.aggregate_status().await.expect("readable");
    assert_eq!(statuses[0].state, STALE);
    assert_says(
        statuses[0].reason.as_deref().expect("a reason"),
        &["migration_delete_todos_by_project is gone"],
    );
    assert_eq!(statuses[1].state, READY, "the other one is right");
    let error = migrator.aggregate(&TODOS_BY_PROJECT).get((1, true)).await;
    assert_says(&error.expect_err("noticed").chain(), &["lost a trigger"]);
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
    db.run("DELETE FROM todos WHERE id < 20");
    assert_right(&db, &migrator).await;
    if S::NAME == "Postgres" {
        db.run("ALTER TABLE todos DISABLE TRIGGER migration_insert_todos_by_owner");
        assert_eq!(states(&migrator).await, [READY, STALE]);
        let _ = build(&migrator, Backfill::new()).await;
        assert_right(&db, &migrator).await;
    }
}

mod declared_otherwise {
    driftless::aggregate! {
        /// The same name, other keys and functions.
        pub TODOS_BY_PROJECT = "todos" by (project_id, owner) { count, max(title) }
    }
    driftless::aggregate! {
        pub OVER_NO_COLUMN = "todos" by (project) { count }
    }
    driftless::aggregate! {
        pub OVER_NO_TABLE = "todo" by (project_id) { count }
    }
    driftless::aggregate! {
        pub SUM_OF_TEXT = "todos" by (project_id) { sum(title) }
    }
}

async fn an_aggregate_declared_otherwise_is_built_anew<S: TestStore>() {
    let db = S::new(&todos::<S>(50));
    let _ = build(&with_aggregates(&db).await, Backfill::new()).await;
    let migrator = db.migrator(&fixtures::times100).await;
    let migrator = migrator.aggregates(&[&declared_otherwise::TODOS_BY_PROJECT]);
    assert_eq!(
        states(&migrator).await,
        [STALE, READY],
        "and an undeclared one"
    );
    let reader = migrator.aggregate(&declared_otherwise::TODOS_BY_PROJECT);
    let error = reader.get((1, "owner 1")).await.expect_err("another one");
    assert_says(&error.chain(), &["another declaration"]);
    let _ = build(&migrator, Backfill::new()).await;
    let group = reader
        .get((1, "owner 1"))
        .await
        .expect("READY")
        .expect("rows");
    let is = db
        .rows("SELECT count(*), max(title) FROM todos WHERE project_id = 1 AND owner = 'owner 1'");
    let said = format!("{}|{}", group.count, group.max::<String>("title").unwrap());
    assert_eq!([said], is.as_slice());
}

async fn prune_removes_what_is_not_declared_with_its_triggers<S: TestStore>() {
    let db = S::new(&todos::<S>(50));
    let _ = build(&with_aggregates(&db).await, Backfill::new()).await;
    let migrator = db.migrator(&fixtures::times100).await;
    let migrator = migrator.aggregates(&[&TODOS_BY_OWNER]);
    let pruned = migrator.prune_aggregates().await.expect("pruned");
    assert_eq!(pruned, ["todos_by_project"]);
    let left: Vec<String> = (db.rows(S::TABLES).into_iter())
        .filter(|name| name.contains("todos_by_project"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    db.run("DELETE FROM todos WHERE id < 10");
    assert_eq!(states(&migrator).await, [READY]);
    assert!(
        migrator
            .prune_aggregates()
            .await
            .expect("nothing to do")
            .is_empty()
    );
    let error = migrator.aggregate(&TODOS_BY_PROJECT).get((1, true)).await;
    assert_says(&error.expect_err("gone").chain(), &["never built"]);
}

async fn what_cannot_be_kept_is_said_before_anything_is_made<S: TestStore>() {
    let db = S::new(&todos::<S>(50));
    let failure = async |aggregate| {
        let migrator = db
            .migrator(&fixtures::times100)
            .await
            .aggregates(&[aggregate]);
        let report = migrator.backfill(Backfill::new()).await.expect("reported");
        assert_eq!(report.status, RunStatus::Failed, "{report:?}");
        report.error.expect("a reason")
    };
    assert_says(
        &failure(&declared_otherwise::OVER_NO_COLUMN).await,
        &[
            "over_no_column",
            "column project,",
            "did you mean project_id?",
            "it has id, project_id",
        ],
    );
    assert_says(
        &failure(&declared_otherwise::OVER_NO_TABLE).await,
        &["over_no_table", "no table todo", "did you mean todos?"],
    );
    assert_says(
        &failure(&declared_otherwise::SUM_OF_TEXT).await,
        &["sum_of_text", "title", "numbers"],
    );
    let made: Vec<String> = (db.rows(S::TABLES).into_iter())
        .filter(|name| name.starts_with("migration_"))
        .collect();
    assert!(made.is_empty(), "{made:?}");
    let migrator = with_aggregates(&db).await;
    let error = migrator
        .backfill(Backfill::new().only("todos_by_projekt"))
        .await;
    assert_says(
        &error.expect_err("unknown").chain(),
        &["no aggregate todos_by_projekt", "todos_by_project"],
    );
}
