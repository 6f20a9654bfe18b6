//! P5: a run executes the code it was planned with, also when others drive it: detached runs and the workers that pick
//! them up.

use crate::exercise::driver;
use driftless::{ErrorKind, Run, RunStatus, StatusKind, Worker};
use driftless_tests::{TestStore, accounts, assert_says, assert_times_100_once, fixtures};
use std::future::pending;

crate::exercise!(
    p5_a_detached_run_waits_for_a_worker_and_is_then_driven_to_its_end,
    p5_a_worker_of_another_build_refuses_a_run_and_says_so,
    p5_a_detached_run_is_never_set_aside_for_another_plan,
    p5_up_of_the_same_plan_drives_a_run_that_waits,
    p5_a_worker_that_is_stopped_hands_its_run_back_and_the_next_goes_on_at_once,
    p5_a_worker_goes_on_where_a_killed_process_stopped,
    p5_a_detached_run_keeps_how_it_is_to_be_driven,
    p5_a_failure_is_the_runs_and_not_the_workers,
);

async fn detach<S: TestStore>(db: &S) -> String {
    let migrator = db.migrator(&fixtures::times100).await;
    let report = migrator.run(Run::up().detach()).await.expect("enqueued");
    assert_eq!(report.status, RunStatus::Pending, "{report:?}");
    report.run_id.expect("a run")
}

async fn p5_a_detached_run_waits_for_a_worker_and_is_then_driven_to_its_end<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let run_id = detach(&db).await;
    let migrator = db.migrator(&fixtures::times100).await;
    let status = migrator.status().await.expect("status");
    assert_eq!(status.status, StatusKind::Idle);
    let waiting = status.active_run.expect("a run that waits");
    assert_eq!(
        (
            waiting.run_id.as_str(),
            waiting.status,
            waiting.lease_holder
        ),
        (run_id.as_str(), RunStatus::Pending, None)
    );
    assert_eq!(db.number("SELECT count(*) FROM audit"), 0);
    // The same request again is the same run.
    assert_eq!(detach(&db).await, run_id);
    let worker = Worker::new(migrator).until_idle(true);
    let report = worker.run(pending()).await.expect("the worker ends");
    assert_eq!((report.driven, report.refused), (1, 0));
    assert_times_100_once(&db, 1_000);
    assert_eq!(
        db.rows("SELECT run_id, status FROM migration_run"),
        [format!("{run_id}|completed")]
    );
}

async fn p5_a_worker_of_another_build_refuses_a_run_and_says_so<S: TestStore>() {
    let db = S::new(&accounts::<S>(500));
    let run_id = detach(&db).await;
    let mut other = driver("times100_with_more", &db, "work");
    let refusal = other.await_line("worker refused");
    assert_says(
        &refusal,
        &[&run_id, "planned with other migrations", "`cancel`"],
    );
    assert_says(&other.finish(), &["worked driven=0 helped=0 refused=1"]);
    assert_eq!(db.number("SELECT count(*) FROM audit"), 0);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["pending"]);
}

async fn p5_a_detached_run_is_never_set_aside_for_another_plan<S: TestStore>() {
    let db = S::new(&accounts::<S>(500));
    let run_id = detach(&db).await;
    let other = db.migrator(&fixtures::times100_with_more).await;
    let refused = other.run(Run::up()).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::RunActive);
    assert_says(&refused.chain(), &[&run_id, "another plan", "`cancel`"]);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["pending"]);
}

async fn p5_up_of_the_same_plan_drives_a_run_that_waits<S: TestStore>() {
    let db = S::new(&accounts::<S>(500));
    let run_id = detach(&db).await;
    let report = db.migrate(&fixtures::times100, Run::up()).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(report.run_id, Some(run_id));
    assert_times_100_once(&db, 500);
}

async fn p5_a_worker_that_is_stopped_hands_its_run_back_and_the_next_goes_on_at_once<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(2_000));
    let run_id = detach(&db).await;
    // A lease nobody could wait for: only what is handed back can be picked up.
    let mut first = driver("times100", &db, "work-on --lease-ms 600000 --wait-after 2");
    first.await_line("waiting");
    // The worker has waited for its signal since it began, the batch since now.
    first.go_on();
    first.go_on();
    assert_says(&first.finish(), &["worked driven=1", "last=pending"]);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["pending"]);
    assert_eq!(
        db.rows("SELECT count(*) FROM migration_range WHERE lease_holder IS NOT NULL"),
        ["0"]
    );
    let last = driver("times100", &db, "work --lease-ms 600000").finish();
    assert_says(&last, &["worked driven="]);
    assert_times_100_once(&db, 2_000);
    assert_eq!(
        db.rows("SELECT run_id, status FROM migration_run"),
        [format!("{run_id}|completed")]
    );
}

async fn p5_a_worker_goes_on_where_a_killed_process_stopped<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut first = driver("times100", &db, "--batch-size 100 --wait-after 3");
    first.await_line("waiting");
    first.kill();
    let last = driver("times100", &db, "work").finish();
    assert_says(&last, &["worked driven=1", "last=completed"]);
    assert_times_100_once(&db, 1_000);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["completed"]);
}

async fn p5_a_detached_run_keeps_how_it_is_to_be_driven<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let migrator = db.migrator(&fixtures::times100).await;
    let run = Run::up().batch_size(250).full_speed().detach();
    let report = migrator.run(run).await.expect("enqueued");
    assert_eq!(report.status, RunStatus::Pending);
    let mut worker = driver("times100", &db, "work");
    for batch in ["batch 250", "batch 500", "batch 750", "batch 1000"] {
        assert_eq!(worker.await_line("batch"), batch);
    }
    worker.finish();
    // Rolled back the same way: as many steps as were asked for.
    let run = Run::down().steps(1).batch_size(500).detach();
    let report = migrator.run(run).await.expect("enqueued");
    assert_eq!(report.status, RunStatus::Pending);
    let mut worker = driver("times100", &db, "work");
    assert_eq!(worker.await_line("batch"), "batch 500");
    worker.finish();
    assert_eq!(
        db.number("SELECT count(*) FROM accounts WHERE amount <> id % 9973 + 1"),
        0
    );
}

async fn p5_a_failure_is_the_runs_and_not_the_workers<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    detach(&db).await;
    db.run("DROP TABLE audit");
    let migrator = db.migrator(&fixtures::times100).await;
    let worker = Worker::new(migrator).until_idle(true);
    let report = worker.run(pending()).await.expect("the worker ends well");
    let last = report.last.expect("it drove a run");
    assert_eq!(last.status, RunStatus::Failed);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["failed"]);
}
