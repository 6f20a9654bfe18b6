//! `work`: a worker, until there is nothing to do or until it is asked to stop.

use crate::cli::args::Work;
use crate::cli::exit::{self, Failure};
use crate::cli::json::{WorkEnd, WorkEvent};
use crate::cli::output::{RED, paint};
use crate::cli::progress::{Progress, grouped};
use crate::cli::summary::migrations;
use crate::cli::{Session, folder, interrupt, run, secret};
use crate::event::Event;
use crate::history::RunStatus;
use crate::worker::{Worker, WorkerReport};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// `work`
pub(crate) async fn command(mut session: Session, flags: Work) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    let migrator = session.connect(&target).await?;
    run::check_workers(&migrator, flags.workers)?;

    let output = session.output;
    let progress = Progress::new(output, "working on");
    let (stop, stopped) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    interrupt::listen(interrupt::WORKER, &progress, output, None, {
        let (stop, stopped) = (stop.clone(), stopped.clone());
        move || {
            stopped.store(true, Ordering::Release);
            stop.notify_one();
        }
    });
    let migrator = migrator.observer(move |event| {
        progress.observe(event);
        if let Some(line) = of_run(event) {
            progress.note(&line);
        }
        if let Some(event) = WorkEvent::of(event) {
            output.object(&event);
        }
    });
    let mut worker = Worker::new(migrator).until_idle(flags.until_idle);
    if let Some(workers) = flags.workers {
        worker = worker.workers(workers);
    }
    output.note(&format!("working on {}", target.shown()));
    let report = worker.run(stop.notified()).await?;

    output.result(&words(&report));
    output.object(&WorkEnd::of_report(&report));
    Ok(code(&report, stopped.load(Ordering::Acquire)))
}

/// What is said of the runs that a worker drives: it has no command of its own that would say so at the end.
fn of_run(event: &Event) -> Option<String> {
    match event {
        Event::RunStarted {
            run_id,
            direction,
            migration_ids,
            ..
        } => Some(format!(
            "driving run {run_id} ({direction}, {})",
            migrations(migration_ids.len())
        )),
        Event::RunEnded {
            run_id,
            status,
            error,
        } => Some(match (status, error) {
            (RunStatus::Pending, _) => format!("run {run_id} is handed back to other workers"),
            (_, Some(error)) => {
                let error = secret::mask_text(error);
                format!("{}: run {run_id} {status}: {error}", paint(RED, "error"))
            }
            (_, None) => format!("run {run_id} {status}"),
        }),
        _ => None,
    }
}

/// A worker that was asked to stop has done what it was asked; one that ends by itself tells how the work ended.
fn code(report: &WorkerReport, stopped: bool) -> u8 {
    match &report.last {
        _ if stopped => exit::DONE,
        Some(last) => exit::code_of_report(last),
        None if report.refused > 0 => exit::RUN_ACTIVE,
        None => exit::DONE,
    }
}

/// What was done, in a line.
fn words(report: &WorkerReport) -> String {
    let count = |count: u64, one: &str, many: &str| {
        (count > 0).then(|| format!("{} {}", grouped(count), if count == 1 { one } else { many }))
    };
    let parts = [
        count(report.driven, "run driven", "runs driven"),
        count(report.helped, "step helped with", "steps helped with"),
        count(report.built, "build of aggregates", "builds of aggregates"),
        count(report.refused, "run refused", "runs refused"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "there was nothing to do".into()
    } else {
        parts.join(", ")
    }
}
