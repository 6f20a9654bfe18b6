//! The promises of DESIGN §3 and the faults of issue 2, on SQLite, with real files, real processes and real locks.

mod aggregates;
mod documents;
mod fault_files;
mod p06_a_failed_batch;
mod p09_keys;
mod p10_nothing_ignored;
mod quarantine;

use driftless_tests::{Child, Database};

/// Starts a second process: `driver(["times100", &db.url()], "--batch-size 100")`.
fn driver(fixture: &str, db: &Database, options: &str) -> Child {
    let url = db.url();
    let arguments = [fixture, &url]
        .into_iter()
        .chain(options.split_whitespace());
    Child::start(env!("CARGO_BIN_EXE_driver"), arguments)
}

/// `accounts` with this many rows, and what the fixtures on it need.
fn accounts(rows: u32) -> String {
    driftless_tests::accounts::<Database>(rows)
}
