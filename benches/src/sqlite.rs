//! Jobs A and B of DESIGN §9 on SQLite: one `UPDATE`, the hand-written loop, and ours, alternating on copies of one file.
//!
//! `cargo run --release -p driftless-benches --bin sqlite -- [--rows N] [--rounds N]`
//! Every contender gets a fresh copy of the same database. Ratios are taken round by round, so a machine whose speed
//! drifts does not favour anybody; the median and the spread are printed.

use driftless::{Migrator, Run};
use driftless_benches::{BATCH, Job, Outcome, argument, median, number, peak_megabytes, ratios};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// One way to do a job.
struct Contender {
    name: &'static str,
    run: fn(&Path, Job) -> Outcome<()>,
}

const CONTENDERS: [Contender; 5] = [
    Contender {
        name: "one UPDATE",
        run: one_update,
    },
    Contender {
        name: "hand-written loop",
        run: by_hand,
    },
    Contender {
        name: "the same, unsynced",
        run: by_hand_unsynced,
    },
    Contender {
        name: "ours, --full-speed",
        run: ours,
    },
    Contender {
        name: "ours, polite default",
        run: polite,
    },
];

fn main() -> Outcome<()> {
    let rows = number("--rows")?.unwrap_or(1_000_000);
    let rounds = number("--rounds")?.unwrap_or(5);
    if let Some(only) = argument("--profile") {
        return profile(rows, &only);
    }
    let folder = tempfile::tempdir()?;
    let original = folder.path().join("original.db");
    create(&original, rows)?;
    for job in [Job::Constant, Job::Computed] {
        println!("\njob {job}; {rows} rows, batch {BATCH}, {rounds} rounds");
        compare(&original, folder.path(), job, rows, rounds)?;
    }
    println!("\npeak memory of this process: {:.1} MB", peak_megabytes());
    Ok(())
}

/// One contender alone, for a profiler or for measuring memory.
fn profile(rows: u32, name: &str) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("profile.db");
    create(&path, rows)?;
    let before = peak_megabytes();
    let contender = CONTENDERS
        .iter()
        .find(|contender| contender.name.contains(name))
        .ok_or("no such contender")?;
    let started = Instant::now();
    (contender.run)(&path, Job::Computed)?;
    let took = started.elapsed().as_secs_f64();
    println!(
        "{}: {:.0} thousand rows/s, peak memory {:.1} MB (before: {before:.1} MB)",
        contender.name,
        f64::from(rows) / took / 1e3,
        peak_megabytes()
    );
    Ok(())
}

fn compare(original: &Path, folder: &Path, job: Job, rows: u32, rounds: u32) -> Outcome<()> {
    let mut times = vec![Vec::new(); CONTENDERS.len()];
    for round in 0..rounds {
        for (contender, times) in CONTENDERS.iter().zip(&mut times) {
            let path = folder.join(format!("round{round}.db"));
            std::fs::copy(original, &path)?;
            let started = Instant::now();
            (contender.run)(&path, job)?;
            times.push(started.elapsed());
            check(&path, job)?;
            remove(&path)?;
        }
    }
    let by_hand = times[1].clone();
    for (contender, times) in CONTENDERS.iter().zip(&times) {
        let (low, middle, high) = ratios(times, &by_hand);
        let speed = f64::from(rows) / median(times).as_secs_f64() / 1e3;
        println!(
            "{:<22} {speed:>6.0} thousand rows/s   {middle:.2} of the hand-written loop ({low:.2} to {high:.2})",
            contender.name
        );
    }
    Ok(())
}

fn one_update(path: &Path, job: Job) -> Outcome<()> {
    Connection::open(path)?.execute(job.one_statement(), [])?;
    Ok(())
}

/// What a careful person writes: keyset pages, one transaction each, cached statements, the cursor in a table.
fn by_hand(path: &Path, job: Job) -> Outcome<()> {
    hand_written_loop(&Connection::open(path)?, job)
}

/// The same with what ours does about syncing, to tell the two apart.
fn by_hand_unsynced(path: &Path, job: Job) -> Outcome<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    hand_written_loop(&connection, job)
}

fn hand_written_loop(connection: &Connection, job: Job) -> Outcome<()> {
    connection.execute_batch(
        "CREATE TABLE progress (cursor INTEGER NOT NULL); INSERT INTO progress VALUES (0);",
    )?;
    let (select, update) = match job {
        Job::Constant => (
            "SELECT id, priority FROM todos WHERE id > ?1 ORDER BY id LIMIT ?2",
            "UPDATE todos SET priority = ?1 WHERE id = ?2",
        ),
        Job::Computed => (
            "SELECT id, title FROM todos WHERE id > ?1 ORDER BY id LIMIT ?2",
            "UPDATE todos SET slug = ?1 WHERE id = ?2",
        ),
    };
    let (mut select, mut update) = (connection.prepare(select)?, connection.prepare(update)?);
    let mut save = connection.prepare("UPDATE progress SET cursor = ?1")?;
    let mut cursor = 0_i64;
    let mut page: Vec<(i64, Option<String>)> = Vec::new();
    loop {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        page.clear();
        let mut rows = select.query((cursor, BATCH))?;
        while let Some(row) = rows.next()? {
            page.push((row.get(0)?, row.get(1)?));
        }
        drop(rows);
        for (id, text) in &page {
            match (job, text) {
                (Job::Constant, None) => drop(update.execute(("medium", id))?),
                (Job::Constant, Some(_)) => {}
                (Job::Computed, title) => {
                    let slug = driftless_benches::slug(title.as_deref().unwrap_or_default());
                    update.execute((slug, id))?;
                }
            }
        }
        cursor = page.last().map_or(cursor, |(id, _)| *id);
        save.execute([cursor])?;
        connection.execute_batch("COMMIT")?;
        if page.len() < BATCH as usize {
            return Ok(());
        }
    }
}

fn ours(path: &Path, job: Job) -> Outcome<()> {
    migrate(path, job, Run::up().batch_size(BATCH).full_speed())
}

fn polite(path: &Path, job: Job) -> Outcome<()> {
    migrate(path, job, Run::up())
}

fn migrate(path: &Path, job: Job, run: Run) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let migrator =
            Migrator::connect(&format!("sqlite://{}", path.display()), job.manifest()).await?;
        migrator.run(run).await?.into_result()?;
        Ok(())
    })
}

fn create(path: &Path, rows: u32) -> Outcome<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE todos (id INTEGER PRIMARY KEY, title TEXT NOT NULL, priority TEXT, slug TEXT, created_at TEXT NOT NULL);")?;
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO todos SELECT i, 'Water the plants ' || i, CASE WHEN i % 2 THEN 'high' END, NULL, '2026-01-01T00:00:00Z' FROM n",
        [rows],
    )?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// The job was really done.
fn check(path: &Path, job: Job) -> Outcome<()> {
    let column = job.column();
    let left: i64 = Connection::open(path)?.query_row(
        &format!("SELECT count(*) FROM todos WHERE {column} IS NULL"),
        [],
        |row| row.get(0),
    )?;
    if left == 0 {
        Ok(())
    } else {
        Err(format!("{left} rows were left out").into())
    }
}

fn remove(path: &Path) -> Outcome<()> {
    for suffix in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}
