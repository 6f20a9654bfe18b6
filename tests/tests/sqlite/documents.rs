//! Documents: what a row holds arrives as the type it is read into, and goes back as it came.

use crate::accounts;
use driftless::{Migrator, Run, RunStatus};
use driftless_tests::{Database, TestStore, assert_says, assert_times_100_once, fixtures};
use std::task::{Context, Poll, Wake};

const SAMPLES: &str = r#"CREATE TABLE samples (k INTEGER PRIMARY KEY, int INTEGER, small INTEGER, real REAL, text TEXT, letter TEXT, bytes BLOB, flag INTEGER,
        nested TEXT, list TEXT, map TEXT, kind TEXT, variant TEXT, anything TEXT, id TEXT, copy_of_id TEXT, day TEXT, at TEXT, stamp TEXT, calendar TEXT,
        price TEXT, "renamed column" TEXT, unread_blob BLOB DEFAULT (zeroblob(100000)), unread_text TEXT DEFAULT (CAST(x'ff' AS TEXT)));
    INSERT INTO samples (k, int, small, real, text, letter, bytes, flag, nested, list, map, kind, variant, anything, id, day, at, stamp, calendar, price, "renamed column") VALUES
    (1, -9223372036854775808, NULL, 0.1, '', 'ß', x'00ff', 0, '{"a":1,"b":["x","ÿ"]}', '[1,2]', '{"a":null,"b":2}', 'red', '{"point":{"x":1,"y":-2}}', '{"deep":[null,true,1.5]}',
        '0193d6f0-6f2b-7d3c-8a51-0123456789ab', '2024-02-29', '2024-02-29T23:59:59.123456Z', '2024-02-29T23:59:59.123456789Z', '2024-02-29', '12.30', 'wrapped'),
    (2, 9223372036854775807, 255, -1e300, 'it''s "text" 😀', 'x', x'07', 1, '{"a":-1,"b":[]}', '[-1]', '{}', 'green', '{"label":"l"}', '[]',
        'ffffffff-ffff-ffff-ffff-ffffffffffff', '0001-01-01', '1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '0001-01-01', '-79228162514264337593543950335', '');"#;

#[tokio::test]
async fn every_type_is_read_and_written_back_without_a_change() {
    let db = Database::new(SAMPLES);
    db.run("UPDATE samples SET copy_of_id = id");
    let all = "SELECT *, typeof(int), typeof(small), typeof(real), typeof(text), typeof(bytes), typeof(flag), typeof(nested), typeof(list), typeof(price) FROM (SELECT int, small, real, text, letter, bytes, flag, nested, list, map, kind, variant, anything, id, copy_of_id, day, at, stamp, calendar, price, \"renamed column\" FROM samples)";
    let before = db.rows(all);
    let report = db.completed(&fixtures::documents, Run::up()).await;
    assert_eq!(report.changed, 2, "both were really written");
    assert_eq!(db.rows(all), before);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_with_table_key_column_and_what_it_is() {
    for (set, says) in [
        ("int = 'many'", "column int holds text ('many')"),
        ("int = NULL", "column int holds NULL"),
        ("small = 256", "column small holds an integer (256)"),
        ("small = -1", "column small holds an integer (-1)"),
        ("real = x'00'", "column real holds bytes (x'00')"),
        ("text = x'ff'", "column text holds bytes (x'ff')"),
        ("text = CAST(x'ff' AS TEXT)", "column text cannot be read"),
        ("flag = 2", "column flag holds an integer (2)"),
        ("nested = '{\"a\":1}'", "column nested holds text"),
        ("kind = 'blue'", "column kind holds text ('blue')"),
        ("id = 'not-a-uuid'", "column id holds text"),
        ("day = '2023-02-29'", "column day holds text"),
        ("price = 'cheap'", "column price holds text"),
    ] {
        let db = Database::small(SAMPLES);
        println!("{set}");
        db.run(&format!("UPDATE samples SET {set} WHERE k = 2"));
        let error = db.failure(&fixtures::documents, Run::up()).await;
        assert_says(
            &error,
            &["document 2 of samples", says, "nothing was changed"],
        );
    }
}

#[tokio::test]
async fn names_that_sql_stumbles_over_work_everywhere() {
    let db = Database::new(
        r#"CREATE TABLE "select ""from"" größe.x" ("select" INTEGER, rowid TEXT, "a b" INTEGER, "quo""te'd" INTEGER, "größe" INTEGER);
        INSERT INTO "select ""from"" größe.x" VALUES (1, 'r', 1, 1, 1), (2, 's', 2, 2, 2), (3, 't', 0, 3, 3)"#,
    );
    for size in [1, 100] {
        let before = db.rows(r#"SELECT * FROM "select ""from"" größe.x""#);
        let report = db
            .migrate(&fixtures::odd_names, Run::up().batch_size(size).dry_run())
            .await;
        assert_eq!(report.status, RunStatus::DryRun, "{report:?}");
        assert_eq!(
            db.rows(r#"SELECT * FROM "select ""from"" größe.x""#),
            before
        );
    }
    db.up(&fixtures::odd_names).await;
    assert_eq!(
        db.rows(r#"SELECT * FROM "select ""from"" größe.x""#),
        [
            "2|r and 3|10|100|1000",
            "3|s and 12|20|200|2000",
            "3|t|0|3|3"
        ]
    );
}

#[tokio::test]
async fn only_the_columns_a_document_names_are_read() {
    let db = Database::new(&accounts(10));
    // Not text at all: reading this column would fail.
    db.run("UPDATE accounts SET note = CAST(x'ff' AS TEXT)");
    db.up(&fixtures::times100).await;
    assert_times_100_once(&db, 10);
}

#[tokio::test]
async fn a_generated_column_is_read_like_any_other_and_cannot_be_set() {
    let db = Database::new(
        "CREATE TABLE base (id INTEGER PRIMARY KEY); CREATE TABLE accounts (id INTEGER PRIMARY KEY, cents INTEGER, amount INTEGER AS (cents / 100));
         INSERT INTO accounts (cents) VALUES (100)",
    );
    let error = db.failure(&fixtures::add_million, Run::up()).await;
    assert_says(
        &error,
        &[
            "document 1 of accounts",
            "sets column amount",
            "accounts computes itself",
        ],
    );
}

#[tokio::test]
async fn views_and_virtual_tables_are_refused_with_what_to_name_instead() {
    for (schema, says) in [
        (
            "CREATE TABLE t (amount INTEGER); CREATE VIEW accounts AS SELECT amount FROM t",
            "accounts is a view",
        ),
        (
            "CREATE VIRTUAL TABLE accounts USING rtree(id, amount, other)",
            "accounts is a virtual table",
        ),
    ] {
        let db = Database::new(schema);
        let error = db.failure(&fixtures::add_million, Run::up()).await;
        assert_says(&error, &[says]);
    }
}

#[tokio::test]
async fn an_async_step_awaits_tokio_timers_inside_a_current_thread_runtime() {
    let db = Database::new(&accounts(12));
    db.up(&fixtures::waits).await;
    assert_times_100_once(&db, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_async_step_awaits_tokio_timers_inside_a_multi_thread_runtime() {
    let db = Database::new(&accounts(12));
    db.up(&fixtures::waits).await;
    assert_times_100_once(&db, 12);
}

#[test]
fn an_async_step_awaits_tokio_timers_where_the_caller_has_no_runtime_at_all() {
    let db = Database::new(&accounts(12));
    let report = block_on(async {
        let migrator = Migrator::connect(&db.url(), &fixtures::waits).await?;
        migrator.run(Run::up()).await
    });
    assert_eq!(report.expect("not refused").status, RunStatus::Completed);
    assert_times_100_once(&db, 12);
}

/// The simplest executor there is.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[tokio::test]
async fn empty_bytes_stay_bytes_and_an_empty_list_stays_a_list() {
    let db = Database::small(
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, list TEXT NOT NULL);
         INSERT INTO docs VALUES (1, x'0102', '[1,2]');",
    );
    db.up(&fixtures::empty_bytes).await;
    let row = db.rows("SELECT typeof(bytes), length(bytes), list FROM docs");
    assert_eq!(row, ["blob|0|[]"]);
}
