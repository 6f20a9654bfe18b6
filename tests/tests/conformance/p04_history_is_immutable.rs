//! P4: edited or missing applied migrations block. P5: a run executes the code it was planned with.

use crate::exercise::driver;
use driftless::{DriftKind, Run, RunStatus};
use driftless_tests::{
    TestStore, accounts, assert_says, assert_times_100_once, fixtures, stop_after,
};

crate::exercise!(
    p4_an_applied_migration_that_was_edited_blocks_and_nothing_is_done,
    p4_an_applied_migration_that_is_gone_blocks_and_says_so,
    p4_a_renamed_migration_is_told_its_old_name,
    p4_drift_that_is_allowed_passes_one_run_and_the_stored_checksum_stays,
    p4_a_half_applied_migration_that_was_edited_blocks_until_it_is_resumed_for_a_reason,
    p4_a_half_applied_migration_that_was_edited_may_begin_again,
    p4_a_half_applied_migration_that_was_edited_can_be_rolled_back_by_the_code_that_came_with_it,
    p4_an_accepted_change_is_audited_and_rewrites_nothing_but_its_checksum,
    p4_nothing_is_accepted_without_a_reason_and_an_applied_and_whole_migration,
    p4_a_migration_that_has_committed_nothing_may_be_edited,
    p4_a_checksum_of_an_algorithm_this_build_does_not_know_blocks_and_names_it,
    p5_a_run_left_by_a_build_of_other_source_is_not_gone_on_with_as_the_same_run,
);

const ID: &str = "20260101_000000_times_100";

fn stored_checksum(db: &impl TestStore) -> Vec<String> {
    db.rows("SELECT checksum FROM migration_state WHERE migration_id = '20260101_000000_times_100'")
}

async fn p4_an_applied_migration_that_was_edited_blocks_and_nothing_is_done<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    db.up(&fixtures::times100).await;
    let report = db.migrate(&fixtures::times100_edited, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_eq!(report.drift[0].kind, DriftKind::ChecksumMismatch);
    assert_says(&report.drift[0].message, &[ID, "(up)", "restore the file"]);
    assert!(report.into_result().expect_err("blocked").is_drift());
    assert_times_100_once(&db, 300);
    let audit = db.rows("SELECT status FROM migration_run ORDER BY run_id");
    assert_eq!(audit, ["completed", "drift_blocked"]);
    let report = db.migrate(&fixtures::times100_edited, Run::down()).await;
    assert_eq!(
        report.status,
        RunStatus::DriftBlocked,
        "down as well: {report:?}"
    );
}

async fn p4_an_applied_migration_that_is_gone_blocks_and_says_so<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    db.up(&fixtures::times100).await;
    let report = db.migrate(&fixtures::add_million, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_eq!(report.drift[0].kind, DriftKind::MissingFromManifest);
    assert_says(
        &report.drift[0].message,
        &[ID, "not compiled in", "restore"],
    );
    assert_times_100_once(&db, 300);
}

async fn p4_a_renamed_migration_is_told_its_old_name<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    db.up(&fixtures::times100).await;
    let report = db.migrate(&fixtures::times100_renamed, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_says(
        &report.drift[0].message,
        &[ID, "is now called 20260101_000000_times_hundred"],
    );
    assert_times_100_once(&db, 300);
}

async fn p4_drift_that_is_allowed_passes_one_run_and_the_stored_checksum_stays<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    db.up(&fixtures::times100).await;
    let before = stored_checksum(&db);
    let report = db
        .migrate(&fixtures::times100_edited, Run::up().allow_drift("a typo"))
        .await;
    assert_eq!(report.status, RunStatus::Noop, "{report:?}");
    assert_eq!(report.drift.len(), 1, "reported all the same");
    let report = db
        .migrate(
            &fixtures::times100_edited,
            Run::down().allow_drift("down is the same"),
        )
        .await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(stored_checksum(&db), before);
    let runs =
        db.rows("SELECT allow_drift, reason FROM migration_run ORDER BY run_id DESC LIMIT 1");
    assert_eq!(runs, ["1|down is the same"]);
    let audit = db.rows(
        "SELECT action, migration_id, reason, new_checksum <> old_checksum, audit.run_id = run.run_id, length(host) > 0, \
         length(created_by) > 0, program FROM migration_audit AS audit, (SELECT max(run_id) AS run_id FROM migration_run) AS run",
    );
    let program = concat!(
        "driftless-tests ",
        env!("CARGO_PKG_VERSION"),
        ", driftless ",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(
        audit,
        [format!(
            "allow_drift|{ID}|down is the same|1|1|1|1|{program}"
        )],
        "the run that did nothing let nothing pass"
    );
    let error = db
        .refusal(&fixtures::times100_edited, Run::up().allow_drift("  "))
        .await;
    assert_says(&error, &["reason"]);
}

async fn p4_a_half_applied_migration_that_was_edited_blocks_until_it_is_resumed_for_a_reason<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    let before = stored_checksum(&db);
    let report = db.migrate(&fixtures::times100_edited, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_says(
        &report.drift[0].message,
        &["30 %", "--allow-drift", "--restart", "down"],
    );
    let run = Run::up().allow_drift("the rest is in other units");
    let report = db.migrate(&fixtures::times100_edited, run).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    let factors = db.rows(
        "SELECT amount / (id % 9973 + 1), count(*), min(id) FROM accounts GROUP BY 1 ORDER BY 1",
    );
    assert_eq!(factors, ["100|300|1", "1000|700|301"]);
    assert_eq!(stored_checksum(&db), before, "never rewritten");
}

async fn p4_a_half_applied_migration_that_was_edited_may_begin_again<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    let before = stored_checksum(&db);
    db.completed(&fixtures::times100_edited, Run::up().restart())
        .await;
    let factors =
        db.rows("SELECT amount / (id % 9973 + 1), count(*) FROM accounts GROUP BY 1 ORDER BY 1");
    assert_eq!(
        factors,
        ["1000|700", "100000|300"],
        "from the first document"
    );
    assert_ne!(
        stored_checksum(&db),
        before,
        "what was applied is what was compiled"
    );
}

async fn p4_a_half_applied_migration_that_was_edited_can_be_rolled_back_by_the_code_that_came_with_it<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let before = db.rows("SELECT id, amount FROM accounts ORDER BY id");
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    db.completed(&fixtures::times100_edited, Run::down()).await;
    assert_eq!(
        db.rows("SELECT id, amount FROM accounts ORDER BY id"),
        before
    );
    let drift = db.migrator(&fixtures::times100_edited).await.drift().await;
    assert_eq!(drift.expect("readable"), [], "nothing of it is left");
}

async fn p4_an_accepted_change_is_audited_and_rewrites_nothing_but_its_checksum<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    db.up(&fixtures::times100).await;
    let everything_else = "SELECT applied, status, direction, run_id, cursor, processed, changed, started_at, updated_at, \
         completed_at, write_mode, source, spread, (SELECT count(*) FROM migration_run) FROM migration_state";
    let (before, old) = (db.rows(everything_else), stored_checksum(&db));
    let migrator = db.migrator(&fixtures::times100_edited).await;
    let accepted = migrator.accept(ID, " only a comment's worth ").await;
    let accepted = accepted.expect("accepted");
    assert!(accepted.changed);
    assert_eq!(old[0], accepted.old_checksum);
    assert_eq!(stored_checksum(&db)[0], accepted.new_checksum);
    assert_eq!(db.rows(everything_else), before);
    assert_times_100_once(&db, 300);
    let audit = db.rows("SELECT action, migration_id, reason, old_checksum, new_checksum, run_id FROM migration_audit");
    let (old, new) = (&accepted.old_checksum, &accepted.new_checksum);
    assert_eq!(
        audit,
        [format!(
            "accept|{ID}|only a comment's worth|{old}|{new}|NULL"
        )]
    );
    let (report, status) = (
        db.migrate(&fixtures::times100_edited, Run::up()).await,
        migrator.status().await.expect("status"),
    );
    assert_eq!((report.status, report.drift), (RunStatus::Noop, Vec::new()));
    assert_eq!(
        status.migrations[0].source(),
        fixtures::times100_edited.get(ID).expect("there").source,
        "further edits are compared with what was accepted"
    );
    let again = migrator.accept(ID, "twice").await.expect("nothing to do");
    assert!(!again.changed);
    assert_eq!(db.number("SELECT count(*) FROM migration_audit"), 1);
    let report = db.migrate(&fixtures::times100, Run::up()).await;
    assert_eq!(
        report.status,
        RunStatus::DriftBlocked,
        "what it was is drift now"
    );
}

async fn p4_nothing_is_accepted_without_a_reason_and_an_applied_and_whole_migration<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let refused = async |manifest, id: &str, reason: &str| {
        let error = db.migrator(manifest).await.accept(id, reason).await;
        error.expect_err("refused").chain()
    };
    assert_says(
        &refused(&fixtures::times100, ID, "why").await,
        &[ID, "not applied"],
    );
    assert_eq!(
        db.rows(S::TABLES),
        ["accounts", "audit"],
        "refusing writes nothing"
    );
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    let half = refused(&fixtures::times100_edited, ID, "why").await;
    assert_says(&half, &["30 %", "--allow-drift", "--restart", "down"]);
    db.up(&fixtures::times100).await;
    assert_says(
        &refused(&fixtures::times100_edited, ID, "  ").await,
        &["reason"],
    );
    assert_says(
        &refused(&fixtures::add_million, ID, "why").await,
        &[ID, "restore its file"],
    );
    let unknown = refused(&fixtures::times100, "20260101_000000_times_1000", "why").await;
    assert_says(&unknown, &["did you mean 20260101_000000_times_100?"]);
    db.run("UPDATE migration_state SET checksum = 'v9:00'");
    assert_says(
        &refused(&fixtures::times100, ID, "why").await,
        &["algorithm v9"],
    );
    assert_eq!(db.number("SELECT count(*) FROM migration_audit"), 0);
}

async fn p4_a_migration_that_has_committed_nothing_may_be_edited<S: TestStore>() {
    let db = S::new(&accounts::<S>(300));
    db.run("ALTER TABLE audit RENAME TO audit_later");
    let error = db.failure(&fixtures::times100, Run::up()).await;
    assert_says(&error, &["audit", "nothing was changed"]);
    db.run("ALTER TABLE audit_later RENAME TO audit");
    db.completed(&fixtures::times100_edited, Run::up()).await;
    assert_eq!(
        db.number("SELECT count(*) FROM accounts WHERE amount = (id % 9973 + 1) * 1000"),
        300
    );
    let drift = db.migrator(&fixtures::times100_edited).await.drift().await;
    assert_eq!(drift.expect("readable"), []);
}

async fn p4_a_checksum_of_an_algorithm_this_build_does_not_know_blocks_and_names_it<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(300));
    db.up(&fixtures::times100).await;
    db.run("UPDATE migration_state SET checksum = 'v9:00'");
    let report = db.migrate(&fixtures::times100, Run::up()).await;
    assert_eq!(report.status, RunStatus::DriftBlocked, "{report:?}");
    assert_says(
        &report.drift[0].message,
        &["algorithm v9", "update this program"],
    );
    assert_eq!(stored_checksum(&db), ["v9:00"]);
}

async fn p5_a_run_left_by_a_build_of_other_source_is_not_gone_on_with_as_the_same_run<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(1_000));
    let mut child = driver("times100", &db, "--batch-size 100 --wait-after 3");
    let left = child.await_line("started").replace("started ", "");
    child.await_line("waiting");
    let refused = db.refusal(&fixtures::times100_with_more, Run::up()).await;
    assert_says(&refused, &[&left, "another plan", "cancel"]);
    child.kill();
    let report = db.migrate(&fixtures::times100_with_more, Run::up()).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_ne!(report.run_id.as_ref(), Some(&left));
    let old = db.rows(&format!(
        "SELECT status, last_error LIKE '%is gone; run {}%' FROM migration_run WHERE run_id = '{left}'",
        report.run_id.expect("a run")
    ));
    assert_eq!(old, ["failed|1"]);
    let digests = db.number("SELECT count(DISTINCT manifest_digest) FROM migration_run");
    assert_eq!(digests, 2, "each run keeps the digest it was planned with");
    assert_times_100_once(&db, 1_000);
}
