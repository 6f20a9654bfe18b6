//! Every edge of the state machine of `docs/state-machine.md`, reached on every store: the table and what happens are one.
//!
//! The engine tells each change of a migration's standing as a trace. This is a program of its own, so that nobody else's
//! changes are heard.

mod edges;

use driftless::Run;
use driftless_tests::{
    Child, Database, PostgresDatabase, TestStore, accounts, fixtures, stop_after,
};

const LETTERS: &str = "CREATE TABLE letters (id INTEGER PRIMARY KEY, a INTEGER NOT NULL DEFAULT 0, b INTEGER NOT NULL DEFAULT 0, c INTEGER NOT NULL DEFAULT 0);
    INSERT INTO letters (id) VALUES (1), (2), (3);";

/// One test for all stores: they share the trace.
#[test]
fn every_edge_of_the_state_machine_is_reached_on_every_store() {
    let heard = edges::listen();
    let documented = edges::documented();
    assert!(documented.len() > 20, "{documented:?}");
    heard.forget();
    run(reach_all::<Database>());
    assert_eq!(heard.edges(), documented, "on {}", Database::NAME);
    heard.forget();
    run(reach_all::<PostgresDatabase>());
    assert_eq!(heard.edges(), documented, "on {}", PostgresDatabase::NAME);
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(test);
}

async fn reach_all<S: TestStore>() {
    up_and_its_ends::<S>().await;
    down_and_its_ends::<S>().await;
    processes_that_are_gone::<S>().await;
    baselines::<S>().await;
}

/// Runs into the audit table, which is not there.
async fn fails<S: TestStore>(db: &S, run: Run) {
    db.run("ALTER TABLE audit RENAME TO audit_elsewhere");
    db.failure(&fixtures::times100, run).await;
    db.run("ALTER TABLE audit_elsewhere RENAME TO audit");
}

async fn up_and_its_ends<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    db.run("ALTER TABLE accounts RENAME TO accounts_elsewhere");
    db.failure(&fixtures::times100, Run::up()).await;
    db.run("ALTER TABLE accounts_elsewhere RENAME TO accounts");
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    fails(&db, Run::up()).await;
    stop_after(&db, &fixtures::times100, Run::down(), 100).await;
    db.completed(&fixtures::times100, Run::down()).await;
    db.up(&fixtures::times100).await;

    let db = S::new(&accounts::<S>(1_000));
    stop_after(&db, &fixtures::times100, Run::up(), 300).await;
    db.completed(&fixtures::times100, Run::down()).await;
}

async fn down_and_its_ends<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    db.up(&fixtures::times100).await;
    stop_after(&db, &fixtures::times100, Run::down(), 400).await;
    let refused = db.refusal(&fixtures::times100, Run::up()).await;
    assert!(refused.contains("rolled back by 40 %"), "{refused}");
    db.completed(&fixtures::times100, Run::up().restart()).await;
    fails(&db, Run::down()).await;
    stop_after(&db, &fixtures::times100, Run::down(), 400).await;
    fails(&db, Run::down()).await;
    db.completed(&fixtures::times100, Run::up().restart()).await;
}

async fn processes_that_are_gone<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    for command in ["up", "down"] {
        let arguments = ["times100", &db.url(), command].map(str::to_owned);
        let options = ["--batch-size", "100", "--wait-after", "3"].map(str::to_owned);
        let mut child = Child::start(
            env!("CARGO_BIN_EXE_driver"),
            arguments.into_iter().chain(options),
        );
        child.await_line("waiting");
        child.kill();
        let run = match command {
            "up" => Run::up(),
            _ => Run::down(),
        };
        db.completed(&fixtures::times100, run).await;
    }
}

async fn baselines<S: TestStore>() {
    let db = S::new(LETTERS);
    let migrator = db.migrator(&fixtures::three_retired).await;
    assert_eq!(migrator.baseline("new").await.expect("recorded").len(), 2);

    let db = S::new(LETTERS);
    db.completed(&fixtures::three, Run::up().to("20260101_000000_set_a"))
        .await;
    db.completed(&fixtures::three, Run::down()).await;
    let migrator = db.migrator(&fixtures::three_retired).await;
    assert_eq!(migrator.baseline("again").await.expect("recorded").len(), 2);
}
