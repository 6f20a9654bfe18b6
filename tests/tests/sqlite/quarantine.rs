//! `on_error = "quarantine"`: failing documents are set aside with their error, and all others are done exactly once.

use crate::assert_says;
use driftless::Run;
use driftless_tests::{Database, TestStore, fixtures};

/// Twelve documents: 3 fails, 5 panics, 7 breaks a check when multiplied, 9 cannot be read.
const DOCS: &str = "CREATE TABLE docs (id INTEGER PRIMARY KEY, value NOT NULL CHECK (value <> 70));
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
    INSERT INTO docs SELECT i, i FROM n;
    UPDATE docs SET value = 'nine' WHERE id = 9;";

#[tokio::test]
async fn failing_documents_are_set_aside_and_the_others_are_done_once_whatever_the_batch_size() {
    for size in [1, 2, 3, 5, 100] {
        let db = Database::small(DOCS);
        let report = db
            .completed(&fixtures::quarantine, Run::up().batch_size(size))
            .await;
        assert_eq!(
            (report.processed, report.changed, report.quarantined),
            (12, 8, 4),
            "batches of {size}"
        );
        let values = db.rows("SELECT value FROM docs ORDER BY id");
        let expected = [
            "10", "20", "3", "40", "5", "60", "7", "80", "nine", "100", "110", "120",
        ];
        assert_eq!(values, expected, "batches of {size}");
        let aside = db.rows("SELECT document_key, error FROM migration_quarantine ORDER BY CAST(trim(document_key, '[]') AS INTEGER)");
        assert_eq!(aside.len(), 4);
        assert_says(&aside[0], &["[3]|", "three is not allowed"]);
        assert_says(&aside[1], &["[5]|", "five is right out"]);
        assert_says(&aside[2], &["[7]|", "CHECK constraint failed"]);
        assert_says(&aside[3], &["[9]|", "column value holds text ('nine')"]);
        let state = db.rows("SELECT status, applied, quarantined FROM migration_state");
        assert_eq!(state, ["completed|1|4"]);
    }
}

#[tokio::test]
async fn a_full_disk_is_no_fault_of_a_document_and_sets_nothing_aside() {
    let db = Database::small(
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, value NOT NULL, padding TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         INSERT INTO docs SELECT i, i % 2 + 1, NULL FROM n;
         CREATE TRIGGER grow AFTER UPDATE ON docs BEGIN INSERT INTO grown VALUES (randomblob(2000)); END;
         CREATE TABLE grown (bytes BLOB);",
    );
    let pages = db.value::<i64>("SELECT page_count FROM pragma_page_count()") + 40;
    let url = format!("{}?max_page_count={pages}", db.url());
    let migrator = driftless::Migrator::connect(&url, &fixtures::quarantine_normal)
        .await
        .unwrap();
    let report = migrator.run(Run::up().full_speed()).await.unwrap();
    assert_says(&report.error.unwrap(), &["no room left"]);
    assert_eq!(
        db.value::<i64>("SELECT count(*) FROM migration_quarantine"),
        0
    );
}
