//! P8: status never lies.

use crate::exercise::driver;
use driftless::{Direction, Run, RunStatus, StatusKind};
use driftless_tests::{TestApp, TestStore, accounts, fixtures, run_beside, stop_after};
use std::sync::atomic::{AtomicBool, Ordering};

crate::exercise!(
    p8_a_partial_up_and_a_partial_down_are_neither_applied_nor_forgotten,
    p8_applied_flips_in_the_transaction_of_the_last_batch,
    p8_a_run_whose_process_was_killed_is_stale_and_can_be_canceled,
    p8_status_of_a_database_that_has_never_seen_a_run_writes_nothing,
);

async fn p8_a_partial_up_and_a_partial_down_are_neither_applied_nor_forgotten<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    let migrator = db.migrator(&fixtures::times100).await;
    let status = migrator.status().await.expect("status");
    let partial = &status.partial[0];
    assert_eq!((partial.direction, partial.percent), (Direction::Up, 30));
    assert_eq!(status.pending.len(), 1, "the rest is still to be applied");
    assert!(!status.migrations[0].applied);
    db.up(&fixtures::times100).await;
    stop_after(&db, &fixtures::times100, Run::down(), 400).await;
    let status = migrator.status().await.expect("status");
    let partial = &status.partial[0];
    assert_eq!((partial.direction, partial.percent), (Direction::Down, 40));
    assert!(status.pending.is_empty(), "not pending: {status:?}");
    assert!(!status.migrations[0].applied, "not applied: {status:?}");
    assert_eq!(status.status, StatusKind::Idle);
}

/// Watches from a connection of its own, in snapshots, while `up` and then `down` run.
async fn p8_applied_flips_in_the_transaction_of_the_last_batch<S: TestStore>() {
    let db = S::new(&accounts::<S>(3_000));
    db.up(&fixtures::times100).await;
    db.completed(&fixtures::times100, Run::down()).await;
    for run in [Run::up(), Run::down()] {
        let (stop, mut watcher) = (AtomicBool::new(false), db.another_app());
        let migrator = db.migrator(&fixtures::times100).await;
        let seen = std::thread::scope(|scope| {
            let stop = &stop;
            let watching = scope.spawn(move || {
                let mut seen = [0; 2];
                while !stop.load(Ordering::Relaxed) {
                    let snapshot = watcher.rows("SELECT (SELECT applied FROM migration_state), (SELECT count(*) FROM accounts WHERE amount = (id % 9973 + 1) * 100)");
                    let (applied, changed) = snapshot[0].split_once('|').expect("two cells");
                    assert_eq!(applied == "1", changed == "3000", "applied {applied} with {changed} changed");
                    seen[usize::from(applied == "1")] += 1;
                }
                seen
            });
            let report = run_beside(async move { migrator.run(run.batch_size(100)).await });
            let report = report.join().expect("no panic");
            assert_eq!(report.expect("not refused").status, RunStatus::Completed);
            stop.store(true, Ordering::Relaxed);
            watching
                .join()
                .expect("applied always meant every document")
        });
        assert!(seen[0] > 0, "the watcher saw it not applied: {seen:?}");
    }
}

async fn p8_a_run_whose_process_was_killed_is_stale_and_can_be_canceled<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let migrator = db.migrator(&fixtures::times100).await;
    let mut child = driver("times100", &db, "--batch-size 100 --wait-after 3");
    child.await_line("waiting");
    assert_eq!(
        migrator.status().await.expect("status").status,
        StatusKind::Running
    );
    child.kill();
    let status = migrator.status().await.expect("status");
    assert_eq!(status.status, StatusKind::Stale);
    assert_eq!(status.partial[0].percent, 30);
    assert_eq!(
        migrator.status().await.expect("status").status,
        StatusKind::Stale,
        "looking changes nothing"
    );
    let run_id = status.active_run.expect("a run").run_id;
    assert_eq!(
        migrator.cancel().await.expect("canceled"),
        driftless::Canceled::Done { run_id }
    );
    let status = migrator.status().await.expect("status");
    assert_eq!(
        (status.status, status.partial[0].percent),
        (StatusKind::Idle, 30)
    );
}

async fn p8_status_of_a_database_that_has_never_seen_a_run_writes_nothing<S: TestStore>() {
    let db = S::new(&accounts::<S>(10));
    let before = db.rows(S::TABLES);
    let status = db
        .migrator(&fixtures::three)
        .await
        .status()
        .await
        .expect("status");
    assert_eq!(status.pending.len(), 3);
    assert_eq!(db.rows(S::TABLES), before);
}
