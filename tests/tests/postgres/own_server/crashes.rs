//! The server dies, stops, runs out of connections, takes no writes.

use crate::{accounts, assert_a_million_added_once, driver};
use driftless_tests::{
    App, PostgresDatabase, Seed, Server, TestStore, assert_says, assert_times_100_once,
};

#[test]
fn a_server_killed_or_stopped_in_the_middle_of_batches_is_waited_for_and_every_document_is_done_once()
 {
    let mut seed = Seed::new();
    let mut server = Server::start_private(&[]);
    let mut db = PostgresDatabase::on(&server, &accounts(3_000));
    let mut run = driver("times100", &db, "--batch-size 50 --full-speed");
    for round in 0..4 {
        for _ in 0..seed.u32(2..6) {
            run.await_line("batch");
        }
        match round % 2 {
            0 => server.kill(),
            _ => server.stop(),
        }
        run.await_line("retrying");
        server.start_again();
    }
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    db.reconnect();
    assert_times_100_once(&db, 3_000);
    assert_eq!(
        db.number("SELECT count(*) FROM migration_run"),
        1,
        "one run did it all"
    );
}

#[test]
fn a_server_that_stays_away_fails_the_run_with_its_cursor_intact() {
    let mut server = Server::start_private(&[]);
    let mut db = PostgresDatabase::on(&server, &accounts(1_000));
    let mut run = driver(
        "times100",
        &db,
        "--batch-size 100 --lock-timeout-ms 500 --wait-after 3",
    );
    run.await_line("waiting");
    server.kill();
    run.go_on();
    let last = run.finish();
    assert_says(
        &last,
        &["ended failed", "the 300 documents before it are done"],
    );
    assert!(!last.contains("secret"), "{last}");
    server.start_again();
    db.reconnect();
    // The last batches, whole, may be undone: they are made durable at the end of a run. Cursor and documents agree.
    let done = db.number("SELECT count(*) FROM audit");
    assert!(done <= 300, "{done}");
    let state = db.rows("SELECT coalesce(cursor, '[0]'), processed, applied FROM migration_state");
    assert_eq!(state, [format!("[{done}]|{done}|0")]);
    // Its end could not be recorded. The process is gone, and so its lease is not waited for.
    let last = driver("times100", &db, "--lease-ms 600000").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 1_000);
}

#[test]
fn a_server_without_a_free_connection_is_waited_for_and_then_given_up_with_a_way_out() {
    let server = Server::start_private(&[
        ("max_connections", "8"),
        ("superuser_reserved_connections", "0"),
    ]);
    let db = PostgresDatabase::on(&server, &accounts(1_000));
    let fill = || -> Vec<App> { std::iter::from_fn(|| App::try_connect(&db.url()).ok()).collect() };
    let all = fill();
    assert!(!all.is_empty());
    let last = driver("add_million", &db, "--lock-timeout-ms 300").finish();
    assert_says(
        &last,
        &["refused Busy", "no connection left", "max_connections"],
    );
    drop(all);
    // In the middle of a run: the connection is lost, and there is no other.
    let mut run = driver("add_million", &db, "--batch-size 100 --wait-after 3");
    run.await_line("waiting");
    let mut all = fill();
    db.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> '' AND pid <> pg_backend_pid()");
    // A session ends a moment after it was told to; then every connection but the test's own is taken.
    while all.len() < 7 {
        all.extend(fill());
    }
    run.go_on();
    run.await_line("retrying");
    drop(all);
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_a_million_added_once(&db);
}

/// What the client of a primary sees that became a standby, until it is promoted again.
#[test]
fn a_server_that_takes_no_writes_for_a_while_is_waited_for() {
    let server = Server::start_private(&[]);
    let db = PostgresDatabase::on(&server, &accounts(1_000));
    let mut run = driver("times100", &db, "--batch-size 100 --wait-after 3");
    run.await_line("waiting");
    let read_only = |on: bool| {
        let admin = server.admin();
        admin.run(&format!(
            "ALTER DATABASE {} SET default_transaction_read_only = {on}",
            db.name()
        ));
        admin.run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> {}",
            db.name(),
            db.value::<i64>("SELECT pg_backend_pid()")
        ));
    };
    read_only(true);
    run.go_on();
    run.await_line("retrying");
    read_only(false);
    let last = run.finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 1_000);
}
