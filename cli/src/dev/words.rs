//! What `dev` says, in words: the screen that shows its state, and the lines where there is no terminal. Pure.

use super::protocol::{Line, Migration, RunEnd};
use super::state::{Action, Event, State};
use anstyle::{AnsiColor, Style};
use std::time::{Duration, Instant};

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// How many pending migrations the screen names.
const NAMED: usize = 5;

/// What is said while a run is brought to its end.
const ENDING: &str = "ending: the batch in hand is finished first (Ctrl-C again stops at once)";

/// What to do about drift while developing.
const DRIFT_HINT: &str = "an edit of what is applied is not applied again; to try it, roll back first: \
`cargo migrate down --steps 1 --allow-drift --reason edited`";

/// The whole screen, line by line.
pub fn screen(state: &State, package: &str, now: Instant) -> Vec<String> {
    let database = state.database.as_ref().map_or(String::new(), |database| {
        paint(DIM, format!("  {database}"))
    });
    let mut lines = vec![
        format!("{} {package}{database}", paint(BOLD, "migrate dev")),
        String::new(),
        format!("  code  {}", code(state, now)),
        format!("  data  {}", data(state, now)),
        String::new(),
    ];
    lines.extend(details(state));
    if lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
    let footer = if state.quitting && state.running.is_some() {
        ENDING
    } else if state.quitting {
        "ended"
    } else {
        "watching; Enter tries again, Ctrl-C ends"
    };
    lines.push(paint(DIM, footer));
    lines
}

/// How the code stands.
fn code(state: &State, now: Instant) -> String {
    if let Some(building) = &state.building {
        let so_far = match building.crates {
            0..2 => String::new(),
            crates => format!(", {crates} crates"),
        };
        let seconds = now.duration_since(building.since).as_secs();
        return paint(YELLOW, format!("building, {seconds} s{so_far}"));
    }
    match &state.built {
        None => String::new(),
        Some(built) => match &built.message {
            None => paint(GREEN, format!("built in {}", seconds(built.took))),
            Some(_) => paint(RED, "does not compile"),
        },
    }
}

/// How the data stands.
fn data(state: &State, now: Instant) -> String {
    if let Some(running) = &state.running {
        let stopping = if running.stopping {
            ", stopping after this batch"
        } else {
            ""
        };
        let what = match &running.step {
            Some((id, processed, total)) => {
                format!("applying {id}, {}", percent(*processed, *total))
            }
            None => "applying what is pending".into(),
        };
        let seconds = now.duration_since(running.since).as_secs();
        return paint(YELLOW, format!("{what}, {seconds} s{stopping}"));
    }
    let Some(end) = &state.ended else {
        return match state.is_broken() {
            true => paint(DIM, "nothing is applied before the code compiles"),
            false => paint(DIM, "not looked at yet"),
        };
    };
    match state.try_again_at {
        Some(at) => {
            let left = at.saturating_duration_since(now).as_secs_f64().ceil();
            paint(RED, format!("waiting; trying again in {left} s"))
        }
        None if end.status == "canceled" => paint(
            YELLOW,
            "stopped after a batch; the next run goes on from there",
        ),
        None if end.is_failure() => paint(RED, "failed"),
        None => paint(GREEN, standing(end)),
    }
}

/// What deserves room: why something failed, else what was done.
fn details(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(running) = &state.running
        && let Some(reason) = &running.held_up
    {
        lines.extend(of_text(&paint(YELLOW, reason)));
    }
    if let Some(message) = state
        .built
        .as_ref()
        .and_then(|built| built.message.as_ref())
    {
        lines.extend(of_text(message));
        return lines;
    }
    for warning in &state.warnings {
        lines.extend(of_text(&warning_of(warning)));
    }
    if let (Some(end), None) = (&state.ended, &state.running) {
        lines.extend(of_end(end).iter().flat_map(|text| of_text(text)));
    }
    lines
}

fn warning_of(message: &str) -> String {
    format!("{}: {message}", paint(YELLOW, "warning"))
}

fn of_text(text: &str) -> Vec<String> {
    text.trim_end()
        .lines()
        .map(|line| format!("  {line}"))
        .collect()
}

/// What a run did, what differs, and why it failed.
fn of_end(end: &RunEnd) -> Vec<String> {
    let mut texts: Vec<String> = end.migrations.iter().filter_map(applied).collect();
    texts.extend(
        end.drift
            .iter()
            .map(|drift| format!("{}: {}", paint(YELLOW, "drift"), drift.message)),
    );
    // A run that goes on with edited code says itself what that means.
    if !end.drift.is_empty() && end.migrations.is_empty() {
        texts.push(paint(DIM, DRIFT_HINT));
    }
    if let Some(error) = end.error.as_ref().filter(|_| end.is_failure()) {
        texts.push(format!("{}: {error}", paint(RED, "error")));
    }
    if end.is_failure() && !end.pending.is_empty() {
        let mut names = end
            .pending
            .iter()
            .take(NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if end.pending.len() > NAMED {
            names.push_str(", …");
        }
        texts.push(paint(DIM, format!("pending: {names}")));
    }
    texts
}

fn applied(migration: &Migration) -> Option<String> {
    let Migration {
        id,
        status,
        processed,
        changed,
        quarantined,
    } = migration;
    if status != "completed" {
        return None;
    }
    let aside = match quarantined {
        0 => String::new(),
        count => format!(", {} set aside", grouped(*count)),
    };
    let counts = format!(
        "{} documents, {} changed{aside}",
        grouped(*processed),
        grouped(*changed)
    );
    Some(format!(
        "{} {id} {}",
        paint(GREEN, "applied"),
        paint(DIM, counts)
    ))
}

/// How many are applied, and how many are not.
fn standing(end: &RunEnd) -> String {
    let applied = match end.applied {
        1 => "1 migration applied".to_owned(),
        count => format!("{count} migrations applied"),
    };
    match (end.status.as_str(), end.pending.len()) {
        ("pending" | "running", count) => {
            format!("{applied}, {count} left to a worker (`migrate work`)")
        }
        (_, 0) => format!("{applied}, nothing pending"),
        (_, count) => format!("{applied}, {count} pending"),
    }
}

/// What is said of an event where there is no screen. `state` is how things stand after it, `actions` what is done next.
pub fn lines(event: &Event, state: &State, actions: &[Action]) -> Vec<String> {
    let mut lines = match event {
        Event::Changed(files) if !files.is_empty() && !state.quitting => {
            vec![format!("changed: {}", files.join(", "))]
        }
        Event::BuildEnded(_) if state.building.is_none() => of_build(state),
        Event::Said(line) => of_line(line),
        Event::RunEnded(end) => of_run(end, state),
        Event::Interrupted if actions.contains(&Action::StopRun) => {
            vec![ENDING.into()]
        }
        _ => Vec::new(),
    };
    if actions.contains(&Action::Build) {
        lines.push("building".into());
    }
    if actions.contains(&Action::StopRun) && !state.quitting {
        lines.push("stopping the run of the older program after its batch".into());
    }
    lines
}

fn of_build(state: &State) -> Vec<String> {
    match &state.built {
        _ if state.quitting => Vec::new(),
        None => Vec::new(),
        Some(built) => vec![match &built.message {
            None => format!("built in {}", seconds(built.took)),
            Some(message) => format!("{}\n{}", paint(RED, "does not compile"), message.trim_end()),
        }],
    }
}

fn of_line(line: &Line) -> Vec<String> {
    match line {
        Line::StepStarted {
            migration_id,
            processed,
            total,
        } => vec![format!(
            "applying {migration_id}, {}",
            percent(*processed, *total)
        )],
        Line::Retrying { reason } => vec![format!("{reason}; trying again")],
        Line::Following { holder } => {
            vec![format!("{holder} executes the same run; waiting for it")]
        }
        Line::Warning { message } => vec![warning_of(message)],
        _ => Vec::new(),
    }
}

fn of_run(end: &RunEnd, state: &State) -> Vec<String> {
    let mut lines = of_end(end);
    match state.try_again_at {
        Some(_) => {
            let pause = state.pause.map_or(0, |pause| pause.as_secs());
            lines.push(format!("waiting; trying again in {pause} s"));
        }
        None if end.status == "canceled" => {
            lines.push("stopped after a batch; the next run goes on from there".into())
        }
        None if end.is_failure() => lines.push(paint(RED, "failed")),
        None => lines.push(paint(GREEN, standing(end))),
    }
    lines
}

/// `45 % of 10,000 documents`
fn percent(processed: u64, total: u64) -> String {
    let percent = (processed.min(total) * 100)
        .checked_div(total)
        .unwrap_or(100);
    format!("{percent} % of {} documents", grouped(total))
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Drift;
    use super::super::state::{Built, Event, State};
    use super::*;

    /// The screen after these events, a second apart.
    fn after(events: &[Event]) -> String {
        let (mut state, mut now) = (State::new(), Instant::now());
        let start = Event::Changed(Vec::new());
        for event in std::iter::once(&start).chain(events) {
            state.next(event.clone(), now);
            now += Duration::from_secs(1);
        }
        let text = screen(&state, "shop", now).join("\n");
        anstream::adapter::strip_str(&text).to_string()
    }

    fn built() -> Event {
        Event::BuildEnded(Built::Program {
            path: "migrate".into(),
            fresh: false,
        })
    }

    fn said(line: &str) -> Event {
        Event::Said(serde_json::from_str(line).unwrap())
    }

    fn database() -> Event {
        said(r#"{"event": "database", "database": "sqlite://app.db"}"#)
    }

    #[test]
    fn a_run_that_goes_on_and_is_held_up() {
        let step = r#"{"event": "step_started", "migration_id": "20260101_000000_a", "processed": 450, "total": 1000}"#;
        let busy =
            r#"{"event": "retrying", "migration_id": "a", "reason": "the database is locked"}"#;
        insta::assert_snapshot!(after(&[built(), database(), said(step), said(busy)]), @r#"
        migrate dev shop  sqlite://app.db

          code  built in 1.0 s
          data  applying 20260101_000000_a, 45 % of 1,000 documents, 4 s

          the database is locked

        watching; Enter tries again, Ctrl-C ends
        "#);
    }

    #[test]
    fn code_that_does_not_compile_beside_data_that_stays() {
        let end = Event::RunEnded(RunEnd {
            status: "completed".into(),
            applied: 2,
            ..RunEnd::default()
        });
        let broken = Event::BuildEnded(Built::Broken {
            message:
                "error[E0425]: cannot find value `itm` in this scope\n --> migrations/a.rs:12:15"
                    .into(),
        });
        let changed = Event::Changed(vec!["migrations/a.rs".into()]);
        insta::assert_snapshot!(after(&[built(), database(), end, changed, broken]), @r#"
        migrate dev shop  sqlite://app.db

          code  does not compile
          data  2 migrations applied, nothing pending

          error[E0425]: cannot find value `itm` in this scope
           --> migrations/a.rs:12:15

        watching; Enter tries again, Ctrl-C ends
        "#);
    }

    #[test]
    fn a_failure_names_what_is_pending_and_an_edit_of_applied_history_says_what_to_do() {
        let failed = Event::RunEnded(RunEnd {
            status: "failed".into(),
            error: Some("the step panicked".into()),
            pending: vec!["20260101_000000_a".into()],
            ..RunEnd::default()
        });
        insta::assert_snapshot!(after(&[built(), database(), failed]), @r#"
        migrate dev shop  sqlite://app.db

          code  built in 1.0 s
          data  failed

          error: the step panicked
          pending: 20260101_000000_a

        watching; Enter tries again, Ctrl-C ends
        "#);
        let drifted = Event::RunEnded(RunEnd {
            status: "noop".into(),
            applied: 1,
            drift: vec![Drift {
                message: "migration 20260101_000000_a changed after it was applied".into(),
            }],
            ..RunEnd::default()
        });
        insta::assert_snapshot!(after(&[built(), database(), drifted]), @r#"
        migrate dev shop  sqlite://app.db

          code  built in 1.0 s
          data  1 migration applied, nothing pending

          drift: migration 20260101_000000_a changed after it was applied
          an edit of what is applied is not applied again; to try it, roll back first: `cargo migrate down --steps 1 --allow-drift --reason edited`

        watching; Enter tries again, Ctrl-C ends
        "#);
    }

    #[test]
    fn a_database_that_is_away_and_the_end() {
        let away = Event::RunEnded(RunEnd {
            status: "failed".into(),
            error: Some("the server cannot be reached".into()),
            try_again: true,
            ..RunEnd::default()
        });
        insta::assert_snapshot!(after(&[built(), database(), away.clone()]), @r#"
        migrate dev shop  sqlite://app.db

          code  built in 1.0 s
          data  waiting; trying again in 0 s

          error: the server cannot be reached

        watching; Enter tries again, Ctrl-C ends
        "#);
        insta::assert_snapshot!(after(&[built(), database(), Event::Interrupted]), @r#"
        migrate dev shop  sqlite://app.db

          code  built in 1.0 s
          data  applying what is pending, 3 s, stopping after this batch

        ending: the batch in hand is finished first (Ctrl-C again stops at once)
        "#);
    }
}
