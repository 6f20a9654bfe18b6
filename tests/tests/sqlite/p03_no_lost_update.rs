//! P3: what the app writes between our read and our write is never overwritten.

use crate::accounts;
use driftless::{Run, RunStatus};
use driftless_tests::{Database, Seed, fixtures};
use rusqlite::TransactionBehavior;
use std::sync::atomic::{AtomicBool, Ordering};

const ROWS: i64 = 3_000;

#[tokio::test]
async fn p3_an_app_that_reads_adds_one_and_writes_loses_nothing_and_takes_nothing_away() {
    let seed = Seed::new();
    for mode in ["WAL", "DELETE"] {
        let db = Database::with_journal(mode, &accounts(ROWS as u32));
        let before: i64 = db.value("SELECT sum(amount) FROM accounts");
        let (stop, connection, mut chance) = (AtomicBool::new(false), db.connect(), seed.world(1));
        let (report, increments) = std::thread::scope(|scope| {
            let app = scope.spawn(|| {
                let mut connection = connection;
                let mut increments = 0;
                while !stop.load(Ordering::Relaxed) {
                    increment(&mut connection, chance.i64(1..=ROWS));
                    increments += 1;
                    // One that spins on SQLite's one lock starves everybody, which is not what this is about.
                    std::thread::sleep(std::time::Duration::from_micros(300));
                }
                increments
            });
            let report = run_beside(&db);
            stop.store(true, Ordering::Relaxed);
            (report, app.join().expect("the app"))
        });
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        assert!(increments > 0, "the app never had a turn in {mode} mode");
        println!("{mode}: {increments} increments beside the run");
        let after: i64 = db.value("SELECT sum(amount) FROM accounts");
        assert_eq!(after, before + ROWS * 1_000_000 + increments, "{mode}");
    }
}

/// Drives the run from a runtime of its own, since the scope blocks this thread.
fn run_beside(db: &Database) -> driftless::Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    std::thread::scope(|scope| {
        let (url, manifest) = (db.url(), &fixtures::add_million);
        scope
            .spawn(move || {
                runtime.block_on(async {
                    let migrator = driftless::Migrator::connect(&url, manifest).await?;
                    migrator.run(Run::up().batch_size(50)).await
                })
            })
            .join()
            .expect("the engine does not panic")
            .expect("the run is not refused")
    })
}

/// Read, think, write, in the app's own transaction: the usual way.
fn increment(app: &mut rusqlite::Connection, id: i64) {
    let transaction = app
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .expect("the app gets its turn");
    let amount: i64 = transaction
        .query_row("SELECT amount FROM accounts WHERE id = ?1", [id], |row| {
            row.get(0)
        })
        .expect("the account");
    transaction
        .execute(
            "UPDATE accounts SET amount = ?1 WHERE id = ?2",
            [amount + 1, id],
        )
        .expect("the increment");
    transaction.commit().expect("the increment");
}
