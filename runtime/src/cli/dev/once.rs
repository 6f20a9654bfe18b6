//! One pass of `dev`: applies what is pending as `[dev.migrations]` says, and tells each thing that happens as a line of JSON.

use crate::cli::config::{Config, Enabled};
use crate::cli::exit::{self, Failure};
use crate::cli::json::{RunEnd, WorkEvent};
use crate::cli::progress::Progress;
use crate::cli::settings::JobSettings;
use crate::cli::target::Target;
use crate::cli::{Session, folder, interrupt, secret, summary};
use crate::event::Event;
use crate::history::RunStatus;
use crate::migrator::{CancelToken, Drift, Migrator, Report, Run, Status};
use serde::Serialize;
use std::io::Read;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The reason that is kept with runs that drift does not stop.
const REASON: &str = "migrate dev";

/// A screen need not be drawn more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// `dev --once`
pub(super) async fn command(mut session: Session, until_input_ends: bool) -> Result<u8, Failure> {
    let token = CancelToken::default();
    if until_input_ends {
        stop_when_input_ends(token.clone());
    }
    let output = session.output;
    let mut end = End::default();
    let code = match pass(&mut session, &token, &mut end).await {
        Ok(code) => code,
        Err(failure) => {
            output.error(&failure.message);
            let line = RunEnd::of_failure(&failure, Some("up"));
            output.object(&DevEnd {
                run: line,
                end: &end,
            });
            failure.code
        }
    };
    Ok(if end.strict { code } else { relaxed(code) })
}

/// What may go wrong with a run is no failure of the command; that it cannot be meant is.
fn relaxed(code: u8) -> u8 {
    if code == exit::USAGE {
        code
    } else {
        exit::DONE
    }
}

/// Where the database stands at the end, and what is to be thought of it.
#[derive(Debug, Default, Serialize)]
struct End {
    /// A failure ends `dev`.
    strict: bool,
    /// It may go well when it is tried again with the same code: the database is away or busy.
    try_again: bool,
    /// How many migrations are applied.
    applied: usize,
    /// The ids that are not.
    pending: Vec<String>,
}

/// The last line.
#[derive(Serialize)]
struct DevEnd<'r> {
    #[serde(flatten)]
    run: RunEnd<'r>,
    #[serde(flatten)]
    end: &'r End,
}

/// Lines before the last that other commands do not have.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum DevEvent<'e> {
    Database {
        database: &'e str,
    },
    Following {
        holder: &'e str,
    },
    Progress {
        migration_id: &'e str,
        processed: u64,
        total: u64,
    },
}

async fn pass(session: &mut Session, token: &CancelToken, end: &mut End) -> Result<u8, Failure> {
    folder::refuse_if_stale(session.manifest)?;
    let config = session.config()?;
    let target = session.target(&config)?;
    let job = &target.job(&config, &|name| std::env::var(name).ok())?;
    end.strict = job.strict.value;
    refuse_protected(&target, &config)?;
    let output = session.output;
    let database = target.shown();
    output.object(&DevEvent::Database {
        database: &database,
    });
    let migrator = session.connect(&target).await.inspect_err(|failure| {
        end.try_again = failure.code != exit::USAGE;
    })?;
    let report = if job.enabled.value == Enabled::Off {
        None
    } else {
        let report = run(session, migrator.clone(), job, token).await;
        Some(report.inspect_err(|failure| end.try_again = can_wait(failure.code))?)
    };
    let status = migrator.status().await.inspect_err(|failure| {
        end.try_again = failure.is_busy();
    })?;
    (end.applied, end.pending) = (applied(&status), status.pending.clone());
    Ok(tell(session, end, report.as_ref(), &status, &database))
}

/// How many migrations are applied.
fn applied(status: &Status) -> usize {
    status
        .migrations
        .iter()
        .filter(|migration| migration.applied)
        .count()
}

/// Time heals these: a database that is away or locked, another run that is active.
fn can_wait(code: u8) -> bool {
    matches!(code, exit::TIMED_OUT | exit::RUN_ACTIVE)
}

/// Says how it ended, in both languages; gives back the exit code.
fn tell(
    session: &Session,
    end: &mut End,
    report: Option<&Report>,
    status: &Status,
    database: &str,
) -> u8 {
    let output = session.output;
    let Some(report) = report else {
        output.note("nothing is applied: [dev.migrations] has enabled = \"off\"");
        output.object(&DevEnd {
            run: RunEnd {
                status: "noop",
                run_id: None,
                direction: Some("up"),
                migrations: Vec::new(),
                drift: &status.drift,
                error: None,
            },
            end,
        });
        return exit::DONE;
    };
    let code = exit::code_of_report(report);
    end.try_again = can_wait(code);
    for warning in &report.warnings {
        output.warn(warning);
        output.object(&WorkEvent::Warning {
            message: secret::mask_text(warning),
        });
    }
    for Drift { message, .. } in &report.drift {
        output.warn(message);
    }
    if let Some(problem) = summary::problem(report, false, &status.partial) {
        output.error(&problem);
    }
    output.result(&summary::result(report, session.manifest, database));
    output.object(&DevEnd {
        run: RunEnd::of_report(report),
        end,
    });
    code
}

/// A local database that is also a protected one was named by mistake.
fn refuse_protected(target: &Target, config: &Config) -> Result<(), Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    match Target::protected_twin(&target.url, config, &variable) {
        Some(name) => Err(Failure::usage(format!(
            "{} is the database of [env.{name}], which is protected; `dev` works on a local one only",
            target.shown()
        ))),
        None => Ok(()),
    }
}

/// How far the step under way is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reached {
    migration_id: String,
    processed: u64,
    total: u64,
}

/// What the engine's thread has told last and nobody has printed yet.
type Latest = Arc<Mutex<Option<Reached>>>;

fn locked(latest: &Latest) -> MutexGuard<'_, Option<Reached>> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The migrator, with everybody told what it does.
fn observed(
    session: &Session,
    migrator: Migrator,
    token: &CancelToken,
    latest: &Latest,
) -> Migrator {
    let output = session.output;
    let progress = Progress::new(output, "applying");
    let cancel = token.clone();
    interrupt::listen(interrupt::RUN, &progress, output, Some("up"), move || {
        cancel.cancel();
    });
    let latest = latest.clone();
    migrator.observer(move |event| {
        progress.observe(event);
        // What is told of one step is not printed after the next has begun.
        *locked(&latest) = match event {
            Event::BatchCommitted {
                migration_id,
                processed,
                total,
                ..
            } => Some(Reached {
                migration_id: migration_id.clone(),
                processed: *processed,
                total: *total,
            }),
            _ => None,
        };
        if let Some(line) = WorkEvent::of(event) {
            output.object(&line);
        }
        if let Event::Following { holder, .. } = event {
            output.object(&DevEvent::Following {
                holder: &summary::who(holder),
            });
        }
    })
}

/// `up` as the settings say.
fn up(job: &JobSettings, token: &CancelToken) -> Run {
    let mut run = Run::up()
        .cancel_on(token)
        .start_batch_size(job.batch_size.value.get())
        .poll_interval(job.poll_interval());
    if job.allow_drift.value {
        run = run.allow_drift(REASON);
    }
    if !job.wait.value {
        run = run.detach();
    }
    run
}

/// Runs it, prints how far it is, and stops it when its time is over.
async fn run(
    session: &Session,
    migrator: Migrator,
    job: &JobSettings,
    token: &CancelToken,
) -> Result<Report, Failure> {
    let latest = Latest::default();
    let migrator = observed(session, migrator, token, &latest);
    let mut running = pin!(migrator.run(up(job, token)));
    let started = Instant::now();
    let timeout = Duration::from_millis(job.timeout_ms.value);
    let mut overdue = None;
    let mut report = loop {
        match tokio::time::timeout(PROGRESS_EVERY, &mut running).await {
            Ok(report) => break report?,
            Err(_) => tell_progress(session, &latest),
        }
        if overdue.is_none() && started.elapsed() >= timeout {
            overdue = Some(timeout.as_millis());
            session
                .output
                .note("time is over; stopping after this batch");
            token.cancel();
        }
    };
    if let (Some(timeout), RunStatus::Canceled) = (overdue, report.status) {
        report.error = Some(format!(
            "not done within timeout_ms = {timeout} of [dev.migrations], so it was stopped after its batch; the next run goes on from there"
        ));
    }
    Ok(report)
}

fn tell_progress(session: &Session, latest: &Latest) {
    let Some(reached) = locked(latest).take() else {
        return;
    };
    session.output.object(&DevEvent::Progress {
        migration_id: &reached.migration_id,
        processed: reached.processed,
        total: reached.total,
    });
}

/// Whoever started this holds the other end of standard input: its end is theirs, however it came.
fn stop_when_input_ends(token: CancelToken) {
    // The thread ends with the process.
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        let mut input = std::io::stdin().lock();
        while matches!(input.read(&mut ignored), Ok(1..)) {}
        token.cancel();
    });
}
