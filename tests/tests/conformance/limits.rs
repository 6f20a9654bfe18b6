//! A store says what it cannot do, and does all the rest.

use crate::exercise::driver;
use driftless::{Limit, Run};
use driftless_tests::{TestStore, accounts, assert_says, fixtures};

crate::exercise!(
    a_store_reports_what_it_cannot_do_and_nothing_else,
    rows_are_locked_one_by_one_where_the_store_can_and_all_of_them_where_it_cannot,
    as_many_workers_as_one_likes_share_a_run_unless_only_one_can_write,
);

async fn a_store_reports_what_it_cannot_do_and_nothing_else<S: TestStore>() {
    let db = S::new("");
    let migrator = db.migrator(&fixtures::add_million).await;
    assert_eq!(migrator.limits(), S::LIMITS, "{}", S::NAME);
    for limit in S::LIMITS {
        assert!(!limit.to_string().is_empty());
    }
}

async fn rows_are_locked_one_by_one_where_the_store_can_and_all_of_them_where_it_cannot<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(300));
    let report = db.completed(&fixtures::add_million_locked, Run::up()).await;
    assert_eq!((report.processed, report.changed), (300, 300));
    let right = "SELECT count(*) FROM accounts WHERE amount = id % 9973 + 1 + 1000000";
    assert_eq!(db.number(right), 300);
}

async fn as_many_workers_as_one_likes_share_a_run_unless_only_one_can_write<S: TestStore>() {
    let db = S::new(&accounts::<S>(12_000));
    let last = driver(
        "add_million",
        &db,
        "--workers 3 --batch-size 200 --full-speed",
    )
    .finish();
    if S::LIMITS.contains(&Limit::OneWriter) {
        let limit = Limit::OneWriter.to_string();
        assert_says(&last, &["refused Usage", "3 workers", &limit]);
        return;
    }
    assert_says(&last, &["ended completed"]);
    let right = "SELECT count(*) FROM accounts WHERE amount = id % 9973 + 1 + 1000000";
    assert_eq!(db.number(right), 12_000);
    assert_eq!(
        db.rows("SELECT status, applied, processed, changed FROM migration_state"),
        ["completed|1|12000|12000"]
    );
}
