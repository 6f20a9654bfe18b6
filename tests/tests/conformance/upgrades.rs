//! Internal tables of older versions: read as they are, brought up to date by the next run.

use driftless::Run;
use driftless_tests::{
    BACK_TO_VERSION_2, TestStore, accounts, assert_times_100_once, fixtures, stop_after,
};

crate::exercise!(tables_of_version_2_are_read_as_they_are_and_upgraded_by_the_next_run);

async fn tables_of_version_2_are_read_as_they_are_and_upgraded_by_the_next_run<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    db.run(BACK_TO_VERSION_2);
    let migrator = db.migrator(&fixtures::times100).await;
    let status = migrator.status().await.expect("version 2 can be read");
    assert_eq!(status.migrations[0].processed, 300);
    assert_eq!(
        status.drift,
        [],
        "no details were kept, and none are missed"
    );
    assert_eq!(db.number("SELECT version FROM migration_schema"), 2);
    db.up(&fixtures::times100).await;
    assert_eq!(db.number("SELECT version FROM migration_schema"), 4);
    assert_eq!(db.number("SELECT count(*) FROM migration_audit"), 0);
    assert_times_100_once(&db, 1_000);
}
