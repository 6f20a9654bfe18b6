//! P2: several workers, of one process and of many, share a run by ranges that they lease.

use crate::{accounts, assert_a_million_added_once, driver, wait_until};
use driftless::{Run, RunStatus};
use driftless_tests::{PostgresDatabase, TestStore, assert_says, assert_times_100_once, fixtures};

/// Whether this many ranges are leased.
fn leased(ranges: u32) -> String {
    format!(
        "SELECT CASE WHEN count(*) = {ranges} THEN 1 ELSE 0 END FROM migration_range WHERE NOT done AND lease_holder IS NOT NULL"
    )
}

#[tokio::test]
async fn p2_four_workers_of_one_process_visit_every_document_once() {
    let db = PostgresDatabase::new(&accounts(8_000));
    let run = Run::up().workers(4).batch_size(100);
    let report = db.completed(&fixtures::times100, run).await;
    assert_eq!((report.processed, report.changed), (8_000, 8_000));
    assert_times_100_once(&db, 8_000);
    assert_eq!(
        db.rows("SELECT status, applied, processed, changed FROM migration_state"),
        ["completed|1|8000|8000"]
    );
    let down = db
        .completed(&fixtures::times100, Run::down().workers(3))
        .await;
    assert_eq!(down.processed, 8_000);
    assert_eq!(
        db.number("SELECT count(*) FROM accounts WHERE amount <> id % 9973 + 1"),
        0
    );
}

#[test]
fn p2_workers_on_other_machines_join_and_one_of_three_that_is_killed_is_replaced() {
    let db = PostgresDatabase::new(&accounts(12_000));
    let options = "--batch-size 50 --lease-ms 1500 --pause-ms 5";
    let mut driving = driver("add_million", &db, options);
    driving.await_line("batch");
    let mut victim = driver("add_million", &db, &format!("work {options}"));
    let mut helper = driver("add_million", &db, &format!("work {options}"));
    victim.await_line("batch");
    helper.await_line("batch");
    wait_until(&db, &leased(3));
    victim.kill();
    let last = driving.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_says(&helper.finish(), &["worked driven=0 helped=1"]);
    assert_a_million_added_once(&db);
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["completed"]);
}

#[test]
fn p2_a_worker_of_another_host_is_replaced_when_its_lease_ends_and_not_before() {
    let db = PostgresDatabase::new(&accounts(12_000));
    let options = "--batch-size 50 --lease-ms 600000 --pause-ms 2";
    let mut driving = driver("add_million", &db, options);
    driving.await_line("batch");
    let mut helper = driver("add_million", &db, &format!("work {options}"));
    helper.await_line("batch");
    helper.kill();
    // Nothing can be known of a process elsewhere but its lease.
    db.run("UPDATE migration_range SET lease_holder = 'elsewhere/1/00' WHERE range_index = 1");
    wait_until(
        &db,
        "SELECT CASE WHEN bool_and(done OR range_index = 1) THEN 1 ELSE 0 END FROM migration_range",
    );
    assert_eq!(db.rows("SELECT status FROM migration_run"), ["running"]);
    db.run("UPDATE migration_range SET lease_expires_at = now() WHERE range_index = 1");
    wait_until(
        &db,
        "SELECT CASE WHEN status = 'completed' THEN 1 ELSE 0 END FROM migration_run",
    );
    driving.finish();
    assert_a_million_added_once(&db);
}

#[test]
fn p2_when_the_driver_is_killed_a_helper_drives_on() {
    let db = PostgresDatabase::new(&accounts(12_000));
    let options = "--batch-size 50 --lease-ms 1500 --pause-ms 5";
    let mut driving = driver("add_million", &db, options);
    driving.await_line("batch");
    let mut helper = driver("add_million", &db, &format!("work-on {options}"));
    helper.await_line("batch");
    driving.kill();
    wait_until(
        &db,
        "SELECT CASE WHEN status = 'completed' THEN 1 ELSE 0 END FROM migration_run",
    );
    helper.go_on();
    assert_says(&helper.finish(), &["worked driven="]);
    assert_a_million_added_once(&db);
}

#[test]
fn p2_when_all_workers_are_killed_the_next_run_goes_on_in_every_range() {
    let db = PostgresDatabase::new(&accounts(12_000));
    let mut first = driver(
        "add_million",
        &db,
        "--batch-size 50 --workers 3 --pause-ms 10",
    );
    first.await_line("batch");
    wait_until(&db, &leased(3));
    first.kill();
    let done = db.number("SELECT processed FROM migration_state");
    let last = driver("add_million", &db, "--workers 2").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert!(done < 12_000, "the kill came too late to prove anything");
    assert_a_million_added_once(&db);
}

#[test]
fn p2_a_worker_that_slept_past_its_lease_wakes_up_and_writes_nothing() {
    let db = PostgresDatabase::new(&accounts(12_000));
    let mut driving = driver(
        "add_million",
        &db,
        "--batch-size 100 --lease-ms 700 --pause-ms 5",
    );
    driving.await_line("batch");
    let mut sleeper = driver(
        "add_million",
        &db,
        "work --batch-size 100 --lease-ms 700 --wait-after 2",
    );
    sleeper.await_line("waiting");
    sleeper.sleep();
    let last = driving.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    sleeper.go_on();
    sleeper.wake();
    sleeper.finish();
    assert_a_million_added_once(&db);
}

#[test]
fn p2_a_run_half_done_by_several_workers_is_rolled_back_exactly_where_it_was_done() {
    let db = PostgresDatabase::new(&accounts(12_000));
    let mut first = driver("times100", &db, "--batch-size 50 --workers 3 --pause-ms 10");
    first.await_line("batch");
    wait_until(&db, &leased(3));
    first.kill();
    let last = driver("times100", &db, "down --workers 2").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_eq!(
        db.number("SELECT count(*) FROM accounts WHERE amount <> id % 9973 + 1"),
        0
    );
    let (up, down) = (
        db.number("SELECT count(*) FROM audit WHERE what = 'up'"),
        db.number("SELECT count(*) FROM audit WHERE what = 'down'"),
    );
    assert!(up > 0 && up == down, "{up} up, {down} down");
}

/// How many percent of the documents are in the first of two ranges, just after a second worker joined.
fn first_half(script: &str, table: &str, key: &str, bound: &str) -> i64 {
    let db = PostgresDatabase::new(&format!("{TABLES}{script}"));
    let mut run = driver("keys", &db, "--workers 2 --pause-ms 300");
    run.await_line("batch");
    wait_until(&db, &leased(2));
    let percent = db.number(&format!(
        "SELECT 100 * count(*) / (SELECT count(*) FROM {table}) FROM {table} WHERE {key} <= \
         (SELECT {bound} FROM migration_range WHERE range_index = 0)"
    ));
    run.kill();
    percent
}

const TABLES: &str = "CREATE TABLE by_integer (k BIGINT PRIMARY KEY, value INTEGER NOT NULL DEFAULT 1);
    CREATE TABLE by_text (k TEXT PRIMARY KEY, value INTEGER NOT NULL DEFAULT 1);
    CREATE TABLE by_bytes (k BYTEA PRIMARY KEY, value INTEGER NOT NULL DEFAULT 1);
    CREATE TABLE by_pair (a INTEGER NOT NULL, b TEXT NOT NULL, value INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (b, a));
    CREATE TABLE by_real (k DOUBLE PRECISION PRIMARY KEY, value INTEGER NOT NULL DEFAULT 1);";

#[test]
fn p2_ranges_are_split_by_documents_however_the_keys_are_spread() {
    // A thousand keys over a wide space and then a hot tail.
    let tail =
        "INSERT INTO by_integer (k) SELECT i * 1000000000::bigint FROM generate_series(1, 1000) i;
        INSERT INTO by_integer (k) SELECT 1000000000000 + i FROM generate_series(1, 39000) i;";
    let text = "INSERT INTO by_text (k) SELECT 'a' || i FROM generate_series(1, 2000) i;
        INSERT INTO by_text (k) SELECT 'zz' || md5(i::text) FROM generate_series(1, 38000) i;";
    let pair = "INSERT INTO by_pair (b, a) SELECT 'same', i FROM generate_series(1, 39000) i;
        INSERT INTO by_pair (b, a) SELECT 'x' || i, i FROM generate_series(1, 1000) i;";
    let halves = [
        first_half(tail, "by_integer", "k", "(until::json ->> 0)::bigint"),
        first_half(text, "by_text", "k", "until::json ->> 0"),
        first_half(
            pair,
            "by_pair",
            "(b, a)",
            "until::json ->> 0, (until::json ->> 1)::integer",
        ),
    ];
    for half in halves {
        assert!((35..=65).contains(&half), "{halves:?} percent");
    }
}

#[tokio::test]
async fn p2_a_lost_lease_of_one_range_is_no_failure_of_the_run() {
    let db = PostgresDatabase::new(&accounts(20_000));
    let mut run = driver("add_million", &db, "--batch-size 100 --wait-after 3");
    run.await_line("waiting");
    // As if somebody had taken the range over and died.
    db.run("UPDATE migration_range SET lease_epoch = lease_epoch + 1, lease_holder = NULL");
    run.go_on();
    run.await_line("warning");
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_a_million_added_once(&db);
    let report = db.migrate(&fixtures::add_million, Run::up()).await;
    assert_eq!(report.status, RunStatus::Noop);
}
