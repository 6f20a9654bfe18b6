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
        RunStatus::Pending => format!(
            "run {} is enqueued on {target}; `migrate work` executes it, here or on any machine",
            report.run_id.as_deref().unwrap_or("of this plan")
        ),
        RunStatus::Running => format!(
            "run {} with the same plan is under way on {target}; `migrate work` helps with it, `status` shows it",
            report.run_id.as_deref().unwrap_or_default()
        ),
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

/// Who holds a lease, stored as `host/process/token`.
pub(crate) fn who(holder: &str) -> String {
    let mut parts = holder.rsplitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(process), Some(host)) => format!("process {process} on {host}"),
        _ => holder.to_owned(),
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

/// One document, before and after; a removed one in one line.
fn sample(difference: &Difference) -> String {
    let Difference {
        table,
        key,
        columns,
    } = difference;
    if columns.is_empty() {
        return format!("  {table} {key} keeps every value\n");
    }
    if columns.iter().all(|(_, _, after)| after.is_none()) {
        let cells = columns
            .iter()
            .map(|(column, before, _)| format!("{column} = {before}"));
        let cells = cells.collect::<Vec<_>>().join(", ");
        return format!("  {table} {key} {} ({cells})\n", paint(YELLOW, "removed"));
    }
    let mut text = format!("  {table} {key}\n");
    for (column, before, after) in columns {
        let after = paint(GREEN, after.as_deref().unwrap_or("removed"));
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

    #[test]
    fn a_holder_is_a_process_on_a_host() {
        assert_eq!(who("web/1/42/0a1b"), "process 42 on web/1");
        assert_eq!(who("somebody"), "somebody");
    }

    #[test]
    fn a_removed_document_takes_one_line_and_a_changed_one_a_line_per_column() {
        let of = |columns: &[(&str, &str, Option<&str>)]| Difference {
            table: "playlist".into(),
            key: "(1, 2)".into(),
            columns: columns
                .iter()
                .map(|(name, before, after)| {
                    (name.to_string(), before.to_string(), after.map(Into::into))
                })
                .collect(),
        };
        let plain = |difference| anstream::adapter::strip_str(&sample(&difference)).to_string();
        assert_eq!(
            plain(of(&[("a", "1", None), ("b", "2", None)])),
            "  playlist (1, 2) removed (a = 1, b = 2)\n"
        );
        assert_eq!(
            plain(of(&[("a", "1", Some("3"))])),
            "  playlist (1, 2)\n    a: 1 → 3\n"
        );
        assert_eq!(plain(of(&[])), "  playlist (1, 2) keeps every value\n");
    }
}
