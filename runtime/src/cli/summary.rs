//! How a run ended, in words. Pure.

use crate::cli::output::{BOLD, DIM, GREEN, RED, YELLOW, paint};
use crate::cli::progress::grouped;
use crate::history::{Direction, RunStatus};
use crate::manifest::Manifest;
use crate::migrator::{Difference, MigrationReport, PartialStep, Report};
use std::fmt::Write as _;

/// What was done.
pub(crate) fn result(report: &Report, manifest: &Manifest, target: &str) -> String {
    match report.status {
        RunStatus::Noop => nothing_to_do(report.direction, manifest, target),
        RunStatus::DryRun => dry_run(report),
        _ => {
            let done: Vec<&MigrationReport> = report
                .migrations
                .iter()
                .filter(|migration| migration.status == "completed")
                .collect();
            match done.as_slice() {
                [] => String::new(),
                done => finished(report.direction, done, target),
            }
        }
    }
}

/// What went wrong and what to do next; `None` when nothing did.
pub(crate) fn problem(report: &Report, dry_run: bool, partial: &[PartialStep]) -> Option<String> {
    let error = report.error.as_deref();
    match report.status {
        RunStatus::DriftBlocked => Some(drift_blocked(report)),
        RunStatus::Canceled => Some(format!(
            "the run was canceled; {}",
            next(report.direction, partial)
        )),
        RunStatus::Failed => Some(format!(
            "{}\n{}mend the cause and {}",
            error.unwrap_or("the run failed"),
            if has_worked(report) && !dry_run {
                "what was committed before stays; "
            } else {
                ""
            },
            next(report.direction, partial)
        )),
        _ => error.map(str::to_owned),
    }
}

/// Whether a batch came to its end before the run failed.
fn has_worked(report: &Report) -> bool {
    report
        .migrations
        .iter()
        .any(|migration| migration.processed > 0)
}

/// How to go on: where the half-done step stands, if there is one.
fn next(direction: Direction, partial: &[PartialStep]) -> String {
    match partial.iter().find(|step| step.direction == direction) {
        Some(step) => format!(
            "run `{direction}` again to resume {} at {} %",
            step.migration_id, step.percent
        ),
        None => format!("run `{direction}` again"),
    }
}

fn nothing_to_do(direction: Direction, manifest: &Manifest, target: &str) -> String {
    match (direction, manifest.len()) {
        (_, 0) => "nothing to do: there are no migrations yet; `create` writes one".to_owned(),
        (Direction::Up, 1) => format!("nothing to do: the migration is applied on {target}"),
        (Direction::Up, _) => {
            format!("nothing to do: every migration asked for is applied on {target}")
        }
        (Direction::Down, _) => format!("nothing to roll back on {target}"),
    }
}

fn finished(direction: Direction, done: &[&MigrationReport], target: &str) -> String {
    let verb = match direction {
        Direction::Up => "applied",
        Direction::Down => "rolled back",
    };
    let mut text = format!(
        "{} on {target}:",
        paint(GREEN, format!("{verb} {}", migrations(done.len())))
    );
    for migration in done {
        let _ = write!(
            text,
            "\n  {} {}",
            migration.id,
            paint(DIM, counts(migration))
        );
    }
    text
}

fn dry_run(report: &Report) -> String {
    let mut text = String::new();
    for migration in &report.migrations {
        let _ = writeln!(
            text,
            "{} would visit {} and change {}",
            paint(BOLD, &migration.id),
            documents(migration.processed),
            grouped(migration.changed)
        );
        for difference in &migration.sample {
            text.push_str(&sample(difference));
        }
    }
    text.push_str("dry run: everything was rolled back and nothing was written");
    text
}

/// One document, before and after.
fn sample(difference: &Difference) -> String {
    let mut text = format!("  {} {}\n", difference.table, difference.key);
    for (column, before, after) in &difference.columns {
        let after = match after {
            Some(after) => paint(GREEN, after),
            None => paint(YELLOW, "removed"),
        };
        let _ = writeln!(text, "    {column}: {} → {after}", paint(RED, before));
    }
    text
}

fn drift_blocked(report: &Report) -> String {
    let mut text = "applied history differs from the code, so nothing was done:".to_owned();
    for drift in &report.drift {
        let _ = write!(text, "\n  {}", drift.message);
    }
    if report.drift.is_empty() {
        let _ = write!(
            text,
            "\n  {}",
            report.error.as_deref().unwrap_or("see `drift`")
        );
    }
    text.push_str("\n`drift` shows what changed");
    text
}

fn counts(migration: &MigrationReport) -> String {
    let mut text = format!(
        "{}, {} changed",
        documents(migration.processed),
        grouped(migration.changed)
    );
    if migration.quarantined > 0 {
        let _ = write!(text, ", {} set aside", grouped(migration.quarantined));
    }
    text
}

/// `1 document`, `1,000 documents`.
pub(crate) fn documents(count: u64) -> String {
    format!(
        "{} document{}",
        grouped(count),
        if count == 1 { "" } else { "s" }
    )
}

/// `1 migration`, `2 migrations`.
pub(crate) fn migrations(count: usize) -> String {
    format!("{count} migration{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_that_committed_something_says_that_it_stays() {
        let failed = |processed| Report {
            status: RunStatus::Failed,
            run_id: Some("run".into()),
            direction: Direction::Up,
            migrations: vec![MigrationReport {
                id: "20260227_080239_x".into(),
                status: "failed".into(),
                processed,
                changed: 0,
                quarantined: 0,
                sample: Vec::new(),
            }],
            drift: Vec::new(),
            error: Some("it broke".into()),
            warnings: Vec::new(),
            error_kind: None,
        };
        let says_so = |processed, dry_run| {
            problem(&failed(processed), dry_run, &[])
                .unwrap()
                .contains("what was committed before stays")
        };
        assert!(says_so(128, false));
        assert!(!says_so(0, false));
        assert!(!says_so(128, true));
    }
}
