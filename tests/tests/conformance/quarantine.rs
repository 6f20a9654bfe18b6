//! `on_error = "quarantine"`: failing documents are set aside with their error, and all others are done exactly once.

use driftless::{AggregateState, Backfill, Run, RunStatus};
use driftless_tests::{TestStore, assert_says, assert_says_constraint, fixtures};

crate::exercise!(
    failing_documents_are_set_aside_and_the_others_are_done_once_whatever_the_batch_size,
    p1_documents_set_aside_are_done_once_when_they_are_tried_again_and_stay_when_they_fail_again,
    p1_a_document_that_two_try_again_at_the_same_time_is_done_once,
    nobody_tries_again_while_a_run_is_active_or_with_other_code,
    documents_set_aside_can_be_forgotten,
    trying_again_past_the_triggers_of_an_aggregate_makes_it_stale,
);

driftless::aggregate! {
    /// The sum of all documents with the same id: each of its own.
    pub DOCS_BY_ID = "docs" by (id) { count, sum(value) }
}

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

async fn p1_documents_set_aside_are_done_once_when_they_are_tried_again_and_stay_when_they_fail_again<
    S: TestStore,
>() {
    let db = S::small(DOCS);
    db.completed(&fixtures::quarantine, Run::up()).await;
    let migrator = db.migrator(&fixtures::quarantine).await;
    let set_aside = migrator.quarantined().await.expect("it can be read");
    assert_eq!(set_aside.len(), 4);
    // 3 is mended, 5 panics again, 7 breaks its check again, 9 is gone.
    db.run("UPDATE docs SET value = 4 WHERE id = 3; DELETE FROM docs WHERE id = 9");
    let retried = migrator.retry_quarantined(set_aside.clone()).await;
    let retried = retried.expect("not refused");
    assert_eq!((retried.done, retried.changed, retried.gone), (1, 1, 1));
    let keys: Vec<&str> = retried
        .failed
        .iter()
        .map(|failed| failed.key.as_str())
        .collect();
    assert_eq!(keys, ["[5]", "[7]"]);
    assert_says(&retried.failed[0].error, &["five is right out"]);
    assert_says_constraint(&retried.failed[1].error, "check");
    assert_eq!(
        db.rows("SELECT value FROM docs WHERE id IN (3, 5, 7) ORDER BY id"),
        ["40", "5", "7"]
    );
    assert_eq!(
        db.rows("SELECT changed, quarantined FROM migration_state"),
        ["9|2"]
    );

    // Those that were listed before and are done do no harm.
    let again = migrator.retry_quarantined(set_aside).await;
    let again = again.expect("not refused");
    assert_eq!((again.done, again.failed.len()), (0, 2));
    assert_eq!(db.rows("SELECT value FROM docs WHERE id = 3"), ["40"]);
}

async fn p1_a_document_that_two_try_again_at_the_same_time_is_done_once<S: TestStore>() {
    let db = S::small(
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, value BIGINT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         INSERT INTO docs SELECT i, 3 FROM n;",
    );
    db.completed(&fixtures::quarantine, Run::up()).await;
    db.run("UPDATE docs SET value = 7");
    let (one, two) = (
        db.migrator(&fixtures::quarantine).await,
        db.migrator(&fixtures::quarantine).await,
    );
    let set_aside = one.quarantined().await.expect("it can be read");
    assert_eq!(set_aside.len(), 60);
    let (one, two) = tokio::join!(
        one.retry_quarantined(set_aside.clone()),
        two.retry_quarantined(set_aside)
    );
    let done = one.expect("not refused").done + two.expect("not refused").done;
    assert_eq!(done, 60);
    assert_eq!(db.rows("SELECT DISTINCT value FROM docs"), ["70"]);
    assert_eq!(
        db.rows("SELECT changed, quarantined FROM migration_state"),
        ["60|0"]
    );
}

async fn nobody_tries_again_while_a_run_is_active_or_with_other_code<S: TestStore>() {
    let db = S::small(DOCS);
    db.completed(&fixtures::quarantine, Run::up()).await;
    let migrator = db.migrator(&fixtures::quarantine).await;
    let set_aside = migrator.quarantined().await.expect("it can be read");

    let other = db.migrator(&fixtures::times100).await;
    let error = other.retry_quarantined(set_aside.clone()).await;
    assert_says(
        &error.expect_err("refused").chain(),
        &["is not compiled in"],
    );

    let pending = Run::up().detach().allow_drift("another program");
    let pending = other.run(pending).await.expect("not refused");
    assert_eq!(pending.status, RunStatus::Pending);
    let error = migrator.retry_quarantined(set_aside.clone()).await;
    assert_says(
        &error.expect_err("refused").chain(),
        &["is active", "`cancel`"],
    );
    let _ = migrator.cancel().await.expect("it is canceled");

    db.run("UPDATE migration_state SET checksum = 'v1:0', checksum_up = '0'");
    let error = migrator.retry_quarantined(set_aside).await;
    assert!(error.expect_err("refused").is_drift());
    assert_eq!(db.number("SELECT count(*) FROM migration_quarantine"), 4);
}

async fn documents_set_aside_can_be_forgotten<S: TestStore>() {
    let db = S::small(DOCS);
    db.completed(&fixtures::quarantine, Run::up()).await;
    let migrator = db.migrator(&fixtures::quarantine).await;
    let mut set_aside = migrator.quarantined().await.expect("it can be read");
    let left = set_aside.pop().expect("there are four");
    let dropped = migrator.drop_quarantined(set_aside.clone()).await;
    assert_eq!(dropped.expect("not refused"), 3);
    let dropped = migrator.drop_quarantined(set_aside).await;
    assert_eq!(dropped.expect("not refused"), 0, "they are gone already");
    assert_eq!(
        migrator.quarantined().await.expect("it can be read"),
        [left]
    );
    assert_eq!(db.rows("SELECT quarantined FROM migration_state"), ["1"]);
    assert_eq!(db.rows("SELECT value FROM docs WHERE id = 3"), ["3"]);
}

async fn trying_again_past_the_triggers_of_an_aggregate_makes_it_stale<S: TestStore>() {
    let db = S::small(DOCS);
    db.completed(&fixtures::quarantine, Run::up()).await;
    let migrator = db.migrator(&fixtures::quarantine).await;
    let migrator = migrator.aggregates(&[&DOCS_BY_ID]);
    let built = migrator.backfill(Backfill::new()).await;
    assert_eq!(built.expect("built").status, RunStatus::Completed);
    db.run("UPDATE docs SET value = 4 WHERE id = 3");
    let set_aside = migrator.quarantined().await.expect("it can be read");
    let retried = migrator.retry_quarantined(set_aside).await;
    assert_eq!(retried.expect("not refused").done, 1);
    let status = migrator.aggregate_status().await.expect("it can be read");
    assert_eq!(status[0].state, Some(AggregateState::Stale));
}
