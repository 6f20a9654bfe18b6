//! P9: keyset pages on any primary key; constant memory; the run ends even while rows are being inserted.

use crate::exercise::driver;
use driftless_tests::{TestApp, TestStore, accounts, assert_says, fixtures};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::exercise!(
    p9_every_kind_of_key_is_visited_in_pages_and_each_document_once,
    p9_every_kind_of_key_survives_as_a_cursor,
    p9_a_run_ends_while_rows_are_being_inserted,
    p9_memory_does_not_grow_with_the_table,
    p9_an_endless_step_on_text_keys_is_stopped_and_told_why,
    p9_a_step_that_inserts_after_the_last_key_ends_by_itself,
);

fn keys<S: TestStore>() -> String {
    let bytes = S::BYTES;
    let mut script = format!(
        "CREATE TABLE by_integer (k BIGINT PRIMARY KEY, value INTEGER NOT NULL);
         INSERT INTO by_integer VALUES (-9223372036854775807 - 1, 1), (-5, 2), (0, 3), (1, 4), (9007199254740993, 5), (9223372036854775807, 6);
         CREATE TABLE by_text (k TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL);
         INSERT INTO by_text VALUES ('', 1), ('\''; DROP TABLE by_text; --', 2), ('é', 3), ('e', 4), ('😀', 5), ('Z', 6), ('10', 7), ('9', 8), ('a\\b', 9);
         CREATE TABLE by_bytes (k {bytes} PRIMARY KEY, value INTEGER NOT NULL);
         CREATE TABLE by_pair (a INTEGER NOT NULL, b TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (b, a));
         CREATE TABLE by_real (k DOUBLE PRECISION PRIMARY KEY, value INTEGER NOT NULL);
         INSERT INTO by_real VALUES (-1.5e-300, 1), (0.1, 2), (0.30000000000000004, 3), (1e308, 4), (-1e308, 5), (7.5, 6);\n"
    );
    for (value, hex) in [
        (1, ""),
        (2, "00"),
        (3, "0000"),
        (4, "ff"),
        (5, "27"),
        (6, "5c78"),
    ] {
        script += &format!(
            "INSERT INTO by_bytes VALUES ({}, {value});\n",
            S::bytes(hex)
        );
    }
    for i in 10..=200_u32 {
        let hex = format!("{:08x}", i.wrapping_mul(2_654_435_761));
        script += &format!(
            "INSERT INTO by_integer VALUES ({i} * 3, {i}); INSERT INTO by_text VALUES ('k{i}', {i}); INSERT INTO by_bytes VALUES ({}, {i});
             INSERT INTO by_pair VALUES ({}, '{}', {i}); INSERT INTO by_real VALUES ({i} / 7.0 + 0.01, {i});\n",
            S::bytes(&hex),
            i % 14,
            char::from(b'A' + u8::try_from(i / 14).expect("small")),
        );
    }
    script
}

const TABLES: [(&str, &str); 5] = [
    ("by_integer", "k"),
    ("by_text", "k"),
    ("by_bytes", "k"),
    ("by_pair", "b, a"),
    ("by_real", "k"),
];

fn all(db: &impl TestStore, factor: i64) -> Vec<String> {
    let tables = TABLES.iter();
    tables
        .flat_map(|(table, key)| {
            db.rows(&format!(
                "SELECT '{table}', {key}, value * {factor} FROM {table} ORDER BY {key}"
            ))
        })
        .collect()
}

async fn p9_every_kind_of_key_is_visited_in_pages_and_each_document_once<S: TestStore>() {
    let db = S::new(&keys::<S>());
    let expected = all(&db, 10);
    db.up(&fixtures::keys).await;
    assert_eq!(all(&db, 1), expected);
}

async fn p9_every_kind_of_key_survives_as_a_cursor<S: TestStore>() {
    let db = S::new(&keys::<S>());
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
    assert!(kills > 50, "{kills} kills");
    assert_eq!(all(&db, 1), expected);
}

async fn p9_a_run_ends_while_rows_are_being_inserted<S: TestStore>() {
    let db = S::new(&accounts::<S>(2_000));
    let (stop, mut app) = (AtomicBool::new(false), db.another_app());
    std::thread::scope(|scope| {
        let stop = &stop;
        let app = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                app.run("INSERT INTO accounts (amount) VALUES (1)");
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
        db.number("SELECT count(*) FROM accounts WHERE id <= 2000 AND amount <= 1000000"),
        0
    );
    assert!(db.number("SELECT count(*) FROM accounts") > 2_000);
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

async fn p9_memory_does_not_grow_with_the_table<S: TestStore>() {
    let peaks = [10_000, 100_000].map(|rows| {
        let db = S::new(&accounts::<S>(rows));
        let options = format!("--batch-size 500 --full-speed --wait-after {}", rows / 500);
        let mut child = driver("add_million", &db, &options);
        child.await_line("waiting");
        peak(child.id())
    });
    println!("peak memory in kB: {peaks:?}");
    assert!(peaks[1] < peaks[0] + 4_096, "ten times the rows: {peaks:?}");
}

async fn p9_an_endless_step_on_text_keys_is_stopped_and_told_why<S: TestStore>() {
    let db = S::new(
        "CREATE TABLE words (word TEXT NOT NULL PRIMARY KEY); INSERT INTO words VALUES ('0'), ('z')",
    );
    let last = driver("insert_ahead", &db, "--full-speed --batch-size 500").finish();
    assert!(last.starts_with("ended failed"), "{last}");
    assert_says(
        &last,
        &["words keeps growing ahead of the cursor", "`filter`"],
    );
}

async fn p9_a_step_that_inserts_after_the_last_key_ends_by_itself<S: TestStore>() {
    let db = S::new(&format!(
        "CREATE TABLE words (id {}, word TEXT UNIQUE); INSERT INTO words (word) VALUES ('a1'), ('a7')",
        S::KEY
    ));
    let last = driver("insert_ahead", &db, "").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_eq!(
        db.rows("SELECT word FROM words ORDER BY id"),
        ["a1", "a7", "a000000002", "a000000008"]
    );
}
