//! Postgres as it is: a real server that is killed, a proxy that cuts connections, PgBouncer, an app that is in the way.
//!
//! Where a test is tells what it needs, and `cargo xtask test` leaves out by these names what a machine cannot run: all of
//! `on_postgres` need a server, `own_server` its programs, `with_pgbouncer` that of PgBouncer.
#![cfg(unix)]

#[path = "."]
mod on_postgres {
    mod aggregates;
    mod apps;
    mod bypass;
    mod deploy;
    mod keys;
    mod own_server;
    mod rights;
    mod tables;
    mod types;
    mod with_pgbouncer;
    mod workers;
}

use driftless_tests::{Child, PostgresDatabase, TestStore};

/// Starts a second process on this URL: `driver_at("times100", &url, "--batch-size 100")`.
fn driver_at(fixture: &str, url: &str, options: &str) -> Child {
    let arguments = [fixture, url].into_iter().chain(options.split_whitespace());
    Child::start(env!("CARGO_BIN_EXE_driver"), arguments)
}

/// Starts a second process on a test's database.
fn driver(fixture: &str, db: &PostgresDatabase, options: &str) -> Child {
    driver_at(fixture, &db.url(), options)
}

/// `accounts` with this many rows, and what the fixtures on it need.
fn accounts(rows: u32) -> String {
    driftless_tests::accounts::<PostgresDatabase>(rows)
}

/// What an undisturbed `add_million` leaves.
fn assert_a_million_added_once(db: &PostgresDatabase) {
    let wrong =
        db.rows("SELECT id, amount FROM accounts WHERE amount <> id % 9973 + 1 + 1000000 LIMIT 5");
    assert!(wrong.is_empty(), "not exactly a million more: {wrong:?}");
}

/// Waits until this query says 1.
fn wait_until(db: &PostgresDatabase, sql: &str) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while db.number(sql) != 1 {
        assert!(std::time::Instant::now() < patience, "never came: {sql}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Whether some session of this database waits for a lock.
const SOMEBODY_WAITS: &str = "SELECT least(count(*), 1) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
