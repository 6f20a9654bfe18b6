//! Databases that a released version wrote, vendored as they were: every later version reads them, verifies what they say with
//! the algorithm that said it, and goes on where they stopped.
//!
//! A new release adds its own with `cargo test -p driftless-tests --test vendored -- --ignored`, under another name.

use driftless::{CancelToken, Event, Migrator, Run, RunStatus};
use driftless_tests::{Database, PostgresDatabase, TestStore, accounts, assert_says, fixtures};
use std::path::{Path, PathBuf};

/// How many accounts there are.
const ACCOUNTS: u32 = 200;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

#[tokio::test]
async fn a_sqlite_database_of_0_1_0_is_verified_and_gone_on_with() {
    goes_on(&Database::copy_of(&fixture("written_by_0.1.0.sqlite"))).await;
}

#[tokio::test]
async fn a_postgres_database_of_0_1_0_is_verified_and_gone_on_with() {
    let dump = std::fs::read_to_string(fixture("written_by_0.1.0.postgres.sql")).expect("vendored");
    let db = PostgresDatabase::new(&dump);
    goes_on(&db).await;
}

async fn goes_on(db: &impl TestStore) {
    let migrator = db.migrator(&fixtures::vendored).await;
    let status = migrator.status().await.expect("it can be read");
    assert_eq!(status.drift, [], "verified by v1");
    let standing = status
        .migrations
        .iter()
        .map(|row| (row.applied, row.processed, &row.checksum[..3]));
    assert_eq!(
        standing.collect::<Vec<_>>(),
        [(true, 200, "v1:"), (false, 100, "v1:")]
    );
    for row in &status.migrations {
        let compiled = fixtures::vendored
            .get(&row.migration_id)
            .expect("compiled in");
        assert_eq!(row.source(), compiled.source, "kept, plain or compressed");
    }
    let edited = db.migrate(&fixtures::times100_edited, Run::up()).await;
    assert_eq!(edited.status, RunStatus::DriftBlocked, "{edited:?}");
    assert_says(
        &edited.drift[0].message,
        &["20260101_000000_times_100 changed", "(up)"],
    );
    db.up(&fixtures::vendored).await;
    let right = "SELECT count(*) FROM accounts WHERE amount = (id % 9973 + 1) * 100 + 1000000 AND visits = 1";
    assert_eq!(db.number(right), i64::from(ACCOUNTS));
    assert_eq!(db.number("SELECT count(*) FROM audit"), i64::from(ACCOUNTS));
}

/// Applies the first migration, half of the second, and nothing of the third.
async fn begin(migrator: Migrator) {
    let token = CancelToken::default();
    let stopper = token.clone();
    let migrator = migrator.observer(move |event| match event {
        Event::BatchCommitted {
            migration_id,
            processed,
            ..
        } if migration_id.ends_with("million") && *processed >= 100 => {
            stopper.cancel();
        }
        _ => {}
    });
    let run = Run::up().full_speed().batch_size(50).cancel_on(&token);
    let report = migrator.run(run).await.expect("not refused");
    assert_eq!(report.status, RunStatus::Canceled, "{report:?}");
}

#[tokio::test]
#[ignore = "writes the databases of this release"]
async fn write() {
    let version = env!("CARGO_PKG_VERSION");
    let sqlite = Database::with_journal("DELETE", &accounts::<Database>(ACCOUNTS));
    begin(sqlite.migrator(&fixtures::vendored).await).await;
    std::fs::copy(
        sqlite.path(),
        fixture(&format!("written_by_{version}.sqlite")),
    )
    .expect("written");
    let postgres = PostgresDatabase::new(&accounts::<PostgresDatabase>(ACCOUNTS));
    begin(postgres.migrator(&fixtures::vendored).await).await;
    let dumped = driftless_tests::unprivileged("pg_dump")
        .args([
            "--inserts",
            "--no-owner",
            "--no-privileges",
            "--dbname",
            &postgres.url(),
        ])
        .output()
        .expect("pg_dump");
    let said = String::from_utf8_lossy(&dumped.stderr);
    assert!(dumped.status.success(), "{said}");
    let text = String::from_utf8(dumped.stdout).expect("UTF-8");
    // What is psql's and not SQL, and what would outlive the script on a connection.
    let sql = text
        .lines()
        .filter(|line| !line.starts_with('\\') && !line.contains("set_config"));
    let sql = sql.collect::<Vec<_>>().join("\n") + "\n";
    std::fs::write(fixture(&format!("written_by_{version}.postgres.sql")), sql).expect("written");
}
