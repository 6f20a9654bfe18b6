//! `up` and `down`: from flags to a run, and from its report to an exit code.

use crate::cli::args::{Down, RunFlags, Up};
use crate::cli::confirm::{Unattended, ask_first};
use crate::cli::exit::{self, Failure};
use crate::cli::json::RunEnd;
use crate::cli::nearest::suggestion;
use crate::cli::progress::Progress;
use crate::cli::settings::JobSettings;
use crate::cli::{Session, folder, interrupt, summary};
use crate::manifest::Manifest;
use crate::migrator::{CancelToken, Migrator, OutOfOrder, Run};
use crate::store::Limit;
use std::time::Duration;

/// `up`
pub(crate) async fn up(session: Session, flags: Up) -> Result<u8, Failure> {
    check_id(session.manifest, flags.to.as_deref())?;
    let mut run = Run::up();
    if let Some(id) = flags.to {
        run = run.to(id);
    }
    let out_of_order = match flags.out_of_order.as_deref() {
        Some("refuse") => Some(OutOfOrder::Refuse),
        Some(_) => Some(OutOfOrder::Warn),
        None => session.config()?.migrations.out_of_order,
    };
    run = run.out_of_order(out_of_order.unwrap_or_default());
    if flags.restart {
        run = run.restart();
    }
    if flags.detach {
        run = run.detach();
    }
    let verb = if flags.common.dry_run {
        "trying"
    } else {
        "applying"
    };
    execute(session, run, flags.common, "up", verb, None).await
}

/// `down`
pub(crate) async fn down(session: Session, flags: Down) -> Result<u8, Failure> {
    check_id(session.manifest, flags.to.as_deref())?;
    let (run, extent) = match (flags.to, flags.steps) {
        (Some(id), _) => (
            Run::down().to(id.clone()),
            format!("every migration after {id}"),
        ),
        (None, steps) => {
            let steps = steps.unwrap_or(1);
            (
                Run::down().steps(steps),
                if steps == 1 {
                    "the newest migration".to_owned()
                } else {
                    format!("the newest {steps} migrations")
                },
            )
        }
    };
    let verb = if flags.common.dry_run {
        "trying to roll back"
    } else {
        "rolling back"
    };
    execute(session, run, flags.common, "down", verb, Some(extent)).await
}

/// Runs it, showing what happens; `undoes` names what is lost, when something is.
async fn execute(
    mut session: Session,
    run: Run,
    flags: RunFlags,
    direction: &'static str,
    verb: &'static str,
    undoes: Option<String>,
) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    if flags.allow_drift && !flags.dry_run {
        target.refuse_unless_sure("lets drift pass", session.global.yes)?;
    }
    let job = target.job(&config, &|name| std::env::var(name).ok())?;
    let migrator = session.connect(&target).await?;
    check_workers(&migrator, flags.workers)?;
    if let Some(extent) = undoes.filter(|_| !flags.dry_run) {
        let question = format!("roll back {extent} on {}?", target.shown());
        ask_first(&target, &question, session.global.yes, Unattended::GoOn)?;
    }

    let output = session.output;
    let (token, progress) = (CancelToken::default(), Progress::new(output, verb));
    let cancel = token.clone();
    interrupt::listen(
        interrupt::RUN,
        &progress,
        output,
        Some(direction),
        move || {
            cancel.cancel();
        },
    );
    let migrator = migrator.observer({
        let progress = progress.clone();
        move |event| progress.observe(event)
    });
    let report = migrator
        .run(apply(run, &flags, &job).cancel_on(&token))
        .await?;

    let code = exit::code_of_report(&report);
    // Only for the words about what to do next: the run is over whether or not this can be read.
    let partial = if code == exit::DONE {
        Vec::new()
    } else {
        migrator
            .status()
            .await
            .map(|status| status.partial)
            .unwrap_or_default()
    };
    for warning in &report.warnings {
        output.warn(warning);
    }
    if let Some(problem) = summary::problem(&report, flags.dry_run, &partial) {
        output.error(&problem);
    }
    output.result(&summary::result(&report, session.manifest, &target.shown()));
    output.object(&RunEnd::of_report(&report));
    Ok(code)
}

/// What the flags say about a run, the file's settings where they say nothing.
fn apply(mut run: Run, flags: &RunFlags, job: &JobSettings) -> Run {
    run = run.start_batch_size(job.batch_size.value.get());
    if let Some(size) = flags.batch_size {
        run = run.batch_size(size);
    }
    if let Some(workers) = flags.workers {
        run = run.workers(workers);
    }
    if flags.dry_run {
        run = run.dry_run();
    }
    if let (true, Some(reason)) = (flags.allow_drift, &flags.reason) {
        run = run.allow_drift(reason);
    }
    if flags.full_speed {
        run = run.full_speed();
    }
    if let Some(pause) = flags.pause_ms {
        run = run.pause(Duration::from_millis(pause));
    }
    if let Some(rows) = flags.rows_per_second {
        run = run.rows_per_second(rows);
    }
    if let Some(timeout) = flags.lock_timeout_ms {
        run = run.lock_timeout(Duration::from_millis(timeout));
    }
    run
}

/// Where one connection writes at a time, more of them would only wait for each other.
pub(crate) fn check_workers(migrator: &Migrator, workers: Option<u32>) -> Result<(), Failure> {
    match workers {
        Some(workers) if workers > 1 && migrator.limits().contains(&Limit::OneWriter) => {
            Err(Failure::usage(format!(
                "--workers {workers} is of no use on {}: SQLite lets one connection write at a time, so the others would only wait; leave --workers out",
                migrator.target()
            )))
        }
        _ => Ok(()),
    }
}

/// An id that is not compiled in is a typing mistake, or a binary that is too old; either way nothing runs.
fn check_id(manifest: &Manifest, id: Option<&str>) -> Result<(), Failure> {
    match id {
        Some(id) if manifest.get(id).is_none() => Err(Failure::usage(format!(
            "there is no migration `{id}`; {}",
            suggestion(id, manifest.ids(), "migrations")
        ))),
        _ => Ok(()),
    }
}
