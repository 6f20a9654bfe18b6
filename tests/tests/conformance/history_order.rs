//! Late branches, dependencies, and migrations whose files have left the build.

use driftless::{DriftKind, OutOfOrder, Run, RunStatus};
use driftless_tests::{TestStore, assert_says, fixtures, stop_after};

crate::exercise!(
    a_migration_of_a_late_branch_is_applied_with_a_warning_and_refused_on_request,
    what_is_after_another_is_applied_after_it_and_rolled_back_before_it,
    a_retired_migration_is_history_and_no_drift_as_long_as_it_is_what_was_released,
    a_retired_migration_that_is_half_done_blocks,
    a_new_database_is_told_which_baseline_it_needs_and_begins_with_it,
);

const A: &str = "20260101_000000_set_a";
const B: &str = "20260102_000000_set_b";

const LETTERS: &str = "CREATE TABLE letters (id INTEGER PRIMARY KEY, a INTEGER NOT NULL DEFAULT 0, b INTEGER NOT NULL DEFAULT 0, c INTEGER NOT NULL DEFAULT 0);
    INSERT INTO letters (id) VALUES (1), (2), (3);";

fn letters(db: &impl TestStore) -> Vec<String> {
    db.rows("SELECT DISTINCT a, b, c FROM letters")
}

async fn a_migration_of_a_late_branch_is_applied_with_a_warning_and_refused_on_request<
    S: TestStore,
>() {
    let db = S::new(LETTERS);
    db.up(&fixtures::three_without_a).await;
    let run = Run::up().out_of_order(OutOfOrder::Refuse);
    let refused = db.refusal(&fixtures::three, run).await;
    assert_says(
        &refused,
        &[
            A,
            "is older than 20260103_000000_set_c",
            "timestamp of today",
            "Nothing was done",
        ],
    );
    assert_eq!(letters(&db), ["0|1|1"]);
    assert_eq!(db.number("SELECT count(*) FROM migration_run"), 1);
    let report = db.migrate(&fixtures::three, Run::up()).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_says(&report.warnings[0], &[A, "applied late"]);
    assert_eq!(letters(&db), ["1|1|1"]);
    let run = Run::up().out_of_order(OutOfOrder::Refuse);
    let report = db.migrate(&fixtures::three, run).await;
    assert_eq!((report.status, report.warnings), (RunStatus::Noop, vec![]));
}

async fn what_is_after_another_is_applied_after_it_and_rolled_back_before_it<S: TestStore>() {
    let db = S::new(LETTERS);
    let dependent = fixtures::three_after.iter().last().expect("three");
    assert_eq!(dependent.after, Some(A));
    let order = async |run| {
        let report = db.migrate(&fixtures::three_after, run).await;
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        let ids = report.migrations.into_iter().map(|migration| migration.id);
        ids.collect::<Vec<_>>()
    };
    let up = order(Run::up()).await;
    let position = |ids: &[String], id: &str| ids.iter().position(|each| each == id);
    assert!(position(&up, A) < position(&up, dependent.id), "{up:?}");
    db.run("DELETE FROM migration_state WHERE migration_id = '20260102_000000_set_b'");
    let down = order(Run::down().steps(2)).await;
    assert_eq!(
        down,
        [dependent.id, A],
        "never what an applied one is after"
    );
}

async fn a_retired_migration_is_history_and_no_drift_as_long_as_it_is_what_was_released<
    S: TestStore,
>() {
    let db = S::new(LETTERS);
    let retired: Vec<&str> = fixtures::three_retired
        .retired()
        .iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(retired, [A, B]);
    db.up(&fixtures::three).await;
    let report = db.migrate(&fixtures::three_retired, Run::up()).await;
    assert_eq!((report.status, report.drift), (RunStatus::Noop, vec![]));
    db.completed(&fixtures::three_retired, Run::down()).await;
    let refused = db.refusal(&fixtures::three_retired, Run::down()).await;
    assert_says(&refused, &[B, "it is retired", "a version before"]);
    db.completed(&fixtures::three_retired, Run::up()).await;
    assert_eq!(letters(&db), ["1|1|1"]);
    db.run(&format!(
        "UPDATE migration_state SET checksum = 'v1:{}' WHERE migration_id = '{A}'",
        "0".repeat(64)
    ));
    let report = db.migrate(&fixtures::three_retired, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_eq!(report.drift[0].kind, DriftKind::ChecksumMismatch);
    assert_says(
        &report.drift[0].message,
        &[A, "retired", "not what was released"],
    );
}

async fn a_retired_migration_that_is_half_done_blocks<S: TestStore>() {
    let db = S::new(LETTERS);
    db.run("INSERT INTO letters (id) WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i FROM n");
    stop_after(&db, &fixtures::three, Run::up(), 200).await;
    let report = db.migrate(&fixtures::three_retired, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_says(
        &report.drift[0].message,
        &[A, "retired", "50 % done", "a version before"],
    );
}

async fn a_new_database_is_told_which_baseline_it_needs_and_begins_with_it<S: TestStore>() {
    let db = S::new(LETTERS);
    let refused = db.refusal(&fixtures::three_retired, Run::up()).await;
    assert_says(
        &refused,
        &[
            "2 retired migrations",
            A,
            "needs a baseline that has 20260102_000000_set_b",
            "baseline --reason",
        ],
    );
    assert_eq!(db.rows(S::TABLES), ["letters"], "nothing was written");
    let migrator = db.migrator(&fixtures::three_retired).await;
    let error = migrator.baseline(" ").await.expect_err("no reason");
    assert_says(&error.chain(), &["reason"]);
    let recorded = migrator.baseline("a new database").await.expect("recorded");
    assert_eq!(recorded, [A, B]);
    db.up(&fixtures::three_retired).await;
    assert_eq!(letters(&db), ["0|0|1"], "nothing retired was run");
    let audit =
        db.rows("SELECT action, migration_id, reason FROM migration_audit ORDER BY audit_id");
    assert_eq!(
        audit,
        [A, B].map(|id| format!("baseline|{id}|a new database"))
    );
    let again = migrator.baseline("twice").await.expect("nothing to do");
    assert!(again.is_empty());
    let report = db.migrate(&fixtures::three, Run::up()).await;
    assert_eq!(
        report.status,
        RunStatus::Noop,
        "older programs see them applied: {report:?}"
    );
}
