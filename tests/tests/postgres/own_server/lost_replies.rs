//! A network that loses what was sent: above all the reply to a `COMMIT`.

use crate::{accounts, driver_at};
use driftless::{Event, Migrator, Run, RunStatus};
use driftless_tests::{
    Cut, PostgresDatabase, Proxy, Seed, Server, TestStore, assert_says, assert_times_100_once,
    fixtures,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Runs `times100` in batches of 50 and cuts the connection at the commit of every third.
async fn cut_every_third(db: &PostgresDatabase, proxy: Arc<Proxy>, cut: Cut, run: Run) -> u64 {
    let (cuts, batches, retries) = (
        Arc::new(AtomicU64::new(0)),
        AtomicU64::new(0),
        Arc::new(AtomicU64::new(0)),
    );
    let (count, retried, at) = (cuts.clone(), retries.clone(), proxy.clone());
    let migrator = Migrator::connect(&proxy.url_of(db.name()), &fixtures::times100)
        .await
        .expect("connected");
    let migrator = migrator.observer(move |event| match event {
        Event::BatchCommitted { .. } if batches.fetch_add(1, Ordering::Relaxed) % 3 == 0 => {
            // Nobody waits for the news: it shows in the number of retries.
            drop(at.cut_at_next_commit(cut));
            count.fetch_add(1, Ordering::Relaxed);
        }
        Event::Retrying { .. } => drop(retried.fetch_add(1, Ordering::Relaxed)),
        _ => {}
    });
    let report = migrator
        .run(run.batch_size(50).full_speed())
        .await
        .expect("not refused");
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(report.migrations[0].processed, 1_000, "{report:?}");
    println!(
        "{cut:?}: {} cuts, {} retries",
        cuts.load(Ordering::Relaxed),
        retries.load(Ordering::Relaxed)
    );
    cuts.load(Ordering::Relaxed)
}

#[tokio::test]
async fn p1_a_commit_whose_reply_is_lost_is_looked_up_and_nothing_is_done_twice() {
    let server = Server::start_private(&[]);
    for cut in [Cut::AfterCommit, Cut::BeforeCommit] {
        let db = PostgresDatabase::on(&server, &accounts(1_000));
        let proxy = Arc::new(Proxy::start(server.port()));
        let before = db.rows("SELECT * FROM accounts ORDER BY id");
        assert!(cut_every_third(&db, proxy.clone(), cut, Run::up()).await > 5);
        assert_times_100_once(&db, 1_000);
        assert_eq!(
            db.rows("SELECT status, applied, processed, changed FROM migration_state"),
            ["completed|1|1000|1000"]
        );
        cut_every_third(&db, proxy, cut, Run::down()).await;
        assert_eq!(
            db.rows("SELECT * FROM accounts ORDER BY id"),
            before,
            "{cut:?}"
        );
    }
}

/// Every commit of a whole run, from the first table of ours to the last word, one after another.
#[tokio::test]
async fn p1_a_reply_lost_at_any_commit_of_a_run_leaves_what_an_undisturbed_one_leaves() {
    let server = Server::start_private(&[]);
    for nth in 0..9 {
        let db = PostgresDatabase::on(&server, &accounts(200));
        let proxy = Proxy::start(server.port());
        let url = proxy.url_of(db.name());
        let cut = proxy.cut_at_commit(Cut::AfterCommit, nth);
        let migrator = Migrator::connect(&url, &fixtures::times100)
            .await
            .expect("connected");
        let run = || Run::up().batch_size(50).full_speed();
        let status = match migrator.run(run()).await {
            Ok(report) => report.status,
            Err(error) => panic!("at commit {nth}: {error:?}"),
        };
        println!(
            "cut at commit {nth}: {status}, cut: {}",
            cut.try_recv().is_ok()
        );
        assert_eq!(status, RunStatus::Completed, "at commit {nth}");
        assert_times_100_once(&db, 200);
        assert_eq!(db.rows("SELECT status FROM migration_run"), ["completed"]);
    }
}

#[test]
fn p1_connections_cut_at_random_moments_leave_what_an_undisturbed_run_leaves() {
    let mut seed = Seed::new();
    let server = Server::start_private(&[]);
    let db = PostgresDatabase::on(&server, &accounts(1_500));
    let proxy = Proxy::start(server.port());
    let mut run = driver_at(
        "times100",
        &proxy.url_of(db.name()),
        "--batch-size 20 --full-speed",
    );
    let mut cuts = 0;
    while run.try_await("batch").is_some() {
        if seed.u32(0..8) == 0 && cuts < 12 {
            std::thread::sleep(Duration::from_micros(seed.u64(0..3_000)));
            proxy.cut_all();
            cuts += 1;
        }
    }
    assert!(cuts > 2, "{cuts} cuts");
    assert_eq!(run.finish(), "ended completed:");
    assert_times_100_once(&db, 1_500);
}

#[test]
fn a_network_that_stays_away_fails_the_run_and_the_next_one_goes_on() {
    let server = Server::start_private(&[]);
    let db = PostgresDatabase::on(&server, &accounts(1_000));
    let proxy = Proxy::start(server.port());
    let mut run = driver_at(
        "times100",
        &proxy.url_of(db.name()),
        "--batch-size 100 --lock-timeout-ms 400 --wait-after 3",
    );
    run.await_line("waiting");
    proxy.refuse(true);
    proxy.cut_all();
    run.go_on();
    assert_says(
        &run.finish(),
        &["ended failed", "the 300 documents before it are done"],
    );
    proxy.refuse(false);
    proxy.delay(Duration::from_millis(1));
    let last = driver_at("times100", &proxy.url_of(db.name()), "--batch-size 100").finish();
    assert!(last.starts_with("ended completed"), "{last}");
    assert_times_100_once(&db, 1_000);
}
