//! A process that migrates: `driver <fixture> <database url> [up|down|cancel|cancel-force] [--batch-size N] [--lease-ms N]
//! [--lock-timeout-ms N] [--wait-after BATCHES]… [--full-speed]`. Prints one line per event and, last, how it
//! ended: `ended <status>: <error>` or `refused <kind>: <error>`.

use driftless::{Event, Migrator, Run};
use driftless_tests::fixture;
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
            "up" | "down" | "cancel" | "cancel-force" => options.command = argument,
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
            if wait_after.contains(&(batches.fetch_add(1, Ordering::Relaxed) + 1)) {
                println!("waiting");
                let mut line = String::new();
                std::io::stdin().read_line(&mut line).expect("stdin");
            }
        }
        Event::Retrying { reason, .. } => println!("retrying {reason}"),
        Event::Warning { message } => println!("warning {message}"),
        _ => {}
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
    migrator = migrator.observer(move |event| observe(event, &batches, &wait_after));
    if let Some(lease) = options.lease {
        migrator = migrator.lease(lease);
    }
    let mut run = match options.command.as_str() {
        "up" => Run::up(),
        "down" => Run::down(),
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
    match migrator.run(run).await {
        Ok(report) => format!(
            "ended {}: {}",
            report.status,
            report.error.unwrap_or_default()
        ),
        Err(error) => refused(error),
    }
}
