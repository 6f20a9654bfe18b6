//! The app next door: single-row updates at a steady rate while a job runs, and how long each took from the moment it was due.

use crate::arena::{Arena, connect, run};
use crate::contenders::{full_speed, migrate, one_update};
use driftless::Run;
use driftless_benches::{Job, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Updates of the app per second.
pub const PER_SECOND: u32 = 200;

/// Connections of the app: one that waits does not hold up the others.
const CONNECTIONS: usize = 8;

/// How long the app is watched without a job, and before and after one.
const ALONE: Duration = Duration::from_secs(5);

struct Beside {
    name: &'static str,
    job: Option<fn(&str) -> Outcome<()>>,
}

const CASES: [Beside; 5] = [
    Beside {
        name: "nobody",
        job: None,
    },
    Beside {
        name: "one UPDATE",
        job: Some(|url| one_update(url, Job::Computed)),
    },
    Beside {
        name: "ours as it comes",
        job: Some(|url| migrate(url, Job::Computed, Run::up())),
    },
    Beside {
        name: "ours as it comes, two workers",
        job: Some(|url| migrate(url, Job::Computed, Run::up().workers(2))),
    },
    Beside {
        name: "ours, --full-speed, batch 1024",
        job: Some(|url| migrate(url, Job::Computed, full_speed())),
    },
];

/// Every case in turn, job B, round by round; the numbers are over all rounds.
pub fn compare(arena: &Arena, rounds: u32) -> Outcome<()> {
    let mut latencies = vec![Vec::new(); CASES.len()];
    let mut took = vec![Duration::ZERO; CASES.len()];
    for _ in 0..rounds {
        for (at, case) in CASES.iter().enumerate() {
            let copy = arena.copy()?;
            let (url, stop) = (copy.url.clone(), Arc::new(AtomicBool::new(false)));
            let app = std::thread::spawn({
                let (url, stop) = (url.clone(), stop.clone());
                move || app(&url, &stop).map_err(|error| error.to_string())
            });
            let started = Instant::now();
            match case.job {
                Some(job) => job(&url)?,
                None => std::thread::sleep(ALONE),
            }
            took[at] += started.elapsed();
            stop.store(true, Ordering::Relaxed);
            let measured = app.join().map_err(|_| "the app panicked")??;
            latencies[at].extend(measured);
        }
    }
    for ((case, latencies), took) in CASES.iter().zip(&mut latencies).zip(took) {
        latencies.sort();
        let at = |share: f64| {
            let index = ((latencies.len() - 1) as f64 * share) as usize;
            latencies[index].as_secs_f64() * 1e3
        };
        println!(
            "beside {:<34} {:>7.1} {:>7.1} {:>7.1}   ({} updates, job took {:.1} s)",
            case.name,
            at(0.5),
            at(0.99),
            at(1.0),
            latencies.len(),
            took.as_secs_f64() / f64::from(rounds)
        );
    }
    Ok(())
}

/// Updates a row at a time until told to stop. Each is due at its own moment, whatever the ones before it took.
fn app(url: &str, stop: &AtomicBool) -> Outcome<Vec<Duration>> {
    run(async {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = connect(url).await?;
            let update = client
                .prepare("UPDATE todos SET created_at = now() WHERE id = $1")
                .await?;
            connections.push(Arc::new((client, update)));
        }
        let row = connections[0].0.query_one("SELECT max(id) FROM todos", &[]);
        let rows: i64 = row.await?.get(0);
        let mut random = fastrand::Rng::with_seed(7);
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut updates = tokio::task::JoinSet::new();
        for connection in connections.iter().cycle() {
            let due = ticks.tick().await.into_std();
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let (connection, id) = (connection.clone(), random.i64(1..=rows));
            updates.spawn(async move {
                let (client, update) = &*connection;
                client.execute(update, &[&id]).await?;
                Ok::<_, tokio_postgres::Error>(due.elapsed())
            });
        }
        let mut latencies = Vec::with_capacity(updates.len());
        while let Some(latency) = updates.join_next().await {
            latencies.push(latency??);
        }
        Ok(latencies)
    })
}
