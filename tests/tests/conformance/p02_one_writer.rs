//! P2: one writer: two processes at once, canceled from afar, put to sleep past a lease, a clock that jumps.

use crate::exercise::driver;
use driftless::{Canceled, Run, RunStatus, StatusKind};
use driftless_tests::{TestStore, accounts, assert_says, assert_times_100_once, fixtures};

crate::exercise!(
    p2_of_two_processes_that_run_up_one_follows_the_other_and_each_document_is_visited_once,
    p2_of_five_processes_started_at_once_each_ends_well_and_each_document_is_visited_once,
    p2_a_follower_takes_over_at_once_when_the_process_it_follows_is_killed,
    p2_a_run_canceled_from_another_process_stops_after_its_batch_and_is_resumed,
    p2_a_forced_cancel_fences_the_holder_which_writes_nothing_more,
    p2_a_holder_that_slept_past_its_lease_wakes_up_and_writes_nothing,
    p2_a_lease_far_in_the_future_after_the_clock_was_set_back_is_not_waited_for,
    p2_a_run_of_another_host_is_followed_until_its_lease_ends,
);

async fn p2_of_two_processes_that_run_up_one_follows_the_other_and_each_document_is_visited_once<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut first = driver("times100", &db, "--batch-size 100 --wait-after 3");
    first.await_line("waiting");
    let mut second = driver("times100", &db, "");
    second.await_line("following");
    first.go_on();
    for last in [first.finish(), second.finish()] {
        assert!(last.starts_with("ended completed"), "{last}");
    }
    assert_eq!(db.number("SELECT count(*) FROM migration_run"), 1);
    assert_times_100_once(&db, 1_000);
}

async fn p2_of_five_processes_started_at_once_each_ends_well_and_each_document_is_visited_once<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(3_000));
    let all: Vec<_> = (0..5)
        .map(|_| driver("times100", &db, "--batch-size 50"))
        .collect();
    for child in all {
        let last = child.finish();
        assert!(
            last.starts_with("ended completed") || last.starts_with("ended noop"),
            "{last}"
        );
    }
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["completed"]);
    assert_times_100_once(&db, 3_000);
}

async fn p2_a_follower_takes_over_at_once_when_the_process_it_follows_is_killed<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut first = driver(
        "times100",
        &db,
        "--batch-size 100 --lease-ms 600000 --wait-after 3",
    );
    first.await_line("waiting");
    let mut second = driver("times100", &db, "--lease-ms 600000");
    second.await_line("following");
    first.kill();
    second.await_line("taken over from");
    assert!(second.finish().starts_with("ended completed"));
    assert_times_100_once(&db, 1_000);
}

async fn p2_a_run_canceled_from_another_process_stops_after_its_batch_and_is_resumed<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut run = driver("times100", &db, "--batch-size 100 --wait-after 3");
    run.await_line("waiting");
    let canceled = driver("times100", &db, "cancel").finish();
    assert_says(&canceled, &["canceled Requested"]);
    run.go_on();
    let last = run.finish();
    assert!(last.starts_with("ended canceled"), "{last}");
    // It looks as it commits, so that the batch after the request may be the last.
    let state = db.rows("SELECT status, processed, cursor FROM migration_state");
    let after = ["canceled|300|[300]", "canceled|400|[400]"];
    assert!(after.contains(&state[0].as_str()), "{state:?}");
    let migrator = db.migrator(&fixtures::times100).await;
    assert_eq!(
        migrator.cancel().await.expect("readable"),
        Canceled::NothingActive
    );
    db.up(&fixtures::times100).await;
    assert_times_100_once(&db, 1_000);
}

async fn p2_a_forced_cancel_fences_the_holder_which_writes_nothing_more<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut run = driver("times100", &db, "--batch-size 100 --wait-after 3");
    run.await_line("waiting");
    let canceled = driver("times100", &db, "cancel-force").finish();
    assert_says(&canceled, &["canceled Done"]);
    run.go_on();
    let last = run.finish();
    assert_says(
        &last,
        &[
            "refused LeaseLost",
            "ended as canceled by somebody else",
            "nothing more was written",
        ],
    );
    assert_eq!(db.number("SELECT count(*) FROM audit"), 300);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["canceled"]);
    db.up(&fixtures::times100).await;
    assert_times_100_once(&db, 1_000);
}

async fn p2_a_holder_that_slept_past_its_lease_wakes_up_and_writes_nothing<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut first = driver(
        "times100",
        &db,
        "--batch-size 100 --lease-ms 300 --wait-after 3",
    );
    first.await_line("waiting");
    first.sleep();
    first.go_on();
    let mut second = driver(
        "times100",
        &db,
        "--batch-size 100 --lease-ms 300 --wait-after 2",
    );
    second.await_line("taken over from");
    second.await_line("waiting");
    // The run is still running, in the hands of the second; the first wakes up in the middle of it.
    first.wake();
    let last = first.finish();
    assert_says(
        &last,
        &[
            "refused LeaseLost",
            "it is held by",
            "in epoch 2",
            "nothing more was written",
        ],
    );
    assert_eq!(db.number("SELECT count(*) FROM audit"), 500);
    second.go_on();
    assert!(second.finish().starts_with("ended completed"));
    assert_times_100_once(&db, 1_000);
}

async fn p2_a_lease_far_in_the_future_after_the_clock_was_set_back_is_not_waited_for<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut first = driver("times100", &db, "--batch-size 100 --wait-after 3");
    first.await_line("waiting");
    first.kill();
    // On another host, so that nothing but the lease can be known, and that by a clock that was an age ahead.
    db.run("UPDATE migration_run SET lease_holder = 'elsewhere/1/00', lease_expires_at = '2999-01-01T00:00:00.000Z', updated_at = '2998-12-31T23:59:45.000Z'");
    let mut second = driver("times100", &db, "--lease-ms 300");
    second.await_line("following elsewhere/1/00");
    second.await_line("taken over");
    assert!(second.finish().starts_with("ended completed"));
    assert_times_100_once(&db, 1_000);
}

async fn p2_a_run_of_another_host_is_followed_until_its_lease_ends<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut first = driver(
        "times100",
        &db,
        "--batch-size 100 --lease-ms 700 --wait-after 3",
    );
    first.await_line("waiting");
    first.kill();
    db.run("UPDATE migration_run SET lease_holder = 'elsewhere/1/00'");
    let report = db.migrate(&fixtures::times100, Run::up()).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(db.rows("SELECT lease_epoch FROM migration_run"), ["2"]);
    let status = db
        .migrator(&fixtures::times100)
        .await
        .status()
        .await
        .expect("status");
    assert_eq!(status.status, StatusKind::Idle);
    assert_times_100_once(&db, 1_000);
}
