//! P7: with `remaining`, a run visits again what still matches until nothing does, or fails and says how many are left.

use crate::exercise::driver;
use driftless::{Run, RunStatus};
use driftless_tests::{Seed, TestApp, TestStore, assert_says, fixtures};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::exercise!(
    p7_rows_that_old_code_inserts_behind_the_cursor_are_caught,
    p7_a_kill_between_two_passes_makes_no_document_visited_twice,
    p7_an_app_that_never_stops_inserting_old_rows_does_not_keep_a_run_from_completing,
    p7_a_step_that_leaves_some_out_fails_and_says_how_many_are_left,
    p7_cursor_and_passes_survive_any_number_of_kills,
    p7_an_app_that_inserts_more_than_a_pass_visited_is_no_fault_of_the_step,
);

fn todos(key: &str, rows: u32) -> String {
    let id = if key == "TEXT" {
        "CAST(i AS TEXT)"
    } else {
        "i"
    };
    format!(
        "CREATE TABLE todos (id {key} PRIMARY KEY, priority TEXT);
         CREATE TABLE visits (count INTEGER NOT NULL);
         INSERT INTO visits VALUES (0);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO todos (id) SELECT {id} FROM n;"
    )
}

async fn p7_rows_that_old_code_inserts_behind_the_cursor_are_caught<S: TestStore>() {
    let db = S::new(&todos("BIGINT", 950));
    let mut run = driver("remaining", &db, "--batch-size 100 --wait-after 5");
    run.await_line("waiting");
    // Behind the cursor, and beyond the last key that was there when the step began.
    db.run("INSERT INTO todos (id) VALUES (-3), (-2), (5000), (5001)");
    run.go_on();
    assert!(run.finish().starts_with("ended completed"));
    assert_eq!(
        db.number("SELECT count(*) FROM todos WHERE priority IS NULL"),
        0
    );
    assert_eq!(
        db.number("SELECT count FROM visits"),
        954,
        "each was visited once"
    );
}

async fn p7_a_kill_between_two_passes_makes_no_document_visited_twice<S: TestStore>() {
    let db = S::new(&todos("BIGINT", 950));
    let mut run = driver(
        "remaining",
        &db,
        "--batch-size 100 --wait-after 5 --wait-after 10",
    );
    run.await_line("waiting");
    db.run("INSERT INTO todos (id) VALUES (-3), (5000)");
    run.go_on();
    // The tenth batch has ended the first pass, and the second has not begun.
    run.await_line("waiting");
    assert_eq!(db.number("SELECT count FROM visits"), 950);
    assert_eq!(
        db.rows("SELECT applied, cursor FROM migration_state"),
        ["0|NULL"]
    );
    run.kill();
    assert!(
        driver("remaining", &db, "")
            .finish()
            .starts_with("ended completed")
    );
    assert_eq!(db.number("SELECT count FROM visits"), 952);
}

async fn p7_an_app_that_never_stops_inserting_old_rows_does_not_keep_a_run_from_completing<
    S: TestStore,
>() {
    for (key, literal) in [("BIGINT", ""), ("TEXT", "'")] {
        let mut chance = Seed::new().world(1);
        let db = S::new(&todos(key, 2_000));
        let (stop, mut app) = (AtomicBool::new(false), db.another_app());
        let inserted = std::thread::scope(|scope| {
            let stop = &stop;
            let app = scope.spawn(move || {
                let mut inserted = 0;
                while !stop.load(Ordering::Relaxed) {
                    inserted += 1;
                    let id = chance.u32(10_000..);
                    app.run(&format!("INSERT INTO todos (id) VALUES ({literal}{id}{literal}) ON CONFLICT DO NOTHING"));
                    // A busy app, not a race.
                    std::thread::sleep(Duration::from_millis(1));
                }
                inserted
            });
            let last = driver("remaining", &db, "--batch-size 100").finish();
            let state = db.rows("SELECT applied, completed_at IS NULL FROM migration_state");
            stop.store(true, Ordering::Relaxed);
            assert!(last.starts_with("ended completed"), "{key}: {last}");
            assert_eq!(state, ["1|0"]);
            app.join().expect("the app")
        });
        assert!(inserted > 0, "the app never had a turn");
    }
}

async fn p7_a_step_that_leaves_some_out_fails_and_says_how_many_are_left<S: TestStore>() {
    let db = S::new(&todos("BIGINT", 950));
    let error = db.failure(&fixtures::remaining_stuck, Run::up()).await;
    assert_says(
        &error,
        &[
            "95 documents of todos still match `priority IS NULL`",
            "not complete",
        ],
    );
    assert_eq!(
        db.rows("SELECT applied, status FROM migration_state"),
        ["0|failed"]
    );
    assert_eq!(
        db.number("SELECT count(*) FROM todos WHERE priority IS NULL"),
        95
    );
    // Mended by hand, the next run completes.
    db.run("UPDATE todos SET priority = 'by hand' WHERE priority IS NULL");
    let report = db.migrate(&fixtures::remaining_stuck, Run::up()).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
}

async fn p7_cursor_and_passes_survive_any_number_of_kills<S: TestStore>() {
    let db = S::new(&todos("TEXT", 3_000));
    for round in 0..6 {
        let mut run = driver("remaining", &db, "--batch-size 50 --full-speed");
        for _ in 0..7 {
            run.try_await("batch");
        }
        std::thread::sleep(Duration::from_micros(500 * round));
        run.kill();
        db.run(&format!(
            "INSERT INTO todos (id) VALUES ('0{round}'), ('x{round}')"
        ));
    }
    assert!(
        driver("remaining", &db, "")
            .finish()
            .starts_with("ended completed")
    );
    assert_eq!(
        db.number("SELECT count(*) FROM todos WHERE priority IS NULL"),
        0
    );
    assert_eq!(
        db.number("SELECT count FROM visits"),
        3_012,
        "each was visited once"
    );
}

async fn p7_an_app_that_inserts_more_than_a_pass_visited_is_no_fault_of_the_step<S: TestStore>() {
    let db = S::new(&todos("BIGINT", 950));
    let mut run = driver(
        "remaining",
        &db,
        "--batch-size 100 --wait-after 5 --wait-after 11",
    );
    let insert = |from: i32, to: i32| {
        db.run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) INSERT INTO todos (id) SELECT i FROM n"
        ));
    };
    run.await_line("waiting");
    insert(-150, -1);
    run.go_on();
    // One batch into the second pass: behind its cursor come more rows than it began with.
    run.await_line("waiting");
    insert(-1000, -801);
    run.go_on();
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_eq!(db.number("SELECT count FROM visits"), 950 + 150 + 200);
}
