//! `on_error = "quarantine"` and a disk that is full.

use driftless::Run;
use driftless_tests::{Database, assert_says, fixtures};

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
