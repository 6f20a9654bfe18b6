//! P6: a failed batch leaves nothing behind, and says which document, which migration, and why.

use driftless::{Run, RunStatus};
use driftless_tests::{TestStore, assert_says, assert_says_constraint, docs, fixtures};
use serde_json::{Value, json};

crate::exercise!(
    p6_a_step_that_returns_an_error_leaves_nothing_of_its_batch_and_the_next_up_goes_on,
    p6_a_panic_is_a_failure_and_not_a_crash,
    p6_setting_a_column_that_does_not_exist_names_it_and_those_that_do,
    p6_changing_the_primary_key_is_refused_with_the_way_to_do_it,
    p6_setting_a_generated_column_is_refused,
    p6_a_broken_check_names_the_document_whose_patch_broke_it,
    p6_a_broken_unique_index_names_the_document_whose_patch_broke_it,
    p6_a_broken_foreign_key_names_the_document_whose_patch_broke_it,
    p6_ending_the_transaction_from_a_step_is_refused_and_ignoring_that_does_not_help,
    p6_a_document_that_cannot_be_read_is_named_and_those_before_it_in_its_batch_are_not_committed,
    p6_a_dry_run_that_fails_has_written_nothing_at_all,
);

/// Documents 1 to 10 are two batches of 5; document 8 fails in this way, after document 6 has written a note.
async fn fails_at_8<S: TestStore>(does: Value) -> (S, String) {
    let note = json!(["times10", {"sql": "INSERT INTO notes VALUES (6, 'six')"}]);
    let db = S::new(&docs::<S>(10, &[(6, note), (8, does)]));
    let error = db.failure(&fixtures::puppet, Run::up().batch_size(5)).await;
    let values: Vec<String> = db.rows("SELECT value FROM docs ORDER BY id");
    assert_eq!(
        values,
        ["10", "20", "30", "40", "50", "6", "7", "8", "9", "10"],
        "the first batch is there and nothing of the second"
    );
    assert_eq!(db.number("SELECT count(*) FROM notes"), 0);
    assert_says(
        &error,
        &[
            "20260101_000000_puppet",
            "(up)",
            "document 8 of docs",
            "the 5 documents before it are done",
        ],
    );
    let state =
        db.rows("SELECT status, applied, processed, cursor, last_error <> '' FROM migration_state");
    assert_eq!(state, ["failed|0|5|[5]|1"]);
    let run = db.rows("SELECT status, last_error <> '' FROM migration_run");
    assert_eq!(run, ["failed|1"]);
    (db, error)
}

async fn p6_a_step_that_returns_an_error_leaves_nothing_of_its_batch_and_the_next_up_goes_on<
    S: TestStore,
>() {
    let (db, error) = fails_at_8::<S>(json!([{"error": "the price is on the moon"}])).await;
    assert_says(
        &error,
        &["the step returned an error: the price is on the moon"],
    );
    db.run("UPDATE docs SET does = '[\"times10\"]' WHERE id = 8");
    db.up(&fixtures::puppet).await;
    let values: Vec<String> = db.rows("SELECT value FROM docs ORDER BY id");
    assert_eq!(
        values,
        ["10", "20", "30", "40", "50", "60", "70", "80", "90", "100"]
    );
    assert_eq!(db.rows("SELECT * FROM notes"), ["6|six"]);
}

async fn p6_a_panic_is_a_failure_and_not_a_crash<S: TestStore>() {
    let (_, error) = fails_at_8::<S>(json!([{"panic": "index out of luck"}])).await;
    assert_says(&error, &["the step panicked: index out of luck"]);
}

async fn p6_setting_a_column_that_does_not_exist_names_it_and_those_that_do<S: TestStore>() {
    let (_, error) = fails_at_8::<S>(json!([{"set": ["prize", 1]}])).await;
    assert_says(&error, &["sets column prize", "it has id, value, seen"]);
}

async fn p6_changing_the_primary_key_is_refused_with_the_way_to_do_it<S: TestStore>() {
    let (_, error) = fails_at_8::<S>(json!([{"set": ["id", 800]}])).await;
    assert_says(
        &error,
        &["primary key of docs", "ctx.orm()", "Patch::delete()"],
    );
}

async fn p6_setting_a_generated_column_is_refused<S: TestStore>() {
    let (_, error) = fails_at_8::<S>(json!([{"set": ["doubled", 800]}])).await;
    assert_says(&error, &["sets column doubled", "computes itself"]);
}

async fn p6_a_broken_check_names_the_document_whose_patch_broke_it<S: TestStore>() {
    let (_, error) = fails_at_8::<S>(json!([{"set": ["value", 13]}])).await;
    assert_says(&error, &["a constraint does not hold"]);
    assert_says_constraint(&error, "check");
}

async fn p6_a_broken_unique_index_names_the_document_whose_patch_broke_it<S: TestStore>() {
    let db = S::new(&docs::<S>(
        10,
        &[
            (3, json!([{"set": ["code", "x"]}])),
            (8, json!([{"set": ["code", "x"]}])),
        ],
    ));
    let error = db
        .failure(&fixtures::puppet, Run::up().batch_size(100))
        .await;
    assert_says(
        &error,
        &["document 8 of docs", "code", "nothing was changed"],
    );
    assert_says_constraint(&error, "unique");
    assert_eq!(db.number("SELECT sum(value) FROM docs"), 55);
}

async fn p6_a_broken_foreign_key_names_the_document_whose_patch_broke_it<S: TestStore>() {
    let (_, error) = fails_at_8::<S>(json!([{"set": ["parent", 4711]}])).await;
    assert_says_constraint(&error, "foreign key");
}

async fn p6_ending_the_transaction_from_a_step_is_refused_and_ignoring_that_does_not_help<
    S: TestStore,
>() {
    let (_, error) = fails_at_8::<S>(json!([{"sql": " /* now */ COMMIT"}])).await;
    assert_says(&error, &["COMMIT", "transaction"]);
}

async fn p6_a_document_that_cannot_be_read_is_named_and_those_before_it_in_its_batch_are_not_committed<
    S: TestStore,
>() {
    let (_, error) = fails_at_8::<S>(json!(["no_such_thing"])).await;
    assert_says(
        &error,
        &[
            "document 8 of docs",
            "column does holds text",
            "no_such_thing",
        ],
    );
}

async fn p6_a_dry_run_that_fails_has_written_nothing_at_all<S: TestStore>() {
    let db = S::new(&docs::<S>(10, &[(8, json!([{"error": "no"}]))]));
    let before = db.rows(S::TABLES);
    let report = db.migrate(&fixtures::puppet, Run::up().dry_run()).await;
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert_says(&report.error.expect("why"), &["document 8", "dry run"]);
    assert_eq!(db.number("SELECT sum(value) FROM docs"), 55);
    assert_eq!(db.rows(S::TABLES), before, "no table of ours either");
}
