//! Tables that most tests are about, and what is asserted of them afterwards.

use crate::TestStore;
use driftless::{CancelToken, Event, Manifest, MigrationReport, Run, RunStatus};
use serde_json::Value;

/// `accounts` with this many rows, and what the fixtures on it need.
pub fn accounts<S: TestStore>(rows: u32) -> String {
    format!(
        "CREATE TABLE accounts (id {key}, amount BIGINT NOT NULL, visits INTEGER NOT NULL DEFAULT 0, note TEXT);
         CREATE TABLE audit (id {key}, account BIGINT NOT NULL, what TEXT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO accounts (amount, note) SELECT i % 9973 + 1, 'n' || i FROM n;",
        key = S::KEY
    )
}

/// What an undisturbed `times100` leaves of rows `1..=rows`: every amount once, every audit row once.
///
/// # Panics
/// Something is missing or was done twice.
pub fn assert_times_100_once(db: &impl TestStore, rows: u32) {
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

/// `docs` for the puppet: document `n` does what `does` says, all others `times10`.
pub fn docs<S: TestStore>(count: u32, special: &[(u32, Value)]) -> String {
    let mut script = format!(
        "CREATE TABLE docs (id {}, value BIGINT NOT NULL DEFAULT 0 CHECK (value <> 13), seen TEXT NOT NULL DEFAULT '',
            does TEXT NOT NULL DEFAULT '[\"times10\"]', code TEXT UNIQUE, parent BIGINT REFERENCES docs (id) ON DELETE CASCADE,
            doubled BIGINT GENERATED ALWAYS AS (value * 2) STORED);
         CREATE TABLE notes (doc BIGINT, seen TEXT);",
        S::KEY
    );
    for id in 1..=count {
        script += &format!("INSERT INTO docs (id, value) VALUES ({id}, {id});\n");
    }
    for (id, does) in special {
        let does = does.to_string().replace('\'', "''");
        script += &format!("UPDATE docs SET does = '{does}' WHERE id = {id};\n");
    }
    script
}

/// Takes from the internal tables what versions 3 and 4 brought: no database of an older version is at hand.
pub const BACK_TO_VERSION_2: &str = "
    ALTER TABLE migration_state DROP COLUMN source_deflate;
    ALTER TABLE migration_state DROP COLUMN checksum_details;
    ALTER TABLE migration_run DROP COLUMN user_name;
    ALTER TABLE migration_run DROP COLUMN host;
    ALTER TABLE migration_run DROP COLUMN program;
    ALTER TABLE migration_run DROP COLUMN git_commit;
    DROP TABLE migration_audit;
    DROP TABLE migration_aggregate;
    UPDATE migration_schema SET version = 2;";

/// Runs until this many documents are done, then stops between two batches.
///
/// # Panics
/// The run ends in another way.
pub async fn stop_after(
    db: &impl TestStore,
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
///
/// # Panics
/// It does not.
pub fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

/// Asserts that a message names a kind of constraint, in the database's own spelling of it.
///
/// # Panics
/// It does not.
pub fn assert_says_constraint(message: &str, kind: &str) {
    let plain = message.to_lowercase().replace('-', " ");
    assert!(plain.contains(kind), "{kind:?} is missing in: {message}");
}

/// Runs a future on a thread with a runtime of its own, while this thread does something else.
///
/// # Panics
/// There is no thread or no runtime.
pub fn run_beside<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
            .block_on(future)
    })
}
