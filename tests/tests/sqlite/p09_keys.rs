//! P9: the kinds of key that only SQLite has.

use driftless::Run;
use driftless_tests::{Database, TestStore, assert_says, fixtures};

/// Each table: what comes after its name, the key to order by, and what is inserted besides the 191 rows of all.
const TABLES: [(&str, &str, &str, &str); 5] = [
    (
        "by_collation",
        "(k TEXT PRIMARY KEY COLLATE NOCASE, value INTEGER NOT NULL)",
        "k",
        "'k' || i",
    ),
    (
        "by_mixed",
        "(k, value INTEGER NOT NULL, PRIMARY KEY (k))",
        "k",
        "CASE i % 4 WHEN 0 THEN i WHEN 1 THEN i / 7.0 WHEN 2 THEN 't' || i ELSE randomblob(9) END",
    ),
    (
        "without_rowid",
        "(k INTEGER, b TEXT DEFAULT 'b', value INTEGER NOT NULL, PRIMARY KEY (b DESC, k DESC)) WITHOUT ROWID",
        "b, k",
        "i",
    ),
    ("no_key", "(value INTEGER NOT NULL, k INTEGER)", "k", "i"),
    (
        "by_infinity",
        "(k REAL PRIMARY KEY, value INTEGER NOT NULL)",
        "k",
        "CASE i WHEN 10 THEN 1e999 WHEN 11 THEN -1e999 WHEN 12 THEN -0.0 ELSE i / 7.0 END",
    ),
];

fn all(db: &Database, factor: i64) -> Vec<String> {
    let tables = TABLES.iter();
    tables
        .flat_map(|(table, _, key, _)| {
            db.rows(&format!(
                "SELECT '{table}', {key}, value * {factor} FROM {table} ORDER BY {key}"
            ))
        })
        .collect()
}

#[test]
fn p9_every_kind_of_key_of_sqlite_survives_as_a_cursor() {
    let db = Database::new("");
    for (table, shape, _, key) in TABLES {
        db.run(&format!(
            "CREATE TABLE {table} {shape};
             WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO {table} (k, value) SELECT {key}, i FROM n"
        ));
    }
    let expected = all(&db, 10);
    assert_eq!(expected.len(), 5 * 191);
    let mut kills = 0;
    loop {
        // Two batches at a time: every seventh key of every table is a cursor that is read back.
        let mut child = crate::driver("keys_sqlite", &db, "--wait-after 2");
        if child.try_await("waiting").is_none() {
            break;
        }
        child.kill();
        kills += 1;
    }
    assert!(kills > 50, "{kills} kills");
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
