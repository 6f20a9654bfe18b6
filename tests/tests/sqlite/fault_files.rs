//! Faults of the database itself: each shows its message, and that nothing was lost.

use crate::{accounts, driver};
use driftless::{Migrator, Run, RunStatus};
use driftless_tests::{
    Child, Database, TestStore, assert_says, assert_times_100_once, fixtures, stop_after,
};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

async fn connect_error(url: &str) -> String {
    let result = Migrator::connect(url, &fixtures::times100).await;
    result.map(drop).expect_err("no connection").chain()
}

#[tokio::test]
async fn a_missing_table_is_named_with_the_one_that_may_be_meant() {
    let db = Database::new("CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER)");
    let error = db.failure(&fixtures::times100, Run::up()).await;
    assert_says(
        &error,
        &[
            "no table accounts",
            "did you mean account?",
            "20260101_000000_times_100",
        ],
    );
    assert_eq!(
        db.rows("SELECT status, applied, cursor FROM migration_state"),
        ["failed|0|NULL"]
    );
    db.run(&accounts(10));
    db.up(&fixtures::times100).await;
    assert_times_100_once(&db, 10);
}

#[tokio::test]
async fn a_missing_column_is_named_with_those_there_are() {
    let db = Database::new("CREATE TABLE accounts (id INTEGER PRIMARY KEY, amounts INTEGER)");
    let error = db.failure(&fixtures::times100, Run::up()).await;
    assert_says(
        &error,
        &[
            "`Account` reads column amount",
            "accounts does not have",
            "it has id, amounts",
        ],
    );
}

#[tokio::test]
async fn a_missing_file_is_not_created_unless_asked_for() {
    let db = Database::new("");
    let path = db.folder().join("missing.db");
    let url = format!("sqlite://{}", path.display());
    assert_says(
        &connect_error(&url).await,
        &["missing.db does not exist", "?mode=rwc"],
    );
    assert!(!path.exists());
    Migrator::connect(&format!("{url}?mode=rwc"), &fixtures::times100)
        .await
        .map(drop)
        .expect("created");
    assert!(path.exists());
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_left_as_it_is() {
    let db = Database::new("");
    let path = db.folder().join("notes.txt");
    std::fs::write(&path, "dear diary, ".repeat(1000)).expect("a file");
    let error = connect_error(&format!("sqlite://{}", path.display())).await;
    assert_says(&error, &["notes.txt", "not a SQLite database"]);
    assert_eq!(
        std::fs::read_to_string(&path).expect("the file"),
        "dear diary, ".repeat(1000)
    );
}

/// `chattr +i`, which binds root as well; taken back at the end.
struct Immutable<'p>(&'p Path);

impl<'p> Immutable<'p> {
    fn new(path: &'p Path) -> Option<Self> {
        let done = Command::new("chattr").arg("+i").arg(path).output();
        done.is_ok_and(|output| output.status.success())
            .then_some(Immutable(path))
    }
}

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(self.0).output();
    }
}

#[tokio::test]
async fn a_read_only_file_or_folder_is_said_to_be_one_where_chattr_works() {
    for folder in [false, true] {
        let db = Database::with_journal("DELETE", &accounts(100));
        let before = db.rows("SELECT * FROM accounts");
        let target = if folder {
            db.folder().to_owned()
        } else {
            db.path()
        };
        let Some(immutable) = Immutable::new(&target) else {
            println!("NOT RUN: chattr +i does not work here, and permissions do not bind root");
            return;
        };
        let migrator = db.migrator(&fixtures::times100).await;
        let status = migrator.status().await.expect("reading needs no writing");
        assert_eq!(status.pending.len(), 1);
        let error = migrator
            .run(Run::up())
            .await
            .expect_err("nothing can be recorded")
            .chain();
        match folder {
            false => assert_says(
                &error,
                &["the database is read-only", "the file and its folder"],
            ),
            true => assert_says(&error, &["cannot open"]),
        }
        drop(immutable);
        assert_eq!(db.rows("SELECT * FROM accounts"), before);
        db.up(&fixtures::times100).await;
        assert_times_100_once(&db, 100);
    }
}

#[tokio::test]
async fn a_database_locked_by_the_app_is_waited_for_and_then_given_up_with_a_way_out() {
    let db = Database::new(&accounts(100));
    db.run("BEGIN IMMEDIATE");
    let url = format!("{}?busy_timeout_ms=20", db.url());
    let migrator = Migrator::connect(&url, &fixtures::times100)
        .await
        .expect("reading is fine");
    let run = Run::up().lock_timeout(Duration::from_millis(100));
    let error = migrator.run(run).await.expect_err("locked");
    assert!(error.is_busy(), "{error:?}");
    assert_says(
        &error.chain(),
        &[
            "stayed locked or out of reach for 0.1 seconds",
            "--lock-timeout-ms",
            "locked by another process",
        ],
    );
    db.run("ROLLBACK");
    db.up(&fixtures::times100).await;
    assert_times_100_once(&db, 100);
}

#[test]
fn a_lock_in_the_middle_of_a_run_fails_it_and_the_next_goes_on_at_once() {
    let db = Database::new(&accounts(1_000));
    let url = format!("{}?busy_timeout_ms=20", db.url());
    let options = [
        "--batch-size",
        "100",
        "--lock-timeout-ms",
        "100",
        "--lease-ms",
        "600000",
    ];
    let mut child = Child::start(
        env!("CARGO_BIN_EXE_driver"),
        ["times100", url.as_str(), "--wait-after", "3"]
            .into_iter()
            .chain(options),
    );
    child.await_line("waiting");
    db.run("BEGIN IMMEDIATE");
    child.go_on();
    child.await_line("retrying");
    let last = child.finish();
    assert_says(
        &last,
        &[
            "ended failed",
            "stayed locked",
            "the 300 documents before it are done",
        ],
    );
    db.run("ROLLBACK");
    // The end of the run could not be recorded; its lease of ten minutes is not waited for all the same.
    let last = driver("times100", &db, "--lease-ms 600000").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 1_000);
}

#[tokio::test]
async fn a_full_disk_fails_the_run_and_it_goes_on_once_there_is_room() {
    let db = Database::new(&accounts(5_000));
    let pages: i64 = db.value("PRAGMA page_count");
    let url = format!("{}?max_page_count={}", db.url(), pages + 25);
    let migrator = Migrator::connect(&url, &fixtures::times100)
        .await
        .expect("connected");
    let report = migrator
        .run(Run::up().batch_size(100).full_speed())
        .await
        .expect("not refused");
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert_says(
        &report.error.expect("why"),
        &["no room left", "run `up` again"],
    );
    let done: i64 = db.value("SELECT count(*) FROM audit");
    assert!(done > 0 && done < 5_000, "{done}");
    assert_eq!(
        db.value::<i64>("SELECT count(*) FROM accounts WHERE amount = (id % 9973 + 1) * 100"),
        done,
        "what is done is whole"
    );
    db.up(&fixtures::times100).await;
    assert_times_100_once(&db, 5_000);
}

#[tokio::test]
async fn a_corrupt_page_fails_the_run_and_says_to_restore() {
    let db = Database::with_journal("DELETE", &accounts(5_000));
    let (size, root): (i64, i64) = (
        db.value("PRAGMA page_size"),
        db.value("SELECT rootpage FROM sqlite_schema WHERE name = 'accounts'"),
    );
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(db.path())
        .expect("the file");
    // The table's root stays; a few of its leaves are overwritten.
    let pages = file.metadata().expect("its size").len() / size as u64;
    for page in (root as u64 + 12)..(root as u64 + 18).min(pages) {
        file.seek(SeekFrom::Start(page * size as u64))
            .expect("a page");
        file.write_all(&[0xa5; 4096]).expect("overwritten");
    }
    drop(file);
    let error = db
        .failure(&fixtures::times100, Run::up().batch_size(100))
        .await;
    assert_says(&error, &["corrupt", "restore it from a backup"]);
    assert_eq!(
        db.rows("SELECT status, applied FROM migration_state"),
        ["failed|0"]
    );
}

#[tokio::test]
async fn a_table_of_the_users_with_a_reserved_name_is_an_error_that_says_how_to_rename_it() {
    let db = Database::new(&accounts(10));
    db.run("CREATE TABLE migration_state (name TEXT, state TEXT); INSERT INTO migration_state VALUES ('bird', 'south')");
    let error = db.refusal(&fixtures::times100, Run::up()).await;
    assert_says(
        &error,
        &[
            "migration_state",
            "not driftless's own",
            "ALTER TABLE migration_state RENAME TO app_migration_state",
        ],
    );
    assert_eq!(db.rows("SELECT * FROM migration_state"), ["bird|south"]);
    assert_eq!(
        db.value::<i64>("SELECT count(*) FROM accounts WHERE amount > id % 9973 + 1"),
        0
    );
}

#[tokio::test]
async fn internal_tables_of_a_newer_version_are_left_alone() {
    let db = Database::new(&accounts(10));
    db.up(&fixtures::times100).await;
    db.run("UPDATE migration_schema SET version = 99");
    let error = db.refusal(&fixtures::times100, Run::down()).await;
    assert_says(
        &error,
        &[
            "version 99",
            "this build knows version 4",
            "update this program",
        ],
    );
    assert_times_100_once(&db, 10);
}

#[tokio::test]
async fn internal_tables_of_version_1_are_read_as_they_are_and_upgraded_by_the_next_run() {
    let db = Database::new(&accounts(1_000));
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    db.run(driftless_tests::BACK_TO_VERSION_2);
    // What version 1 did not have: it kept the cursor in migration_state alone.
    db.run(
        "ALTER TABLE migration_run DROP COLUMN options; UPDATE migration_schema SET version = 1",
    );
    for column in [
        "run_id",
        "start_after",
        "cursor",
        "total",
        "processed",
        "done",
        "lease_holder",
        "lease_epoch",
        "lease_expires_at",
    ] {
        db.run(&format!("ALTER TABLE migration_range DROP COLUMN {column}"));
    }
    let migrator = db.migrator(&fixtures::times100).await;
    let status = migrator.status().await.expect("version 1 can be read");
    assert_eq!(status.migrations[0].processed, 300);
    assert_eq!(
        db.rows("SELECT version FROM migration_schema"),
        ["1"],
        "reading writes nothing"
    );
    db.up(&fixtures::times100).await;
    assert_eq!(db.rows("SELECT version FROM migration_schema"), ["4"]);
    assert_times_100_once(&db, 1_000);
}

#[tokio::test]
async fn a_missing_internal_table_is_not_taken_for_a_new_database() {
    let db = Database::new(&accounts(10));
    db.up(&fixtures::times100).await;
    db.run("DROP TABLE migration_state");
    let error = db.refusal(&fixtures::times100, Run::up()).await;
    assert_says(&error, &["only 6 of the 7 internal tables exist"]);
    assert_times_100_once(&db, 10);
}

#[tokio::test]
async fn a_damaged_cursor_is_an_error_and_never_a_start_from_the_beginning() {
    for (damage, says) in [
        (
            "UPDATE migration_state SET cursor = '7'",
            "the stored cursor \"7\" cannot be read",
        ),
        (
            "UPDATE migration_state SET cursor = '[300,1]'",
            "has 2 parts and the key of accounts has 1",
        ),
        (
            "UPDATE migration_state SET cursor = NULL",
            "its cursor is gone",
        ),
        (
            "DELETE FROM migration_range",
            "its row in migration_range is gone",
        ),
    ] {
        let db = Database::new(&accounts(1_000));
        driftless_tests::stop_after(&db, &fixtures::times100, Run::up(), 300).await;
        let before = db.rows("SELECT * FROM accounts");
        db.run(damage);
        let migrator = db.migrator(&fixtures::times100).await;
        let error = match migrator.run(Run::up()).await {
            Ok(report) => {
                assert_eq!(report.status, RunStatus::Failed, "{damage}: {report:?}");
                report.error.expect("why")
            }
            Err(error) => error.chain(),
        };
        assert_says(&error, &[says]);
        assert_eq!(db.rows("SELECT * FROM accounts"), before, "{damage}");
    }
}
