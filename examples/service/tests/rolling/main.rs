//! The story of the README, really done: two versions, traffic, a migration in between; no request fails and no row is wrong.
#![cfg(unix)]

mod service;
mod traffic;

use driftless_tests::{Database, PostgresDatabase, TestStore};
use service::{Service, V1, V2, migrate};
use std::sync::Arc;
use traffic::{Balancer, Traffic};

/// Todos from before, a third of them without a priority.
const SEED: &str = "INSERT INTO todos (title, priority)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 6000)
    SELECT 'from before ' || n, CASE n % 3 WHEN 0 THEN 'low' WHEN 1 THEN 'high' END FROM numbers";

/// What no row may be at the end.
const WRONG: &str = "SELECT count(*) FROM todos WHERE priority IS NULL OR rank IS NULL
    OR rank <> CASE priority WHEN 'low' THEN 1 WHEN 'high' THEN 3 ELSE 2 END";

fn rolling_deploy(database: &impl TestStore) {
    let url = database.url();
    // Version 1 is in service, its own migration applied.
    let mut v1 = Service::start(V1, &url);
    database.run(SEED);
    assert_eq!(v1.health().pending, ["20260201_080000_default_priority"]);
    migrate(V1, &url, "up --detach");
    v1.await_health("applied", |health| health.pending.is_empty());

    let balancer = Arc::new(Balancer::new());
    balancer.add(&v1);
    let traffic = Traffic::start(&balancer);
    traffic.await_answers("v1", 100);

    // Version 2 comes beside it: the column is added, both are in service.
    let mut v2 = Service::start(V2, &url);
    balancer.add(&v2);
    traffic.await_answers("v2", 100);
    assert_eq!(v2.health().pending, ["20260301_090000_rank_todos"]);

    // The migration begins while version 1 still writes. To version 1 it is history it does not know: said, and no reason
    // to be taken out of service.
    migrate(
        V2,
        &url,
        "up --detach --batch-size 50 --rows-per-second 1500",
    );
    v2.await_health("running", |health| health.run.as_deref() == Some("running"));
    v1.await_health("told of the run", |health| {
        health.ready && health.drifted == ["20260301_090000_rank_todos"]
    });
    traffic.await_answers("v1", 50);
    let unlike = "SELECT count(*) FROM todos WHERE title NOT LIKE 'from before%' AND rank IS NULL";
    assert!(
        database.number(unlike) > 0,
        "version 1 has written in its own shape"
    );

    // Version 1 goes: the balancer is told, what is on its way is answered, and the process ends by itself.
    v1.terminate();
    v1.await_health("draining", |health| !health.ready && health.draining);
    assert_eq!(v1.end(), Some(0));
    assert_eq!(
        v2.health().run.as_deref(),
        Some("running"),
        "the run outlives version 1"
    );
    v2.await_health("applied", |health| {
        health.pending.is_empty() && !health.stale
    });
    traffic.await_answers("v2", 50);

    let written = traffic.stop();
    assert_eq!(written.failures, Vec::<String>::new(), "no failed request");
    assert_eq!(database.number(WRONG), 0, "no wrong row");
    assert_eq!(
        database.number("SELECT count(*) FROM todos"),
        6000 + written.todos.len() as i64
    );
    for (id, todo) in &written.todos {
        let same = format!(
            "SELECT count(*) FROM todos WHERE id = {id} AND priority = '{}' AND done = {}",
            todo.priority, todo.done
        );
        assert_eq!(
            database.number(&same),
            1,
            "what was answered is what is stored: {id} {todo:?}"
        );
    }
    let health = v2.health();
    assert!(health.ready && health.drifted.is_empty(), "{health:?}");
    v2.terminate();
    assert_eq!(v2.end(), Some(0));
}

#[test]
fn two_versions_on_postgres_without_downtime() {
    rolling_deploy(&PostgresDatabase::new(""));
}

#[test]
fn two_versions_on_sqlite_without_downtime() {
    rolling_deploy(&Database::new(""));
}

#[test]
fn a_service_that_ends_hands_its_run_to_the_next() {
    let database = Database::new("");
    let url = database.url();
    let mut first = Service::start(V2, &url);
    database.run(SEED);
    migrate(
        V2,
        &url,
        "up --detach --batch-size 50 --rows-per-second 2000",
    );
    first.await_health("running", |health| health.run.as_deref() == Some("running"));
    first.terminate();
    assert_eq!(first.end(), Some(0));
    let mut second = Service::start(V2, &url);
    assert!(
        !second.health().stale,
        "it was handed back, not left behind"
    );
    second.await_health("applied", |health| health.pending.is_empty());
    assert_eq!(database.number(WRONG), 0);
}

#[test]
fn without_a_database_it_is_alive_and_not_ready() {
    let database = Database::new("");
    let mut service = Service::start(V2, &database.url());
    assert!(service.health().ready);
    std::fs::remove_file(database.path()).unwrap();
    let health = service.health();
    assert!(
        !health.ready
            && health
                .database
                .is_some_and(|why| why.contains("does not exist"))
    );
    assert_eq!(service.get("/health/live"), (200, "ok".to_owned()));
    assert_eq!(service.get("/health/ready").0, 503);
    service.terminate();
    assert_eq!(service.end(), Some(0));
}
