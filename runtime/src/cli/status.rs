//! `status`: every migration, and the run that is active.

use crate::cli::exit::{self, Failure};
use crate::cli::output::{BOLD, DIM, GREEN, RED, YELLOW, paint};
use crate::cli::summary::{documents, who};
use crate::cli::{Session, args, folder};
use crate::history::{Direction, RunRow, RunStatus, StateRow};
use crate::manifest::Manifest;
use crate::migrator::{Drift, DriftKind, Status, StatusKind};
use anstyle::Style;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::Duration;

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Clears the screen, once.
const CLEAR: &str = "\x1b[2J";

/// `status`
pub(crate) async fn command(mut session: Session, flags: &args::Status) -> Result<u8, Failure> {
    if let Err(stale) = folder::refuse_if_stale(session.manifest) {
        session.output.warn(&stale.message);
    }
    let config = session.config()?;
    let target = session.target(&config)?;
    let migrator = session.connect(&target).await?;
    let redraws = flags.watch && !session.output.json && std::io::stdout().is_terminal();
    if redraws {
        session.output.result(CLEAR);
    }
    loop {
        let status = migrator.status().await?;
        session.output.object(&status);
        let page = text(&status, session.manifest, &target.shown());
        let page = if redraws { in_place(&page) } else { page };
        session.output.result(&page);
        if !flags.watch {
            return Ok(exit::DONE);
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// The page over the one before it: each line clears what was right of it, and the end what was below. No flicker that way.
fn in_place(page: &str) -> String {
    let lines = page.lines().map(|line| format!("{line}\x1b[K\n"));
    format!("\x1b[H{}\x1b[J", lines.collect::<String>())
}

/// The whole page.
fn text(status: &Status, manifest: &Manifest, target: &str) -> String {
    let mut text = format!("{} {target}\n", paint(DIM, "database"));
    if let Some(run) = &status.active_run {
        text.push_str(&active(run, status.status));
    }
    let lines = lines(status, manifest);
    if lines.is_empty() {
        text.push_str("\nthere are no migrations yet; `create` writes one\n");
        return text;
    }
    text.push('\n');
    let state_width = lines
        .iter()
        .map(|line| line.state.chars().count())
        .max()
        .unwrap_or(0);
    let id_width = lines
        .iter()
        .map(|line| line.id.chars().count())
        .max()
        .unwrap_or(0);
    for line in &lines {
        let state = paint(line.style, format!("{:state_width$}", line.state));
        let row = format!(
            "  {state}  {:id_width$}  {}",
            line.id,
            paint(DIM, &line.note)
        );
        text.push_str(row.trim_end());
        text.push('\n');
        if let Some(error) = &line.error {
            let _ = writeln!(text, "  {:state_width$}  {}", "", paint(RED, error));
        }
    }
    if !status.drift.is_empty() {
        let _ = write!(
            text,
            "\n{}: applied history differs from the code; `drift` shows how\n",
            paint(RED, "drift")
        );
        for drift in &status.drift {
            let _ = writeln!(text, "  {}", drift.message);
        }
    }
    text
}

/// The active run.
fn active(run: &RunRow, kind: StatusKind) -> String {
    let holder = run.lease_holder.as_deref();
    let holder = holder.map_or("nobody yet".to_owned(), who);
    let what = format!(
        "{} {} {}",
        paint(DIM, "run     "),
        paint(BOLD, &run.run_id),
        run.direction
    );
    let since = &run.started_at;
    match kind {
        StatusKind::Stale => format!(
            "{what}, {} since {since}: {holder} is gone or has stopped committing; `{}` takes over, `cancel` ends it\n",
            paint(YELLOW, "stale"),
            run.direction
        ),
        _ if run.status == RunStatus::Pending => {
            format!(
                "{what}, waiting for a worker since {since}: `work` executes it, `cancel` ends it\n"
            )
        }
        _ if run.cancel_requested => format!("{what}, stopping after its batch, by {holder}\n"),
        _ => format!(
            "{what}, {} since {since}, by {holder}\n",
            paint(GREEN, "running")
        ),
    }
}

/// One migration's line.
#[derive(Debug, PartialEq)]
struct Line {
    state: String,
    style: Style,
    id: String,
    note: String,
    error: Option<String>,
}

/// A line for every migration that is compiled in or in the history, in id order.
fn lines(status: &Status, manifest: &Manifest) -> Vec<Line> {
    let mut all: BTreeMap<&str, (Option<&str>, Option<&StateRow>)> = manifest
        .iter()
        .map(|migration| (migration.id, (Some(migration.description), None)))
        .collect();
    for row in &status.migrations {
        all.entry(&row.migration_id).or_default().1 = Some(row);
    }
    all.into_iter()
        .map(|(id, (description, row))| {
            let drift = status.drift.iter().find(|drift| drift.migration_id == id);
            let (mut state, mut style) = row.map_or_else(pending, standing);
            if let Some(drift) = drift {
                style = RED;
                let _ = write!(state, ", {}", drift_word(drift));
            }
            Line {
                state,
                style,
                id: id.to_owned(),
                note: row
                    .filter(|row| is_begun(row))
                    .map_or_else(|| description.unwrap_or_default().to_owned(), progress)
                    + retired_note(manifest, id),
                error: row
                    .filter(|row| row.is_partial())
                    .and_then(|row| row.last_error.clone()),
            }
        })
        .collect()
}

fn retired_note(manifest: &Manifest, id: &str) -> &'static str {
    match manifest.retired_one(id) {
        Some(_) => ", retired",
        None => "",
    }
}

fn pending() -> (String, Style) {
    ("pending".to_owned(), YELLOW)
}

/// `applied`, `pending`, `up 40 % (canceled)`, `pending (up failed)`.
fn standing(row: &StateRow) -> (String, Style) {
    let (whole, style) = if row.applied {
        ("applied".to_owned(), GREEN)
    } else {
        pending()
    };
    if !row.is_partial() {
        return (whole, style);
    }
    // Before its first batch a step has changed nothing, so the migration still is what it was.
    if row.cursor.is_none() {
        return (
            format!("{whole} ({} {})", row.direction, row.status),
            YELLOW,
        );
    }
    (
        format!("{} {} % ({})", row.direction, row.percent(), row.status),
        YELLOW,
    )
}

fn is_begun(row: &StateRow) -> bool {
    row.applied || row.is_partial()
}

fn drift_word(drift: &Drift) -> &'static str {
    match drift.kind {
        DriftKind::ChecksumMismatch => "drifted",
        DriftKind::MissingFromManifest => "missing",
    }
}

/// `1,000 documents, 512 changed, 2026-02-27 08:03`.
fn progress(row: &StateRow) -> String {
    let when = row.completed_at.as_ref().unwrap_or(&row.updated_at);
    let when: String = when
        .chars()
        .take("2026-02-27T08:03".len())
        .map(|character| if character == 'T' { ' ' } else { character })
        .collect();
    let back = if row.direction == Direction::Down {
        "back in "
    } else {
        ""
    };
    format!(
        "{back}{}, {} changed, {when}",
        documents(row.processed),
        crate::cli::progress::grouped(row.changed)
    )
}
