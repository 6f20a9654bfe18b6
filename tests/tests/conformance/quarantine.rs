//! `on_error = "quarantine"`: failing documents are set aside with their error, and all others are done exactly once.

use driftless::Run;
use driftless_tests::{TestStore, assert_says, assert_says_constraint, fixtures};

crate::exercise!(
    failing_documents_are_set_aside_and_the_others_are_done_once_whatever_the_batch_size,
);

/// Twelve documents: 3 fails, 5 panics, 7 breaks a check when multiplied, 9 cannot be read.
const DOCS: &str = "CREATE TABLE docs (id INTEGER PRIMARY KEY, value BIGINT CHECK (value <> 70));
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
    INSERT INTO docs SELECT i, i FROM n;
    UPDATE docs SET value = NULL WHERE id = 9;";

async fn failing_documents_are_set_aside_and_the_others_are_done_once_whatever_the_batch_size<
    S: TestStore,
>() {
    for size in [1, 2, 3, 5, 100] {
        let db = S::small(DOCS);
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
            "10", "20", "3", "40", "5", "60", "7", "80", "NULL", "100", "110", "120",
        ];
        assert_eq!(values, expected, "batches of {size}");
        let aside = db.rows("SELECT document_key, error FROM migration_quarantine ORDER BY CAST(trim(document_key, '[]') AS INTEGER)");
        assert_eq!(aside.len(), 4);
        assert_says(&aside[0], &["[3]|", "three is not allowed"]);
        assert_says(&aside[1], &["[5]|", "five is right out"]);
        assert_says(&aside[2], &["[7]|"]);
        assert_says_constraint(&aside[2], "check");
        assert_says(&aside[3], &["[9]|", "column value holds NULL"]);
        let state = db.rows("SELECT status, applied, quarantined FROM migration_state");
        assert_eq!(state, ["completed|1|4"]);
    }
}
