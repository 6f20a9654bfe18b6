//! P10: nothing is silently ignored: what cannot be meant is an error that says what to do.

use crate::exercise::driver;
use driftless::{Run, RunStatus};
use driftless_tests::{TestStore, accounts, assert_says, fixtures};

crate::exercise!(
    p10_requests_that_cannot_be_meant_are_refused_with_what_to_write_instead,
    p10_up_to_an_id_applies_up_to_it_and_the_rest_stays_pending,
    p10_down_past_a_migration_without_down_is_refused_before_anything_runs,
    p10_down_with_nothing_applied_is_a_noop,
    p10_an_active_run_with_another_plan_is_an_error_that_says_what_to_do,
);

const LETTERS: &str = "CREATE TABLE letters (id INTEGER PRIMARY KEY, a INTEGER NOT NULL DEFAULT 0, b INTEGER NOT NULL DEFAULT 0, c INTEGER NOT NULL DEFAULT 0);
    INSERT INTO letters (id) VALUES (1), (2), (3);";

async fn p10_requests_that_cannot_be_meant_are_refused_with_what_to_write_instead<S: TestStore>() {
    let db = S::new(LETTERS);
    for (run, says) in [
        (
            Run::up().to("20260102_000000_set_x"),
            "did you mean 20260102_000000_set_b?",
        ),
        (Run::down().to("nonsense"), "there is no migration nonsense"),
        (Run::down().steps(0), "0 steps"),
        (Run::up().steps(2), "`steps` belongs to `down`"),
        (
            Run::down().steps(1).to("20260102_000000_set_b"),
            "give one of them",
        ),
        (Run::up().batch_size(0), "batch of 0"),
        (Run::down().restart(), "`restart` belongs to `up`"),
    ] {
        assert_says(&db.refusal(&fixtures::three, run).await, &[says]);
    }
    assert_eq!(db.rows(S::TABLES), ["letters"]);
}

async fn p10_up_to_an_id_applies_up_to_it_and_the_rest_stays_pending<S: TestStore>() {
    let db = S::new(LETTERS);
    db.completed(&fixtures::three, Run::up().to("20260102_000000_set_b"))
        .await;
    assert_eq!(db.rows("SELECT DISTINCT a, b, c FROM letters"), ["1|1|0"]);
    let status = db
        .migrator(&fixtures::three)
        .await
        .status()
        .await
        .expect("status");
    assert_eq!(status.pending, ["20260103_000000_set_c"]);
    db.up(&fixtures::three).await;
    assert_eq!(db.rows("SELECT DISTINCT a, b, c FROM letters"), ["1|1|1"]);
    let report = db.migrate(&fixtures::three, Run::up()).await;
    assert_eq!(report.status, RunStatus::Noop);
}

async fn p10_down_past_a_migration_without_down_is_refused_before_anything_runs<S: TestStore>() {
    let db = S::new(LETTERS);
    db.up(&fixtures::three).await;
    for run in [
        Run::down().steps(3),
        Run::down().steps(2),
        Run::down().to("20260101_000000_set_a"),
    ] {
        let error = db.refusal(&fixtures::three, run).await;
        assert_says(
            &error,
            &[
                "20260102_000000_set_b",
                "has no `down`",
                "Nothing was rolled back",
            ],
        );
    }
    assert_eq!(db.rows("SELECT DISTINCT a, b, c FROM letters"), ["1|1|1"]);
    db.completed(&fixtures::three, Run::down()).await;
    assert_eq!(db.rows("SELECT DISTINCT a, b, c FROM letters"), ["1|1|0"]);
}

async fn p10_down_with_nothing_applied_is_a_noop<S: TestStore>() {
    let db = S::new(LETTERS);
    let report = db.migrate(&fixtures::three, Run::down()).await;
    assert_eq!(report.status, RunStatus::Noop, "{report:?}");
}

async fn p10_an_active_run_with_another_plan_is_an_error_that_says_what_to_do<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut child = driver("times100", &db, "--batch-size 100 --wait-after 2");
    let run_id = child.await_line("started").replace("started ", "");
    child.await_line("waiting");
    let migrator = db.migrator(&fixtures::times100).await;
    let error = migrator.run(Run::down()).await.expect_err("refused");
    assert!(error.is_run_active(), "{error:?}");
    assert_says(&error.chain(), &[&run_id, "another plan", "`cancel`"]);
    let error = migrator
        .run(Run::up().follow(false))
        .await
        .expect_err("refused");
    assert_says(&error.chain(), &["the same plan"]);
    let error = migrator
        .run(Run::up().dry_run())
        .await
        .expect_err("refused");
    assert!(error.is_run_active(), "{error:?}");
    let error = migrator
        .cancel_run(Some("0".into()), false)
        .await
        .expect_err("refused");
    assert_says(&error.chain(), &["run 0 is not active", &run_id]);
    child.go_on();
    assert!(child.finish().starts_with("ended completed"));
}
