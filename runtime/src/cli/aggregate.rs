//! `aggregate backfill|rebuild|prune|status`.

use crate::aggregate::{AggregateReport, AggregateState, AggregateStatus, Backfill};
use crate::cli::args::{Aggregate, BackfillFlags};
use crate::cli::confirm::{Unattended, ask_first};
use crate::cli::exit::{self, Failure};
use crate::cli::json::{AggregateEnd, PruneEnd, StatusOfAggregates};
use crate::cli::output::{BOLD, DIM, GREEN, Output, RED, YELLOW, paint};
use crate::cli::progress::{Progress, grouped};
use crate::cli::settings::{DeployFlags, DeploySettings, Sources};
use crate::cli::{Session, interrupt};
use crate::history::RunStatus;
use crate::migrator::{CancelToken, Migrator};
use std::time::Duration;

/// `aggregate …`
pub(crate) async fn command(session: Session, command: Aggregate) -> Result<u8, Failure> {
    match command {
        Aggregate::Backfill(flags) => backfill(session, flags, Backfill::new()).await,
        Aggregate::Rebuild(flags) => backfill(session, flags, Backfill::new().rebuild()).await,
        Aggregate::Prune => prune(session).await,
        Aggregate::Status => status(session).await,
    }
}

async fn backfill(
    mut session: Session,
    flags: BackfillFlags,
    request: Backfill,
) -> Result<u8, Failure> {
    let config = session.config()?;
    let target = session.target(&config)?;
    let sources = Sources {
        config: &config,
        environment: session.global.environment(),
        variable: &|name| std::env::var(name).ok(),
    };
    let job = DeploySettings::resolve(&sources, &DeployFlags::default())?.aggregates;
    let request = apply(request, flags)?
        .start_batch_size(job.batch_size.value.get())
        .poll_interval(job.poll_interval());
    let migrator = session.connect(&target).await?;
    let output = session.output;
    let (token, progress) = (CancelToken::default(), Progress::new(output, "building"));
    let cancel = token.clone();
    interrupt::listen(interrupt::RUN, &progress, output, None, move || {
        cancel.cancel();
    });
    let report = drive(&migrator, request.cancel_on(&token), &progress).await?;
    say(output, &report, &target.shown());
    Ok(code(&report))
}

/// Builds, and shows it.
pub(crate) async fn drive(
    migrator: &Migrator,
    request: Backfill,
    progress: &Progress,
) -> Result<AggregateReport, Failure> {
    let progress = progress.clone();
    let migrator = migrator
        .clone()
        .observer(move |event| progress.observe(event));
    Ok(migrator.backfill(request).await?)
}

/// Says how a backfill ended, in both languages.
pub(crate) fn say(output: Output, report: &AggregateReport, target: &str) {
    for failed in report
        .aggregates
        .iter()
        .filter_map(|one| one.error.as_ref())
    {
        output.error(failed);
    }
    output.result(&words(report, target));
    output.object(&AggregateEnd::of_report(report));
}

/// The exit code of a backfill.
pub(crate) fn code(report: &AggregateReport) -> u8 {
    match report.status {
        RunStatus::Completed | RunStatus::Noop | RunStatus::Pending => exit::DONE,
        RunStatus::Canceled => exit::CANCELED,
        _ => report.error_kind.map_or(exit::FAILED, exit::code_of_kind),
    }
}

pub(crate) fn words(report: &AggregateReport, target: &str) -> String {
    let count = report.aggregates.len();
    let aggregates = match count {
        1 => "1 aggregate".to_owned(),
        count => format!("{} aggregates", grouped(count as u64)),
    };
    match report.status {
        RunStatus::Noop if count == 0 => {
            "this program declares no aggregates: give them to `Cli::aggregates`".into()
        }
        RunStatus::Noop => format!("{aggregates} of {target} READY already; nothing to do"),
        RunStatus::Completed => format!("{aggregates} of {target} {}", paint(GREEN, "READY")),
        RunStatus::Pending => {
            format!("{aggregates} of {target} left to a worker: `migrate work` builds them")
        }
        _ => String::new(),
    }
}

fn apply(mut request: Backfill, flags: BackfillFlags) -> Result<Backfill, Failure> {
    for name in flags.names {
        request = request.only(name);
    }
    if let Some(size) = flags.batch_size {
        request = request.batch_size(size);
    }
    if let Some(timeout) = flags.timeout_ms {
        request = request.timeout(Duration::from_millis(timeout));
    }
    if let Some(timeout) = flags.lock_timeout_ms {
        request = request.lock_timeout(Duration::from_millis(timeout));
    }
    if let Some(pause) = flags.pause_ms {
        request = request.pause(Duration::from_millis(pause));
    }
    if flags.full_speed {
        request = request.full_speed();
    }
    if flags.detach {
        request = request.detach();
    }
    Ok(request)
}

async fn prune(mut session: Session) -> Result<u8, Failure> {
    let config = session.config()?;
    let target = session.target(&config)?;
    let migrator = session.connect(&target).await?;
    let statuses = migrator.aggregate_status().await?;
    let doomed: Vec<&str> = (statuses.iter())
        .filter(|status| !status.declared)
        .map(|status| status.name.as_str())
        .collect();
    if !doomed.is_empty() {
        // Another version of the app may still read them.
        let question = format!("remove {} from {}?", doomed.join(", "), target.shown());
        ask_first(&target, &question, session.global.yes, Unattended::GoOn)?;
    }
    let pruned = migrator.prune_aggregates().await?;
    session.output.result(&match pruned.as_slice() {
        [] => "every aggregate there is is declared; nothing to prune".into(),
        names => format!("pruned {}", names.join(", ")),
    });
    session.output.object(&PruneEnd::of(&pruned));
    Ok(exit::DONE)
}

async fn status(mut session: Session) -> Result<u8, Failure> {
    let config = session.config()?;
    let target = session.target(&config)?;
    let migrator = session.connect(&target).await?;
    let aggregates = migrator.aggregate_status().await?;
    let lines: Vec<String> = aggregates.iter().map(line).collect();
    session.output.result(&match lines.as_slice() {
        [] => "there are no aggregates".into(),
        lines => lines.join("\n"),
    });
    session.output.object(&StatusOfAggregates {
        aggregates: &aggregates,
    });
    Ok(exit::DONE)
}

/// `READY     todos_by_project (todos)`, with what there is to say about it.
pub(crate) fn line(status: &AggregateStatus) -> String {
    let (word, style) = match status.state {
        Some(AggregateState::Ready) => ("READY", GREEN),
        Some(AggregateState::Stale) => ("STALE", RED),
        Some(state) => (state.as_str(), YELLOW),
        None => ("not built", YELLOW),
    };
    let mut remarks = Vec::new();
    if matches!(status.state, Some(AggregateState::Building)) {
        remarks.push(format!(
            "{} of about {} rows",
            grouped(status.processed),
            grouped(status.total.max(status.processed))
        ));
    }
    remarks.extend(status.reason.clone());
    if let Some(holder) = &status.holder {
        remarks.push(format!("built by {holder}"));
    } else if status.requested {
        remarks.push("waits for a worker".into());
    }
    if !status.declared {
        remarks.push("not declared; `migrate aggregate prune` removes it".into());
    } else if status.state != Some(AggregateState::Ready) && status.holder.is_none() {
        remarks.push("`migrate aggregate backfill` builds it".into());
    }
    let word = paint(style, format!("{word:<9}"));
    let name = paint(BOLD, &status.name);
    let table = paint(DIM, format!("({})", status.table));
    match remarks.as_slice() {
        [] => format!("{word} {name} {table}"),
        remarks => format!("{word} {name} {table} {}", remarks.join("; ")),
    }
}
