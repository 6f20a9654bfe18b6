//! P3: what the app writes between our read and our write is never overwritten.

use driftless::{Manifest, Run, RunStatus};
use driftless_tests::{Seed, TestApp, TestStore, accounts, fixtures, run_beside};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::exercise!(
    p3_apps_that_read_add_one_and_write_lose_nothing_and_take_nothing_away,
    p3_an_app_that_adds_to_amounts_times_100_loses_nothing_whichever_was_first,
    p3_rows_that_are_locked_as_they_are_read_lose_nothing_either,
);

const ROWS: u32 = 2_000;

/// What the apps did beside the run, by account.
fn hammer<S: TestStore>(db: &S, manifest: &'static Manifest, script: &'static str) -> Vec<i64> {
    let seed = Seed::new();
    let url = db.url();
    let run = run_beside(async move {
        let migrator = driftless::Migrator::connect(&url, manifest).await?;
        migrator.run(Run::up().batch_size(50)).await
    });
    let stop = AtomicBool::new(false);
    let stop = &stop;
    let done = std::thread::scope(|scope| {
        let apps: Vec<_> = (0..2)
            .map(|number| (db.another_app(), seed.world(number)))
            .map(|(mut app, mut chance)| {
                scope.spawn(move || {
                    let mut done = vec![0; ROWS as usize + 1];
                    while !stop.load(Ordering::Relaxed) {
                        let id = chance.u32(1..=ROWS);
                        app.run(&script.replace("{id}", &id.to_string()));
                        done[id as usize] += 1;
                        // One that spins on SQLite's one lock starves everybody, which is not what this is about.
                        std::thread::sleep(Duration::from_micros(300));
                    }
                    done
                })
            })
            .collect();
        let report = run.join().expect("the engine does not panic");
        stop.store(true, Ordering::Relaxed);
        let report = report.expect("the run is not refused");
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        apps.into_iter()
            .map(|app| app.join().expect("the app"))
            .reduce(|all, one| all.iter().zip(one).map(|(a, b)| a + b).collect())
            .expect("an app")
    });
    println!("{} increments beside the run", done.iter().sum::<i64>());
    assert!(done.iter().any(|count| *count > 0), "no app had a turn");
    done
}

async fn read_add_write<S: TestStore>(manifest: &'static Manifest) {
    let db = S::new(&accounts::<S>(ROWS));
    let done = hammer(&db, manifest, S::INCREMENT);
    for (row, id) in db
        .rows("SELECT amount FROM accounts ORDER BY id")
        .iter()
        .zip(1..)
    {
        let expected = id % 9973 + 1 + 1_000_000 + done[id as usize];
        assert_eq!(row, &expected.to_string(), "account {id}");
    }
}

async fn p3_apps_that_read_add_one_and_write_lose_nothing_and_take_nothing_away<S: TestStore>() {
    read_add_write::<S>(&fixtures::add_million).await;
}

async fn p3_rows_that_are_locked_as_they_are_read_lose_nothing_either<S: TestStore>() {
    read_add_write::<S>(&fixtures::add_million_locked).await;
}

/// An amount that was raised before its turn is multiplied with the raise, one that was raised after it is not: every amount
/// is 100 times what it was, plus 100 or 1 for each raise.
async fn p3_an_app_that_adds_to_amounts_times_100_loses_nothing_whichever_was_first<
    S: TestStore,
>() {
    let db = S::new(&accounts::<S>(ROWS));
    let raise = "UPDATE accounts SET amount = amount + 1, visits = visits + 1 WHERE id = {id}";
    let done = hammer(&db, &fixtures::times100, raise);
    for row in db.rows("SELECT id, amount, visits FROM accounts ORDER BY id") {
        let cells: Vec<i64> = row
            .split('|')
            .map(|cell| cell.parse().expect("a number"))
            .collect();
        let [id, amount, visits] = cells[..] else {
            panic!("{row}")
        };
        assert_eq!(
            visits, done[id as usize],
            "no raise of account {id} is missing"
        );
        let rest = amount - (id % 9973 + 1) * 100;
        let possible = (0..=visits).any(|before| before * 100 + (visits - before) == rest);
        assert!(possible, "account {id}: {amount} after {visits} raises");
    }
    assert_eq!(
        db.rows("SELECT count(*), count(DISTINCT account) FROM audit"),
        [format!("{ROWS}|{ROWS}")],
        "what the step did through `ctx` happened once, also for documents that it was called for again"
    );
}
