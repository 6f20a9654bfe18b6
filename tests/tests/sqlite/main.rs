//! The promises of DESIGN §3 and the faults of issue 2, on SQLite, with real files, real processes and real locks.

mod p01_exactly_once;
mod p03_no_lost_update;

use std::ffi::OsString;

/// The driver's path: a second process.
const DRIVER: &str = env!("CARGO_BIN_EXE_driver");

/// `accounts` with this many rows, and what the fixtures on it need.
fn accounts(rows: u32) -> String {
    format!(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, visits INTEGER NOT NULL DEFAULT 0, note TEXT);
         CREATE TABLE audit (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, what TEXT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO accounts (id, amount, note) SELECT i, i % 9973 + 1, 'n' || i FROM n;"
    )
}

/// Arguments for the driver, of any kind of string.
fn arguments(parts: &[&str]) -> Vec<OsString> {
    parts.iter().map(OsString::from).collect()
}
