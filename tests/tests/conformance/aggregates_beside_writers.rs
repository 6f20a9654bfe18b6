//! Aggregates built while others write, and builders that are killed.

use crate::exercise::driver;
use driftless::{AggregateState, Backfill, CancelToken, ErrorKind, RunStatus};
use driftless_tests::todos::{assert_right, build, states, todos, with_aggregates};
use driftless_tests::{Seed, TestApp, TestStore, assert_says, run_beside};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::exercise!(
    a_build_beside_writers_ends_right_whatever_they_write,
    a_builder_that_is_killed_is_gone_on_with_where_it_stood,
    two_builders_at_once_count_each_row_once,
    a_build_that_is_canceled_or_out_of_time_is_gone_on_with,
    a_detached_build_is_done_by_a_worker,
);

const READY: Option<AggregateState> = Some(AggregateState::Ready);

/// One write of the app's, of any kind. Errors are the database's to give: two may insert the same key.
fn write(random: &mut fastrand::Rng, rows: u32) -> String {
    let id = random.u32(1..=rows + rows / 4);
    let project = |random: &mut fastrand::Rng| match random.u8(..8) {
        7 => "NULL".to_owned(),
        project => project.to_string(),
    };
    let effort = |random: &mut fastrand::Rng| match random.u8(..8) {
        7 => "NULL".to_owned(),
        _ => random
            .i64(-1_000_000_000_000..1_000_000_000_000)
            .to_string(),
    };
    let day = random.u32(..50);
    match random.u8(..10) {
        0 | 1 => format!(
            "INSERT INTO todos (id, project_id, completed, effort, created_at, owner) VALUES ({id}, {}, FALSE, {}, 'day {day}', 'owner {}') ON CONFLICT (id) DO NOTHING",
            project(random),
            effort(random),
            random.u8(..5)
        ),
        2 => format!(
            "INSERT INTO todos (id, project_id, effort) VALUES ({id}, {}, {}) ON CONFLICT (id) DO UPDATE SET effort = excluded.effort, completed = TRUE",
            project(random),
            effort(random)
        ),
        3 => format!(
            "UPDATE todos SET project_id = {} WHERE id = {id}",
            project(random)
        ),
        4 => format!(
            "UPDATE todos SET effort = {} WHERE id BETWEEN {id} AND {id} + 3",
            effort(random)
        ),
        5 => format!("UPDATE todos SET created_at = 'day {day}', completed = NULL WHERE id = {id}"),
        6 => format!(
            "UPDATE todos SET id = {} WHERE id = {id} AND NOT EXISTS (SELECT 1 FROM todos WHERE id = {})",
            rows * 2 - id,
            rows * 2 - id
        ),
        7 => format!("DELETE FROM todos WHERE id BETWEEN {id} AND {id} + 2"),
        8 => format!(
            "UPDATE todos SET title = 'x', owner = 'owner {}' WHERE id = {id}",
            random.u8(..5)
        ),
        _ => format!(
            "DELETE FROM todos WHERE created_at = (SELECT min(created_at) FROM todos WHERE id > {id})"
        ),
    }
}

async fn a_build_beside_writers_ends_right_whatever_they_write<S: TestStore>() {
    const ROWS: u32 = 1_500;
    let seed = Seed::new();
    let db = S::new(&todos::<S>(ROWS));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (mut app, stop, mut random) = (db.another_app(), stop.clone(), seed.world(writer));
            std::thread::spawn(move || {
                let mut writes = 0;
                while !stop.load(Ordering::Acquire) {
                    let one = write(&mut random, ROWS);
                    let script = match random.u8(..4) {
                        0 => format!("BEGIN; {one}; ROLLBACK"),
                        _ => one,
                    };
                    writes += u32::from(app.try_write(&script));
                }
                writes
            })
        })
        .collect();
    for round in 0..3 {
        let migrator = with_aggregates(&db).await;
        let request = Backfill::new().rebuild().batch_size(40);
        let report = run_beside(async move {
            migrator
                .backfill(request.pause(Duration::from_millis(1)))
                .await
        });
        let report = report.join().expect("no panic").expect("not refused");
        assert_eq!(
            report.status,
            RunStatus::Completed,
            "round {round}: {report:?}"
        );
    }
    std::thread::sleep(Duration::from_millis(100));
    stop.store(true, Ordering::Release);
    let writes: u32 = (writers.into_iter())
        .map(|writer| writer.join().expect("the app goes on"))
        .sum();
    assert!(writes > 50, "only {writes} writes");
    let migrator = with_aggregates(&db).await;
    assert_eq!(states(&migrator).await, [READY, READY]);
    assert_right(&db, &migrator).await;
}

async fn a_builder_that_is_killed_is_gone_on_with_where_it_stood<S: TestStore>() {
    let db = S::new(&todos::<S>(1_000));
    let options = "backfill --batch-size 100 --lease-ms 600000 --wait-after 4";
    let mut builder = driver("times100", &db, options);
    builder.await_line("waiting");
    builder.kill();
    // Before and behind the cursor.
    db.run("DELETE FROM todos WHERE id IN (5, 300, 800); UPDATE todos SET effort = 77 WHERE id IN (6, 500, 900)");
    let mut second = driver("times100", &db, "backfill --batch-size 100");
    second.await_line("building 400");
    assert!(second.finish().starts_with("ended completed"));
    assert_right(&db, &with_aggregates(&db).await).await;
}

async fn two_builders_at_once_count_each_row_once<S: TestStore>() {
    let db = S::new(&todos::<S>(1_000));
    let mut first = driver("times100", &db, "backfill --batch-size 100 --wait-after 3");
    first.await_line("waiting");
    let mut second = driver("times100", &db, "backfill --batch-size 100");
    second.await_line("awaiting");
    first.go_on();
    for last in [first.finish(), second.finish()] {
        assert!(last.starts_with("ended completed"), "{last}");
    }
    assert_right(&db, &with_aggregates(&db).await).await;
    let many: Vec<_> = (0..4)
        .map(|_| driver("times100", &db, "rebuild --batch-size 50"))
        .collect();
    for builder in many {
        let last = builder.finish();
        assert!(last.starts_with("ended completed"), "{last}");
    }
    assert_right(&db, &with_aggregates(&db).await).await;
}

async fn a_build_that_is_canceled_or_out_of_time_is_gone_on_with<S: TestStore>() {
    let db = S::new(&todos::<S>(1_000));
    let token = CancelToken::default();
    let stopper = token.clone();
    let migrator = with_aggregates(&db).await;
    let observed = migrator.clone().observer(move |event| match event {
        driftless::Event::AggregateBatch { processed, .. } if *processed >= 300 => stopper.cancel(),
        _ => {}
    });
    let request = Backfill::new().batch_size(100).full_speed();
    let report = observed.backfill(request.cancel_on(&token)).await;
    let report = report.expect("not refused");
    assert_eq!(report.status, RunStatus::Canceled, "{report:?}");
    let status = &report.aggregates[0];
    assert_eq!(
        (status.state, status.processed),
        (Some(AggregateState::Building), 300)
    );
    let error = migrator
        .aggregate(&driftless_tests::todos::TODOS_BY_PROJECT)
        .get((1, true))
        .await;
    assert_says(&error.expect_err("half").chain(), &["BUILDING"]);

    let slow = Backfill::new()
        .batch_size(100)
        .pause(Duration::from_millis(200));
    let report = migrator
        .backfill(slow.timeout(Duration::from_millis(600)))
        .await;
    let report = report.expect("not refused");
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert_eq!(report.error_kind, Some(ErrorKind::Busy));
    assert_says(
        report.error.as_deref().unwrap(),
        &["not READY after 0.6 seconds", "goes on"],
    );
    assert!(
        (300..1_000).contains(&report.aggregates[0].processed),
        "{report:?}"
    );
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

async fn a_detached_build_is_done_by_a_worker<S: TestStore>() {
    let db = S::new(&todos::<S>(500));
    let last = driver("times100", &db, "backfill --detach").finish();
    assert!(last.starts_with("ended pending"), "{last}");
    let migrator = with_aggregates(&db).await;
    assert_eq!(states(&migrator).await, [Some(AggregateState::Building); 2]);
    db.run("DELETE FROM todos WHERE id % 3 = 0");
    let mut worker = driver("times100", &db, "work");
    worker.await_line("ready todos_by_project");
    worker.await_line("ready todos_by_owner");
    assert!(worker.finish().starts_with("worked"));
    assert_right(&db, &migrator).await;
}
