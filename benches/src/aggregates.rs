//! What an aggregate costs: an app's inserts and updates with one and without, alternating on two databases that are alike, and
//! how fast it is built.
//!
//! `cargo run --release -p driftless-benches --bin aggregates -- [--rows N] [--rounds N]`

use driftless::{Backfill, Manifest, Migrator};
use driftless_benches::{Outcome, number};
use driftless_tests::{Database, PostgresDatabase, Server, TestStore};
use std::time::Instant;

static NONE: Manifest = driftless::__private::Manifest::new(&[], "", "");

driftless::aggregate! {
    pub TODOS_BY_PROJECT = "todos" by (project_id, completed) { count, sum(effort), avg(effort), min(created_at), max(created_at) }
}

/// Writes per round, each a transaction of its own.
const WRITES: i64 = 1_000;

fn todos(rows: i64, key: &str) -> String {
    format!(
        "CREATE TABLE todos (id {key}, project_id BIGINT NOT NULL, completed BOOLEAN NOT NULL, effort BIGINT, created_at BIGINT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO todos (id, project_id, completed, effort, created_at) SELECT i, i % 1000, i % 3 = 0, i % 17, i FROM n;"
    )
}

/// Writes as an app does, with prepared statements.
trait Writes {
    /// Microseconds per insert, and per update that moves a row to another group.
    fn time(&self, first: i64) -> Outcome<[f64; 2]>;
}

impl Writes for Database {
    fn time(&self, first: i64) -> Outcome<[f64; 2]> {
        let app = self.app();
        app.pragma_update(None, "synchronous", "NORMAL")?;
        let mut insert = app.prepare("INSERT INTO todos VALUES (?1, ?1 % 1000, FALSE, 5, ?1)")?;
        let mut update = app.prepare("UPDATE todos SET completed = NOT completed WHERE id = ?1")?;
        let begun = Instant::now();
        for id in first..first + WRITES {
            insert.execute([id])?;
        }
        let inserted = begun.elapsed();
        let begun = Instant::now();
        for id in first..first + WRITES {
            update.execute([id])?;
        }
        Ok(per_write([inserted, begun.elapsed()]))
    }
}

impl Writes for PostgresDatabase {
    fn time(&self, first: i64) -> Outcome<[f64; 2]> {
        let times = self.app().with(move |client| {
            let insert =
                client.prepare("INSERT INTO todos VALUES ($1::bigint, $1 % 1000, FALSE, 5, $1)");
            let update = client.prepare("UPDATE todos SET completed = NOT completed WHERE id = $1");
            let (insert, update) = (insert.expect("SQL"), update.expect("SQL"));
            let mut time = |statement| {
                let begun = Instant::now();
                for id in first..first + WRITES {
                    client.execute(statement, &[&id]).expect("written");
                }
                begun.elapsed()
            };
            [time(&insert), time(&update)]
        });
        Ok(per_write(times))
    }
}

fn per_write(times: [std::time::Duration; 2]) -> [f64; 2] {
    times.map(|time| time.as_secs_f64() * 1e6 / WRITES as f64)
}

fn middle(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

async fn measure<S: TestStore + Writes>(
    make: impl Fn(&str) -> S,
    rows: i64,
    rounds: i64,
) -> Outcome<()> {
    let script = todos(rows, "BIGINT PRIMARY KEY");
    let (plain, kept) = (make(&script), make(&script));
    let migrator = Migrator::connect(&kept.url(), &NONE)
        .await?
        .aggregates(&[&TODOS_BY_PROJECT]);
    for (name, request) in [
        ("--full-speed", Backfill::new().full_speed()),
        ("as it comes", Backfill::new().rebuild()),
    ] {
        let begun = Instant::now();
        migrator.backfill(request).await?.into_result()?;
        let speed = rows as f64 / begun.elapsed().as_secs_f64() / 1000.0;
        println!("{}: built {name}: {speed:.0} thousand rows/s", S::NAME);
    }
    let mut times = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        let first = rows + 1 + round * WRITES;
        let (without, with) = (plain.time(first)?, kept.time(first)?);
        for at in 0..2 {
            times[at][0].push(without[at]);
            times[at][1].push(with[at]);
            ratios[at].push(with[at] / without[at]);
        }
    }
    for (at, what) in ["insert", "update that moves a row to another group"]
        .iter()
        .enumerate()
    {
        println!(
            "{}: {what}: {:.0} µs without, {:.0} µs with, {:.2} times",
            S::NAME,
            middle(&times[at][0]),
            middle(&times[at][1]),
            middle(&ratios[at])
        );
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let rows = number("--rows")?.unwrap_or(500_000).into();
    let rounds = number("--rounds")?.unwrap_or(9).into();
    measure(Database::new, rows, rounds).await?;
    let server = Server::start_private(&[
        ("fsync", "on"),
        ("shared_buffers", "512MB"),
        ("max_wal_size", "16GB"),
    ]);
    measure(|script| PostgresDatabase::on(&server, script), rows, rounds).await
}
