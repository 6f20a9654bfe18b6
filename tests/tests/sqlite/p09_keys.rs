//! P9: keyset pages on any primary key; constant memory; the run ends even while rows are being inserted.

use crate::{accounts, assert_says, driver};
use driftless::Run;
use driftless_tests::{Database, TestStore, fixtures};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const KEYS: &str = "
    CREATE TABLE by_integer (k INTEGER PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO by_integer VALUES (-9223372036854775808, 1), (-5, 2), (0, 3), (1, 4), (9007199254740993, 5), (9223372036854775807, 6);
    CREATE TABLE by_text (k TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO by_text VALUES ('', 1), ('''; DROP TABLE by_text; --', 2), ('é', 3), ('e', 4), ('😀', 5), ('Z', 6), ('10', 7), ('9', 8), (x'00', 9);
    CREATE TABLE by_blob (k BLOB PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO by_blob VALUES (x'', 1), (x'00', 2), (x'0000', 3), (x'ff', 4);
    CREATE TABLE by_pair (a INTEGER, b TEXT, value INTEGER NOT NULL, PRIMARY KEY (b COLLATE NOCASE, a DESC));
    CREATE TABLE without_rowid (b INTEGER, a TEXT, value INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE no_key (value INTEGER NOT NULL);
    CREATE TABLE by_real (k REAL PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO by_real VALUES (-1e999, 1), (-0.0, 2), (0.1, 3), (0.30000000000000004, 4), (1e308, 5), (1e999, 6), (7.5, 7);
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO by_integer SELECT i * 3, i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO by_text SELECT 'k' || i, i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO by_blob SELECT randomblob(16), i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO by_pair SELECT i % 14, char(65 + i / 14), i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO without_rowid SELECT i % 14, char(97 + i / 14), i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO no_key SELECT i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO by_real SELECT i / 7.0 + 0.01, i FROM n;";

const TABLES: [&str; 7] = [
    "by_integer",
    "by_text",
    "by_blob",
    "by_pair",
    "without_rowid",
    "no_key",
    "by_real",
];

fn all(db: &Database, factor: i64) -> Vec<String> {
    let tables = TABLES.iter();
    tables
        .flat_map(|table| {
            db.rows(&format!(
                "SELECT '{table}', *, value * {factor} FROM {table} ORDER BY value"
            ))
        })
        .map(|row| {
            row.rsplit_once('|')
                .map(|(_, value)| format!("{value} {row}"))
                .expect("a value")
        })
        .map(|row| row.split(' ').next().expect("a number").to_owned())
        .collect()
}

#[tokio::test]
async fn p9_every_kind_of_key_is_visited_in_pages_and_each_document_once() {
    let db = Database::new(KEYS);
    let expected = all(&db, 10);
    db.up(&fixtures::keys).await;
    assert_eq!(all(&db, 1), expected);
}

#[test]
fn p9_every_kind_of_key_survives_as_a_cursor() {
    let db = Database::new(KEYS);
    let expected = all(&db, 10);
    let mut kills = 0;
    loop {
        // Two batches at a time: every seventh key of every table is a cursor that is read back.
        let mut child = driver("keys", &db, "--wait-after 2");
        if child.try_await("waiting").is_none() {
            break;
        }
        child.kill();
        kills += 1;
    }
    assert!(kills > 70, "{kills} kills");
    assert_eq!(all(&db, 1), expected);
}

#[tokio::test]
async fn p9_a_nullable_key_is_fine_without_nulls_and_refused_with_one() {
    let db = Database::new(
        "CREATE TABLE todos (id TEXT PRIMARY KEY, priority TEXT); CREATE TABLE visits (count INTEGER); INSERT INTO visits VALUES (0);
         INSERT INTO todos VALUES ('a', NULL), (NULL, NULL);",
    );
    let error = db.failure(&fixtures::remaining, Run::up()).await;
    assert_says(&error, &["todos", "primary key is NULL", "\"id\" IS NULL"]);
    db.run("DELETE FROM todos WHERE id IS NULL");
    db.up(&fixtures::remaining).await;
    assert_eq!(db.rows("SELECT * FROM todos"), ["a|medium"]);
}

#[tokio::test]
async fn p9_a_table_whose_columns_hide_the_row_number_is_refused() {
    let db =
        Database::new("CREATE TABLE accounts (amount INTEGER, rowid TEXT, oid TEXT, _rowid_ TEXT)");
    let error = db.failure(&fixtures::add_million, Run::up()).await;
    assert_says(
        &error,
        &["accounts has no primary key", "hide the row number"],
    );
}

#[test]
fn p9_a_run_ends_while_rows_are_being_inserted() {
    let db = Database::new(&accounts(2_000));
    let (stop, app) = (AtomicBool::new(false), db.connect());
    std::thread::scope(|scope| {
        let stop = &stop;
        let app = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                app.execute("INSERT INTO accounts (amount) VALUES (1)", [])
                    .expect("the app inserts");
                // An app has other things to do: one that never lets go of SQLite's one lock starves everybody.
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let last = driver("add_million", &db, "--batch-size 10").finish();
        stop.store(true, Ordering::Relaxed);
        app.join().expect("the app");
        assert!(last.starts_with("ended completed"), "{last}");
    });
    assert_eq!(
        db.value::<i64>("SELECT count(*) FROM accounts WHERE id <= 2000 AND amount <= 1000000"),
        0
    );
    assert!(db.value::<i64>("SELECT count(*) FROM accounts") > 2_000);
}

/// The high-water mark of a process's memory, in kB.
#[cfg(target_os = "linux")]
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse().ok())
        .expect("a number of kB")
}

#[cfg(target_os = "linux")]
#[test]
fn p9_memory_does_not_grow_with_the_table() {
    let peaks = [10_000, 100_000].map(|rows| {
        let db = Database::new(&accounts(rows));
        let options = format!("--batch-size 500 --full-speed --wait-after {}", rows / 500);
        let mut child = driver("add_million", &db, &options);
        child.await_line("waiting");
        peak(child.id())
    });
    println!("peak memory in kB: {peaks:?}");
    assert!(peaks[1] < peaks[0] + 4_096, "ten times the rows: {peaks:?}");
}

#[test]
fn p9_an_endless_step_on_text_keys_is_stopped_and_told_why() {
    let db = Database::new(
        "CREATE TABLE words (word TEXT NOT NULL PRIMARY KEY); INSERT INTO words VALUES ('0'), ('z')",
    );
    let last = driver("insert_ahead", &db, "--full-speed --batch-size 500").finish();
    assert!(last.starts_with("ended failed"), "{last}");
    assert_says(
        &last,
        &["words keeps growing ahead of the cursor", "`filter`"],
    );
}

#[test]
fn p9_a_step_that_inserts_after_the_last_key_ends_by_itself() {
    let db = Database::new(
        "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT UNIQUE); INSERT INTO words (word) VALUES ('a1'), ('a7')",
    );
    let last = driver("insert_ahead", &db, "").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_eq!(
        db.rows("SELECT word FROM words ORDER BY id"),
        ["a1", "a7", "a000000002", "a000000008"]
    );
}
