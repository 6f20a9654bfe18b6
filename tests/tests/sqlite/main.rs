//! The promises of DESIGN §3 and the faults of issue 2, on SQLite, with real files, real processes and real locks.

mod documents;
mod fault_files;
mod p06_a_failed_batch;
mod p09_keys;
mod p10_nothing_ignored;
mod quarantine;

use driftless::{CancelToken, Event, Manifest, MigrationReport, Run, RunStatus};
use driftless_tests::{Child, Database, TestStore};

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
    format!(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, visits INTEGER NOT NULL DEFAULT 0, note TEXT);
         CREATE TABLE audit (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, what TEXT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO accounts (id, amount, note) SELECT i, i % 9973 + 1, 'n' || i FROM n;"
    )
}

/// What an undisturbed `times100` leaves of rows `1..=rows`: every amount once, every audit row once.
fn assert_times_100_once(db: &Database, rows: u32) {
    let wrong = db.rows(&format!(
        "SELECT id, amount FROM accounts WHERE id <= {rows} AND amount <> (id % 9973 + 1) * 100 LIMIT 5"
    ));
    assert!(wrong.is_empty(), "not exactly times 100: {wrong:?}");
    let audit = db.rows(&format!(
        "SELECT count(*), count(DISTINCT account) FROM audit WHERE account <= {rows}"
    ));
    assert_eq!(
        audit,
        [format!("{rows}|{rows}")],
        "one audit row per document"
    );
}

/// Runs until this many documents are done, then stops between two batches.
async fn stop_after(
    db: &Database,
    manifest: &'static Manifest,
    run: Run,
    documents: u64,
) -> MigrationReport {
    let token = CancelToken::default();
    let stopper = token.clone();
    let migrator = db
        .migrator(manifest)
        .await
        .observer(move |event| match event {
            Event::BatchCommitted { processed, .. } if *processed >= documents => stopper.cancel(),
            _ => {}
        });
    let run = run.full_speed().batch_size(100).cancel_on(&token);
    let report = migrator.run(run).await.expect("not refused");
    assert_eq!(report.status, RunStatus::Canceled, "{report:?}");
    report.migrations[0].clone()
}

/// Asserts that a message says each of these.
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}
