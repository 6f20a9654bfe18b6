//! Jobs A and B of DESIGN §9 on Postgres: one `UPDATE`, the hand-written loop, the usual sqlx loop, and ours, alternating on
//! copies of one database; then the app next door, and memory.
//!
//! `cargo run --release -p driftless-benches --bin postgres -- [--rows N] [--rounds N] [--only speed|latency|memory]`
//! starts a server of its own; `--url postgres://superuser@host/postgres` uses another. `--without NAME` leaves contenders out
//! (the sqlx loop takes most of the time), `--profile NAME --job a|b` runs one alone.
//!
//! Every contender gets a fresh copy of the same database, made by `CREATE DATABASE … TEMPLATE`, which begins and ends with a
//! checkpoint: each begins with the same cold write-ahead log. Ratios are taken round by round, so a machine whose speed drifts
//! does not favour anybody.

mod arena;
mod beside;
mod contenders;

use arena::Arena;
use contenders::{CONTENDERS, Contender, HAND_WRITTEN};
use driftless_benches::{BATCH, Job, Outcome, argument, median, number, peak_megabytes, ratios};
use std::time::{Duration, Instant};

fn main() -> Outcome<()> {
    let rows = number("--rows")?.unwrap_or(1_000_000);
    let rounds = number("--rounds")?.unwrap_or(5);
    let arena = Arena::open(argument("--url").as_deref())?;
    if let Some(name) = argument("--profile") {
        return profile(&arena, rows, &name);
    }
    let only = argument("--only");
    let wanted = |what: &str| only.as_deref().is_none_or(|only| only == what);
    if wanted("speed") {
        arena.create(rows)?;
        for job in [Job::Constant, Job::Computed] {
            println!("\njob {job}; {rows} rows, batch {BATCH}, {rounds} rounds");
            compare(&arena, job, rows, rounds)?;
        }
    }
    if wanted("latency") {
        arena.create(rows)?;
        println!(
            "\napp latency, {} single-row updates/s, in ms: p50, p99, max",
            beside::PER_SECOND
        );
        beside::compare(&arena, rounds)?;
    }
    if wanted("memory") {
        println!("\npeak memory, job B, each in a process of its own");
        for rows in [rows, rows * 5] {
            memory(&arena, rows)?;
        }
    }
    Ok(())
}

/// Every contender in turn, round by round.
fn compare(arena: &Arena, job: Job, rows: u32, rounds: u32) -> Outcome<()> {
    let without = argument("--without");
    let runs = |contender: &Contender| {
        without
            .as_deref()
            .is_none_or(|name| !contender.name.contains(name))
    };
    let mut times = vec![Vec::new(); CONTENDERS.len()];
    for _ in 0..rounds {
        for (contender, times) in CONTENDERS.iter().zip(&mut times) {
            if runs(contender) {
                times.push(time(arena, contender, job)?);
            }
        }
    }
    let by_hand = times[HAND_WRITTEN].clone();
    let took_part = |(_, times): &(&Contender, &Vec<Duration>)| !times.is_empty();
    for (contender, times) in CONTENDERS.iter().zip(&times).filter(took_part) {
        let (low, middle, high) = ratios(times, &by_hand);
        let speed = f64::from(rows) / median(times).as_secs_f64() / 1e3;
        println!(
            "{:<42} {speed:>5.0} thousand rows/s   {middle:.2} of the hand-written loop ({low:.2} to {high:.2})",
            contender.name
        );
    }
    Ok(())
}

/// How long one contender takes on a fresh copy; connecting counts.
fn time(arena: &Arena, contender: &Contender, job: Job) -> Outcome<Duration> {
    let copy = arena.copy()?;
    let started = Instant::now();
    (contender.run)(&copy.url, job)?;
    let took = started.elapsed();
    copy.check(job)?;
    Ok(took)
}

/// One contender alone, for a profiler or for measuring memory.
fn profile(arena: &Arena, rows: u32, name: &str) -> Outcome<()> {
    let contender = CONTENDERS
        .iter()
        .find(|contender| contender.name.contains(name))
        .ok_or("no such contender")?;
    let job = match argument("--job").as_deref() {
        Some("a") => Job::Constant,
        _ => Job::Computed,
    };
    arena.create(rows)?;
    let before = peak_megabytes();
    let took = time(arena, contender, job)?.as_secs_f64();
    println!(
        "{}: {rows} rows, {:.0} thousand rows/s, peak memory {:.1} MB (before: {before:.1} MB)",
        contender.name,
        f64::from(rows) / took / 1e3,
        peak_megabytes()
    );
    Ok(())
}

/// Memory never shrinks again in the eyes of the kernel, so each measurement gets a process of its own.
fn memory(arena: &Arena, rows: u32) -> Outcome<()> {
    let status = std::process::Command::new(std::env::current_exe()?)
        .args(["--profile", "one worker", "--job", "b"])
        .args(["--rows", &rows.to_string(), "--url", &arena.url])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("the measuring process failed".into())
    }
}
