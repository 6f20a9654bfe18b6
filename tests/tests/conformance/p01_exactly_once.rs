//! P1: a document's change, everything the step did through `ctx`, and the cursor past it commit together.

use crate::exercise::driver;
use driftless::{CancelToken, Event, Run, RunStatus};
use driftless_tests::{
    Seed, TestApp, TestStore, accounts, assert_times_100_once, fixtures, stop_after,
};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

crate::exercise!(
    p1_a_killed_run_resumed_any_number_of_times_leaves_what_an_undisturbed_one_leaves,
    p1_a_run_killed_around_its_commits_leaves_what_an_undisturbed_one_leaves,
    p1_a_run_canceled_at_random_and_resumed_leaves_what_an_undisturbed_one_leaves,
    p1_down_after_kills_brings_back_what_was_there_before,
    p1_a_half_applied_migration_rolled_back_touches_exactly_what_was_applied,
    p1_a_turn_that_is_stopped_before_its_first_batch_is_still_a_half_applied_migration,
    p1_a_turn_within_a_turn_is_refused_and_finishing_the_first_one_is_offered,
    p1_a_half_done_down_applied_again_fills_exactly_its_hole,
    p1_a_process_of_this_host_that_was_killed_is_succeeded_at_once,
);

/// As many as take a few seconds.
const fn rows<S: TestStore>() -> u32 {
    200_000 / S::PACE
}

async fn p1_a_killed_run_resumed_any_number_of_times_leaves_what_an_undisturbed_one_leaves<
    S: TestStore,
>() {
    let mut seed = Seed::new();
    let db = S::new(&accounts::<S>(rows::<S>()));
    let (stop, mut connection, chance) = (AtomicBool::new(false), db.another_app(), seed.world(1));
    let (kills, written) = std::thread::scope(|scope| {
        let stop = &stop;
        let app = scope.spawn(move || the_app_next_door::<S>(&mut connection, chance, stop));
        let kills = kill_until_done(&db, &mut seed);
        stop.store(true, Ordering::Relaxed);
        (kills, app.join().expect("the app next door"))
    });
    println!("{kills} kills, {written} writes by the app beside it");
    assert!(kills >= 10, "only {kills} kills: the test proved little");
    assert_times_100_once(&db, rows::<S>());
    assert_eq!(
        db.number("SELECT sum(visits) FROM accounts"),
        written,
        "every write of the app is there"
    );
    assert_eq!(
        db.number("SELECT count(*) FROM migration_run WHERE status = 'completed'"),
        1,
        "all the processes worked on one run"
    );
}

/// Counts visits of random accounts, one at a time, until told to stop.
fn the_app_next_door<S: TestStore>(
    app: &mut S::App,
    mut chance: fastrand::Rng,
    stop: &AtomicBool,
) -> i64 {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = chance.u32(1..=rows::<S>());
        app.run(&format!(
            "UPDATE accounts SET visits = visits + 1 WHERE id = {id}"
        ));
        written += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    written
}

/// Starts the migration again and again, and kills it at a moment it cannot foresee: some batches after it began, plus a
/// few hundred microseconds, so that kills fall inside transactions as well as between them.
fn kill_until_done<S: TestStore>(db: &S, seed: &mut Seed) -> u32 {
    let mut kills = 0;
    loop {
        let size = seed.u32(50..2000).div_ceil(S::PACE).to_string();
        let mut child = driver("times100", db, &format!("--batch-size {size} --full-speed"));
        for _ in 0..seed.u32(0..12) {
            if child.try_await("batch").is_none() {
                break;
            }
        }
        std::thread::sleep(Duration::from_micros(seed.u64(0..4000)));
        let done = kills > 12 && seed.u32(0..4) == 0;
        if done {
            let last = child.finish();
            assert!(last.starts_with("ended completed"), "{last}");
            return kills;
        }
        child.kill();
        kills += 1;
        assert!(kills < 300, "it does not get on");
        if db.number(&format!(
            "SELECT count(*) FROM ({}) AS t WHERE name = 'migration_run'",
            S::TABLES
        )) == 1
            && db.number("SELECT count(*) FROM migration_run WHERE status = 'completed'") == 1
        {
            return kills;
        }
    }
}

/// With small batches a good part of the time is spent around the commit, so that many kills fall there: this is the test
/// that sees a cursor committed apart from its documents.
async fn p1_a_run_killed_around_its_commits_leaves_what_an_undisturbed_one_leaves<S: TestStore>() {
    let mut seed = Seed::new();
    let db = S::new(&accounts::<S>(2_000));
    for _ in 0..80 / S::PACE.min(2) {
        let mut child = driver("times100", &db, "--batch-size 2 --full-speed");
        for _ in 0..seed.u32(1..4) {
            child.await_line("batch");
        }
        std::thread::sleep(Duration::from_micros(seed.u64(0..1000)));
        child.kill();
    }
    let last = driver("times100", &db, "--full-speed").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 2_000);
}

async fn p1_a_run_canceled_at_random_and_resumed_leaves_what_an_undisturbed_one_leaves<
    S: TestStore,
>() {
    let mut seed = Seed::new();
    let db = S::new(&accounts::<S>(5_000));
    let mut cancels = 0;
    loop {
        let (token, batches) = (CancelToken::default(), AtomicU32::new(seed.u32(1..12)));
        let stopper = token.clone();
        let migrator = db
            .migrator(&fixtures::times100)
            .await
            .observer(move |event| match event {
                Event::BatchCommitted { .. } if batches.fetch_sub(1, Ordering::Relaxed) == 1 => {
                    stopper.cancel();
                }
                _ => {}
            });
        let run = Run::up()
            .full_speed()
            .batch_size(seed.u32(1..150))
            .cancel_on(&token);
        let report = migrator.run(run).await.expect("the run is not refused");
        match report.status {
            RunStatus::Completed => break,
            status => assert_eq!(status, RunStatus::Canceled, "{report:?}"),
        }
        cancels += 1;
    }
    assert!(cancels > 1, "never canceled: the test proved nothing");
    assert_times_100_once(&db, 5_000);
}

async fn p1_down_after_kills_brings_back_what_was_there_before<S: TestStore>() {
    let mut seed = Seed::new();
    let db = S::new(&accounts::<S>(5_000));
    let before = db.rows("SELECT * FROM accounts ORDER BY id");
    db.up(&fixtures::times100).await;
    for _ in 0..5 {
        let mut child = driver("times100", &db, "down --batch-size 100 --full-speed");
        for _ in 0..seed.u32(1..8) {
            child.await_line("batch");
        }
        std::thread::sleep(Duration::from_micros(seed.u64(0..3000)));
        child.kill();
    }
    db.completed(&fixtures::times100, Run::down()).await;
    assert_eq!(db.rows("SELECT * FROM accounts ORDER BY id"), before);
    assert_eq!(
        db.rows(
            "SELECT what, count(*), count(DISTINCT account) FROM audit GROUP BY what ORDER BY what"
        ),
        ["down|5000|5000", "up|5000|5000"]
    );
}

async fn p1_a_half_applied_migration_rolled_back_touches_exactly_what_was_applied<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let before = db.rows("SELECT * FROM accounts ORDER BY id");
    half(&db, Run::up(), 300).await;
    assert_eq!(db.number("SELECT count(*) FROM audit"), 300);
    let report = db.completed(&fixtures::times100, Run::down()).await;
    assert_eq!(report.processed, 300);
    assert_eq!(db.rows("SELECT * FROM accounts ORDER BY id"), before);
    let status = db
        .migrator(&fixtures::times100)
        .await
        .status()
        .await
        .expect("status");
    assert_eq!(status.pending.len(), 1, "{status:?}");
}

/// Runs `times100` until this many documents are done.
async fn half(db: &impl TestStore, run: Run, documents: u64) {
    let report = stop_after(db, &fixtures::times100, run, documents).await;
    assert_eq!(report.processed, documents);
}

/// A turn (`down` of a half-applied `up`) that is stopped before its first batch must not look like "nothing was done".
async fn p1_a_turn_that_is_stopped_before_its_first_batch_is_still_a_half_applied_migration<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let before = db.rows("SELECT * FROM accounts ORDER BY id");
    half(&db, Run::up(), 300).await;
    let token = CancelToken::default();
    token.cancel();
    let report = db
        .migrate(&fixtures::times100, Run::down().cancel_on(&token))
        .await;
    assert_eq!(report.status, RunStatus::Canceled, "{report:?}");
    let status = db
        .migrator(&fixtures::times100)
        .await
        .status()
        .await
        .expect("status");
    assert_eq!(status.partial.len(), 1, "{status:?}");
    assert!(
        status.pending.is_empty(),
        "neither applied nor pending: {status:?}"
    );
    db.completed(&fixtures::times100, Run::down()).await;
    assert_eq!(db.rows("SELECT * FROM accounts ORDER BY id"), before);
}

/// 40 % up, of which a quarter is rolled back: going up again from there would have two holes to fill.
async fn p1_a_turn_within_a_turn_is_refused_and_finishing_the_first_one_is_offered<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    let before = db.rows("SELECT * FROM accounts ORDER BY id");
    half(&db, Run::up(), 400).await;
    half(&db, Run::down(), 100).await;
    let error = db.refusal(&fixtures::times100, Run::up().restart()).await;
    assert!(
        error.contains("finish") && error.contains("down"),
        "{error}"
    );
    db.completed(&fixtures::times100, Run::down()).await;
    assert_eq!(db.rows("SELECT * FROM accounts ORDER BY id"), before);
    db.up(&fixtures::times100).await;
    assert_eq!(
        db.number("SELECT count(*) FROM accounts WHERE amount <> (id % 9973 + 1) * 100"),
        0
    );
}

async fn p1_a_half_done_down_applied_again_fills_exactly_its_hole<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    db.up(&fixtures::times100).await;
    let after = db.rows("SELECT * FROM accounts ORDER BY id");
    half(&db, Run::down(), 400).await;
    let error = db.refusal(&fixtures::times100, Run::up()).await;
    assert!(
        error.contains("40 %") && error.contains("--restart"),
        "{error}"
    );
    half(&db, Run::up().restart(), 100).await;
    let report = db.completed(&fixtures::times100, Run::up()).await;
    assert_eq!(report.processed, 400, "{report:?}");
    assert_eq!(db.rows("SELECT * FROM accounts ORDER BY id"), after);
}

async fn p1_a_process_of_this_host_that_was_killed_is_succeeded_at_once<S: TestStore>() {
    let db = S::new(&accounts::<S>(2_000));
    for _ in 0..3 {
        let mut child = driver(
            "times100",
            &db,
            "--batch-size 100 --lease-ms 600000 --wait-after 2",
        );
        child.await_line("waiting");
        child.kill();
    }
    // A lease of ten minutes is left, and waiting for it would outlast the test.
    let last = driver("times100", &db, "--lease-ms 600000").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 2_000);
}
