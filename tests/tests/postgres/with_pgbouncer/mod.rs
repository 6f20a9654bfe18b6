//! PgBouncer in transaction mode in between: nothing may rest on what is left in a session.

use crate::{accounts, driver_at};
use driftless::{Migrator, Run, RunStatus};
use driftless_tests::{
    App, Bouncer, PostgresDatabase, Server, TestStore, assert_times_100_once, docs, fixtures,
};
use std::collections::BTreeSet;

/// What this setting is in every session behind the bouncer, with the session's number.
fn sessions(url: &str, setting: &str) -> BTreeSet<(String, String)> {
    let app = App::connect(url);
    let sql = format!("SELECT pg_backend_pid(), current_setting('{setting}')");
    (0..12)
        .map(|_| {
            let sql = sql.clone();
            app.with(move |client| {
                let messages = client.simple_query(&sql).expect("a session");
                let row = messages.iter().find_map(|message| match message {
                    postgres::SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                let row = row.expect("a row");
                let cell = |at| row.get(at).expect("a value").to_owned();
                (cell(0), cell(1))
            })
        })
        .collect()
}

#[test]
fn two_transactions_of_one_client_run_in_different_sessions() {
    let server = Server::start_private(&[]);
    let bouncer = Bouncer::start(&server);
    let seen = sessions(&bouncer.url_of("postgres"), "work_mem");
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn p1_runs_killed_and_resumed_through_pgbouncer_leave_what_an_undisturbed_one_leaves() {
    let server = Server::start_private(&[]);
    let bouncer = Bouncer::start(&server);
    let db = PostgresDatabase::on(&server, &accounts(2_000));
    let before = db.rows("SELECT * FROM accounts ORDER BY id");
    let url = bouncer.url_of(db.name());
    for direction in ["up", "down"] {
        for _ in 0..4 {
            let mut run = driver_at(
                "times100",
                &url,
                &format!("{direction} --batch-size 50 --full-speed --wait-after 7"),
            );
            run.await_line("waiting");
            run.kill();
        }
        let last = driver_at("times100", &url, direction).finish();
        assert!(last.starts_with("ended completed"), "{last}");
        if direction == "up" {
            assert_times_100_once(&db, 2_000);
        }
    }
    assert_eq!(db.rows("SELECT * FROM accounts ORDER BY id"), before);
}

#[tokio::test]
async fn p11_triggers_are_bypassed_for_our_transactions_only() {
    let server = Server::start_private(&[]);
    let bouncer = Bouncer::start(&server);
    for (manifest, fired) in [(&fixtures::puppet, 0), (&fixtures::puppet_normal, 12)] {
        let loud = PostgresDatabase::trigger(
            "loud",
            "docs",
            "AFTER UPDATE",
            "INSERT INTO notes VALUES (NEW.id, 'trigger')",
        );
        let db = PostgresDatabase::on(&server, &(docs::<PostgresDatabase>(12, &[]) + &loud));
        let url = bouncer.url_of(db.name());
        let migrator = Migrator::connect(&url, manifest).await.expect("connected");
        let report = migrator
            .run(Run::up().batch_size(5))
            .await
            .expect("not refused");
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        assert_eq!(db.number("SELECT count(*) FROM notes"), fired);
        assert_eq!(db.number("SELECT sum(value) FROM docs"), 780);
        for (name, untouched) in [
            ("session_replication_role", "origin"),
            ("synchronous_commit", "on"),
            ("idle_in_transaction_session_timeout", "0"),
        ] {
            let left: BTreeSet<String> = sessions(&url, name)
                .into_iter()
                .map(|(_, value)| value)
                .collect();
            assert_eq!(left, BTreeSet::from([untouched.to_owned()]), "{name}");
        }
    }
}

#[test]
fn p2_processes_started_at_once_through_pgbouncer_visit_each_document_once() {
    let server = Server::start_private(&[]);
    let bouncer = Bouncer::start(&server);
    let db = PostgresDatabase::on(&server, &accounts(1_500));
    let url = bouncer.url_of(db.name());
    let all: Vec<_> = (0..4)
        .map(|_| driver_at("times100", &url, "--batch-size 50"))
        .collect();
    for child in all {
        let last = child.finish();
        assert!(
            last.starts_with("ended completed") || last.starts_with("ended noop"),
            "{last}"
        );
    }
    assert_times_100_once(&db, 1_500);
}
