//! P6: ways to end a transaction that only SQLite has.

use driftless::Run;
use driftless_tests::{Database, TestStore, assert_says, fixtures};

#[tokio::test]
async fn p6_a_conflict_clause_that_rolls_back_is_seen_also_by_a_step_that_looks_away() {
    let db = Database::new(
        r#"CREATE TABLE docs (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, seen TEXT DEFAULT '', does TEXT DEFAULT '["times10"]');
        INSERT INTO docs (id, value) VALUES (1, 1), (2, 2), (3, 3);
        UPDATE docs SET does = '[{"try_sql": "INSERT OR ROLLBACK INTO docs (id) VALUES (1)"}]' WHERE id = 2"#,
    );
    let error = db.failure(&fixtures::puppet, Run::up()).await;
    assert_says(
        &error,
        &[
            "document 2 of docs",
            "the batch's transaction was ended by: INSERT OR ROLLBACK",
        ],
    );
    assert_eq!(db.number("SELECT sum(value) FROM docs"), 6);
}
