//! The app is in the way: it holds a row, waits for one of ours while we wait for one of its, or drops the table.

use crate::{SOMEBODY_WAITS, accounts, assert_a_million_added_once, driver, wait_until};
use driftless_tests::{PostgresDatabase, TestStore, assert_says, assert_times_100_once, docs};

#[test]
fn a_row_that_the_app_holds_is_waited_for_and_what_the_app_wrote_to_it_stays() {
    for fixture in ["add_million", "add_million_locked"] {
        let db = PostgresDatabase::new(&accounts(500));
        let app = db.connect();
        app.run("BEGIN; UPDATE accounts SET amount = amount + 7, visits = 1 WHERE id = 250");
        let run = driver(fixture, &db, "--batch-size 100");
        wait_until(&db, SOMEBODY_WAITS);
        // Rows of the batches before are done, and nobody waits for them.
        db.run("UPDATE accounts SET visits = 2 WHERE id = 100");
        app.run("COMMIT");
        let last = run.finish();
        assert!(last.starts_with("ended completed"), "{last}");
        db.run("UPDATE accounts SET amount = amount - 7 WHERE visits = 1");
        assert_a_million_added_once(&db);
        assert_eq!(
            db.rows("SELECT id FROM accounts WHERE visits > 0 ORDER BY id"),
            ["100", "250"]
        );
    }
}

/// While a step thinks about a document, no row is locked: not those of its own page, and not those of the batch before,
/// which is committed meanwhile.
#[test]
fn nobody_waits_for_a_step_that_thinks() {
    let folder = tempfile::tempdir().expect("a folder");
    let enough = folder.path().join("enough");
    let thinks = serde_json::json!([{"think_until": enough}, "times10"]);
    let db = PostgresDatabase::new(&docs::<PostgresDatabase>(12, &[(12, thinks)]));
    let run = driver("puppet", &db, "--batch-size 5 --full-speed");
    wait_until(
        &db,
        "SELECT count(*) FROM docs WHERE id = 10 AND value = 100",
    );
    let app = db.connect();
    app.run("SET lock_timeout = '100ms'; UPDATE docs SET seen = 'app' WHERE id BETWEEN 6 AND 12");
    std::fs::write(&enough, "").expect("written");
    assert_eq!(run.finish(), "ended completed:");
    assert_eq!(
        db.rows("SELECT count(*) FROM docs WHERE value = id * 10"),
        ["12"]
    );
    assert_eq!(
        db.rows("SELECT count(*), min(id), max(id) FROM docs WHERE seen = 'app'"),
        ["7|6|12"]
    );
}

#[test]
fn a_row_that_the_app_never_lets_go_of_fails_the_run_which_goes_on_later() {
    for fixture in ["add_million", "add_million_locked"] {
        let db = PostgresDatabase::new(&accounts(500));
        let app = db.connect();
        app.run("BEGIN; UPDATE accounts SET visits = 1 WHERE id = 250");
        let last = driver(fixture, &db, "--batch-size 100 --lock-timeout-ms 300").finish();
        assert_says(
            &last,
            &[
                "ended failed",
                "accounts",
                "locked",
                "the 200 documents before it are done",
            ],
        );
        assert_eq!(
            db.rows("SELECT status, cursor FROM migration_state"),
            ["failed|[200]"]
        );
        app.run("COMMIT");
        let last = driver(fixture, &db, "").finish();
        assert!(last.starts_with("ended completed"), "{last}");
        assert_a_million_added_once(&db);
    }
}

/// The app holds 150 and wants 101, which we hold while we wait for 150.
#[test]
fn of_a_deadlock_with_the_app_the_batch_is_tried_again() {
    let db = PostgresDatabase::new(&accounts(500));
    let app = db.connect();
    // We are the one that notices, and so the one that has to give way.
    app.run("SET deadlock_timeout = '1h'");
    db.run(&format!(
        "ALTER DATABASE {} SET deadlock_timeout = '1s'",
        db.name()
    ));
    app.run("BEGIN; UPDATE accounts SET visits = 1 WHERE id = 150");
    let mut run = driver("add_million", &db, "--batch-size 100");
    wait_until(&db, SOMEBODY_WAITS);
    app.run("UPDATE accounts SET visits = 1 WHERE id = 101; COMMIT");
    let retrying = run.await_line("retrying");
    assert_says(&retrying, &["deadlock"]);
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_a_million_added_once(&db);
    assert_eq!(db.number("SELECT sum(visits) FROM accounts"), 2);
    assert_eq!(
        db.number("SELECT count(*) FROM migration_run"),
        1,
        "one run did it all"
    );
}

#[test]
fn a_statement_timeout_while_a_row_is_locked_is_tried_again() {
    let db = PostgresDatabase::new(&accounts(500));
    db.run(&format!(
        "ALTER DATABASE {} SET statement_timeout = '100ms'",
        db.name()
    ));
    let app = db.connect();
    app.run("SET statement_timeout = 0; BEGIN; UPDATE accounts SET visits = 1 WHERE id = 150");
    let mut run = driver("add_million", &db, "--batch-size 100");
    run.await_line("retrying");
    app.run("COMMIT");
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_a_million_added_once(&db);
}

#[test]
fn a_batch_that_takes_longer_than_the_statement_timeout_is_made_smaller_until_it_fits() {
    let db = PostgresDatabase::new(&accounts(300));
    db.run(
        "CREATE FUNCTION slow(bigint) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(0.004) IS NOT NULL';
         ALTER TABLE accounts ADD CHECK (slow(amount)) NOT VALID",
    );
    // 128 documents take half a second.
    db.run(&format!(
        "ALTER DATABASE {} SET statement_timeout = '200ms'",
        db.name()
    ));
    let mut run = driver("add_million", &db, "--full-speed");
    run.await_line("retrying");
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_a_million_added_once(&db);
}

#[test]
fn a_table_dropped_in_the_middle_of_a_run_fails_it_and_what_was_done_is_on_record() {
    for (drop, says) in [
        ("DROP TABLE accounts", "accounts"),
        ("ALTER TABLE accounts DROP COLUMN amount", "amount"),
        ("ALTER TABLE accounts RENAME TO konten", "accounts"),
    ] {
        let db = PostgresDatabase::new(&accounts(1_000));
        let mut run = driver(
            "times100",
            &db,
            "--batch-size 100 --lock-timeout-ms 2000 --wait-after 3",
        );
        run.await_line("waiting");
        db.run(drop);
        run.go_on();
        let last = run.finish();
        assert_says(&last, &["ended failed", "20260101_000000_times_100", says]);
        assert_eq!(
            db.rows("SELECT status, applied, processed, cursor FROM migration_state"),
            ["failed|0|300|[300]"],
            "{drop}"
        );
        assert_eq!(db.number("SELECT count(*) FROM audit"), 300, "{drop}");
    }
}

#[test]
fn a_session_that_is_terminated_is_replaced_and_the_batch_done_once() {
    let db = PostgresDatabase::new(&accounts(2_000));
    let mut run = driver(
        "times100",
        &db,
        "--batch-size 100 --wait-after 3 --wait-after 7 --wait-after 8",
    );
    for _ in 0..3 {
        run.await_line("waiting");
        let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(db.number(others) >= 1);
        run.go_on();
    }
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 2_000);
}

#[test]
fn of_two_deploys_with_different_plans_at_the_same_second_one_is_told_of_the_other() {
    let db = PostgresDatabase::new(&accounts(1_000));
    let mut one = driver("times100", &db, "--batch-size 100 --wait-after 1");
    let mut two = driver("add_million", &db, "--batch-size 100 --wait-after 1");
    // Whoever has committed a batch holds the run; the other one has ended.
    let first = one.try_await("waiting").is_some();
    let second = two.try_await("waiting").is_some();
    assert!(first != second, "exactly one has the run: {first} {second}");
    let (mut winner, loser) = if first { (one, two) } else { (two, one) };
    assert_says(&loser.finish(), &["refused RunActive", "another plan"]);
    winner.go_on();
    let last = winner.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["completed"]);
}
