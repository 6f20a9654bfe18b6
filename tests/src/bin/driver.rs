//! A process that migrates: `driver <fixture> <database url> [up|down|work|cancel|cancel-force|backfill|rebuild] [--batch-size N]
//! [--lease-ms N] [--lock-timeout-ms N] [--wait-after BATCHES]… [--full-speed] [--workers N] [--detach] [--pause-ms N]`.
//! Prints one line per event and, last, how it ended: `ended <status>: <error>`, `worked driven=N helped=N refused=N` or
//! `refused <kind>: <error>`. `work` ends when there is nothing to do; `work-on` when its input ends.

use driftless::{Backfill, Event, Migrator, Run, Worker};
use driftless_tests::fixture;
use driftless_tests::todos::{TODOS_BY_OWNER, TODOS_BY_PROJECT};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Default)]
struct Options {
    command: String,
    batch_size: Option<u32>,
    lease: Option<Duration>,
    lock_timeout: Option<Duration>,
    wait_after: Vec<u64>,
    full_speed: bool,
    workers: Option<u32>,
    detach: bool,
    pause: Option<Duration>,
}

fn options(arguments: &mut dyn Iterator<Item = String>) -> Options {
    let mut options = Options {
        command: "up".into(),
        ..Options::default()
    };
    while let Some(argument) = arguments.next() {
        let mut number = || -> u64 {
            let text = arguments.next().expect("a number follows");
            text.parse().expect("a number")
        };
        match argument.as_str() {
            "--batch-size" => options.batch_size = Some(u32::try_from(number()).expect("a size")),
            "--lease-ms" => options.lease = Some(Duration::from_millis(number())),
            "--lock-timeout-ms" => options.lock_timeout = Some(Duration::from_millis(number())),
            "--wait-after" => options.wait_after.push(number()),
            "--full-speed" => options.full_speed = true,
            "--workers" => options.workers = Some(u32::try_from(number()).expect("a number")),
            "--pause-ms" => options.pause = Some(Duration::from_millis(number())),
            "--detach" => options.detach = true,
            "up" | "down" | "work" | "work-on" | "cancel" | "cancel-force" | "backfill"
            | "rebuild" => options.command = argument,
            other => panic!("{other} is not an argument of the driver"),
        }
    }
    options
}

fn observe(event: &Event, batches: &AtomicU64, wait_after: &[u64]) {
    match event {
        Event::RunStarted { run_id, .. } => println!("started {run_id}"),
        Event::Following { holder, .. } => println!("following {holder}"),
        Event::TakenOver { holder, .. } => println!("taken over from {holder}"),
        Event::StepStarted { processed, .. } => println!("step {processed}"),
        Event::BatchCommitted { processed, .. } => {
            println!("batch {processed}");
            wait(batches, wait_after);
        }
        Event::AggregateStarted { processed, .. } => println!("building {processed}"),
        Event::AggregateAwaited { holder, .. } => println!("awaiting {holder}"),
        Event::AggregateReady { name } => println!("ready {name}"),
        Event::AggregateBatch { processed, .. } => {
            println!("counted {processed}");
            wait(batches, wait_after);
        }
        Event::Retrying { reason, .. } => println!("retrying {reason}"),
        Event::Warning { message } => println!("warning {message}"),
        Event::WorkerIdle => println!("idle"),
        Event::WorkerRefused { reason, .. } => println!("worker refused {reason}"),
        _ => {}
    }
}

/// Waits for a line on standard input, after as many batches as was asked for.
fn wait(batches: &AtomicU64, wait_after: &[u64]) {
    if wait_after.contains(&(batches.fetch_add(1, Ordering::Relaxed) + 1)) {
        println!("waiting");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("stdin");
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let manifest = fixture(&arguments.next().expect("a fixture"));
    let url = arguments.next().expect("a database");
    let options = options(&mut arguments);
    let last = execute(manifest, &url, &options).await;
    println!("{}", last.replace('\n', " "));
}

async fn execute(manifest: &'static driftless::Manifest, url: &str, options: &Options) -> String {
    let refused =
        |error: driftless::Error| format!("refused {:?}: {}", error.kind(), error.chain());
    let mut migrator = match Migrator::connect(url, manifest).await {
        Ok(migrator) => migrator,
        Err(error) => return refused(error),
    };
    let (batches, wait_after) = (AtomicU64::new(0), options.wait_after.clone());
    migrator = migrator
        .aggregates(&[&TODOS_BY_PROJECT, &TODOS_BY_OWNER])
        .observer(move |event| observe(event, &batches, &wait_after));
    if let Some(lease) = options.lease {
        migrator = migrator.lease(lease);
    }
    let mut run = match options.command.as_str() {
        "up" => Run::up(),
        "down" => Run::down(),
        "work" | "work-on" => return work(migrator, options).await.unwrap_or_else(refused),
        "backfill" | "rebuild" => {
            return backfill(migrator, options).await.unwrap_or_else(refused);
        }
        command => {
            let canceled = migrator.cancel_run(None, command == "cancel-force").await;
            return canceled.map_or_else(refused, |canceled| format!("canceled {canceled:?}"));
        }
    };
    if let Some(size) = options.batch_size {
        run = run.batch_size(size);
    }
    if let Some(timeout) = options.lock_timeout {
        run = run.lock_timeout(timeout);
    }
    if options.full_speed {
        run = run.full_speed();
    }
    if let Some(workers) = options.workers {
        run = run.workers(workers);
    }
    if let Some(pause) = options.pause {
        run = run.pause(pause);
    }
    if options.detach {
        run = run.detach();
    }
    match migrator.run(run).await {
        Ok(report) => format!(
            "ended {}: {}",
            report.status,
            report.error.unwrap_or_default()
        ),
        Err(error) => refused(error),
    }
}

async fn backfill(migrator: Migrator, options: &Options) -> driftless::Result<String> {
    let mut request = Backfill::new().full_speed();
    if options.command == "rebuild" {
        request = request.rebuild();
    }
    if let Some(size) = options.batch_size {
        request = request.batch_size(size);
    }
    if options.detach {
        request = request.detach();
    }
    let report = migrator.backfill(request).await?;
    Ok(format!(
        "ended {}: {}",
        report.status,
        report.error.unwrap_or_default()
    ))
}

async fn work(migrator: Migrator, options: &Options) -> driftless::Result<String> {
    let until_idle = options.command == "work";
    let mut worker = Worker::new(migrator).until_idle(until_idle);
    if let Some(workers) = options.workers {
        worker = worker.workers(workers);
    }
    let report = worker
        .run(async {
            if until_idle {
                std::future::pending::<()>().await;
            }
            // A line or the end of the input is the signal to stop.
            let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()))
                .await;
        })
        .await?;
    let last = report
        .last
        .map(|last| format!(" last={}: {}", last.status, last.error.unwrap_or_default()));
    Ok(format!(
        "worked driven={} helped={} refused={}{}",
        report.driven,
        report.helped,
        report.refused,
        last.unwrap_or_default()
    ))
}
