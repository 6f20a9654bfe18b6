//! Shows a run while it goes on: a bar on a terminal, now and then a line elsewhere.

use crate::cli::output::{BOLD, DIM, GREEN, Output, YELLOW, paint};
use crate::cli::summary::who;
use crate::event::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// How often the bar is drawn: often enough to look alive.
const DRAWS_PER_SECOND: u8 = 10;

/// What is being shown. Cheap to clone; the engine's thread tells it what happens.
#[derive(Clone)]
pub(crate) struct Progress {
    shared: Arc<Mutex<Shown>>,
    output: Output,
}

struct Shown {
    on_terminal: bool,
    verb: &'static str,
    run_id: Option<String>,
    /// The step that is being executed.
    step: Option<Step>,
}

struct Step {
    bar: ProgressBar,
    started: Instant,
    last_line: Instant,
    /// Documents done before this process began.
    processed_before: u64,
    processed: u64,
    total: u64,
}

impl Progress {
    pub(crate) fn new(output: Output, verb: &'static str) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let shown = Shown {
            on_terminal,
            verb,
            run_id: None,
            step: None,
        };
        Progress {
            shared: Arc::new(Mutex::new(shown)),
            output,
        }
    }

    /// Takes in what the engine says.
    pub(crate) fn observe(&self, event: &Event) {
        let mut shown = self.lock();
        let took = match event {
            Event::StepCompleted { .. }
            | Event::RunEnded { .. }
            | Event::AggregateReady { .. }
            | Event::WorkerIdle => shown.step.take().map(Step::finish),
            _ => None,
        };
        for line in words(event, shown.verb, took.unwrap_or_default()) {
            self.say(&shown, &line);
        }
        match event {
            Event::RunStarted { run_id, .. }
            | Event::Following { run_id, .. }
            | Event::TakenOver { run_id, .. } => shown.run_id = Some(run_id.clone()),
            Event::StepStarted {
                processed, total, ..
            }
            | Event::AggregateStarted {
                processed, total, ..
            } => {
                shown.step = Some(Step::begin(shown.on_terminal, *processed, *total));
            }
            Event::BatchCommitted {
                migration_id,
                processed,
                total,
                ..
            } => {
                self.advance(&mut shown, migration_id, *processed, *total);
            }
            Event::AggregateBatch {
                name,
                processed,
                total,
            } => self.advance(&mut shown, name, *processed, *total),
            _ => {}
        }
    }

    /// The run that goes on, once there is one.
    pub(crate) fn run_id(&self) -> Option<String> {
        self.lock().run_id.clone()
    }

    /// Prints a line without tearing the bar.
    pub(crate) fn note(&self, text: &str) {
        self.say(&self.lock(), text);
    }

    fn advance(&self, shown: &mut Shown, migration_id: &str, processed: u64, total: u64) {
        let Some(step) = &mut shown.step else { return };
        (step.processed, step.total) = (processed, total.max(processed));
        step.bar.set_length(step.total);
        step.bar.set_position(processed);
        if !shown.on_terminal && step.last_line.elapsed() >= LINE_EVERY {
            step.last_line = Instant::now();
            self.output.note(&line(
                migration_id,
                step.processed_before,
                processed,
                step.total,
                step.started.elapsed(),
            ));
        }
    }

    fn say(&self, shown: &Shown, text: &str) {
        match &shown.step {
            Some(step) if shown.on_terminal => step.bar.suspend(|| self.output.note(text)),
            _ => self.output.note(text),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        // What is shown stays meaningful whatever a panicking holder did to it.
        self.shared
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Step {
    fn begin(on_terminal: bool, processed: u64, total: u64) -> Self {
        let target = if on_terminal {
            ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total.max(processed)), target)
            .with_style(style())
            .with_position(processed);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(250));
        let now = Instant::now();
        Step {
            bar,
            started: now,
            last_line: now,
            processed_before: processed,
            processed,
            total,
        }
    }

    /// Removes the bar and tells how long the step took here.
    fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.started.elapsed()
    }
}

fn style() -> ProgressStyle {
    let template = "  {bar:30.green/dim} {percent:>3} %  {done}  {speed}  {left}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "done",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(
                    out,
                    "{} of {}",
                    grouped(state.pos()),
                    grouped(state.len().unwrap_or(0))
                );
            },
        )
        .with_key(
            "speed",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{} rows/s", grouped(state.per_sec() as u64));
            },
        )
        .with_key(
            "left",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Before the first batch nothing is known.
                if state.per_sec() >= 1.0 {
                    let _ = write!(out, "{} left", seconds(state.eta()));
                }
            },
        )
}

/// What an event is worth saying, line by line; `took` is how long the step took that it ends.
fn words(event: &Event, verb: &str, took: Duration) -> Vec<String> {
    match event {
        Event::StepStarted {
            migration_id,
            table,
            total,
            processed,
            bypassed_triggers,
        } => {
            let verb = if *processed > 0 { "resuming" } else { verb };
            let extent = paint(DIM, extent(table, *processed, *total));
            let mut lines = vec![format!("{verb} {} {extent}", paint(BOLD, migration_id))];
            if !bypassed_triggers.is_empty() {
                let names = bypassed_triggers.join(", ");
                lines.insert(
                    0,
                    format!("{migration_id}: triggers that do not fire (safe_bypass): {names}"),
                );
            }
            lines
        }
        Event::StepCompleted {
            migration_id,
            processed,
            changed,
        } => {
            let (processed, changed) = (grouped(*processed), grouped(*changed));
            let counts = format!(
                "{processed} documents, {changed} changed, {}",
                seconds(took)
            );
            vec![format!(
                "{} {migration_id} {}",
                paint(GREEN, "done"),
                paint(DIM, counts)
            )]
        }
        Event::Following { run_id, holder } => {
            vec![format!(
                "run {run_id} is already executed by {}; waiting for it",
                who(holder)
            )]
        }
        Event::TakenOver { run_id, holder } => {
            vec![format!(
                "{} is gone; going on with run {run_id} where it stopped",
                who(holder)
            )]
        }
        Event::Retrying {
            migration_id,
            reason,
            pause,
        } => {
            vec![format!(
                "{migration_id}: {reason}; trying again in {} ms",
                pause.as_millis()
            )]
        }
        Event::WorkerIdle => vec!["nothing to do; waiting for a run".into()],
        Event::WorkerRefused { reason, .. } => {
            vec![format!("{}: {reason}", paint(YELLOW, "refused"))]
        }
        Event::Warning { message } => vec![format!("{}: {message}", paint(YELLOW, "warning"))],
        Event::AggregateStarted {
            name,
            table,
            processed,
            total,
        } => {
            let verb = if *processed > 0 {
                "resuming"
            } else {
                "building"
            };
            let extent = match processed {
                0 => format!("({table}, about {} rows)", grouped(*total)),
                done => format!(
                    "({table}, {} of about {} rows counted)",
                    grouped(*done),
                    grouped(*total)
                ),
            };
            vec![format!(
                "{verb} {} {}",
                paint(BOLD, name),
                paint(DIM, extent)
            )]
        }
        Event::AggregateAwaited { name, holder } => {
            vec![format!("{name} is being built by {holder}; waiting for it")]
        }
        Event::AggregateReady { name } => vec![format!(
            "{} {name} {}",
            paint(GREEN, "READY"),
            paint(DIM, seconds(took))
        )],
        Event::RunStarted { .. }
        | Event::BatchCommitted { .. }
        | Event::AggregateBatch { .. }
        | Event::RunEnded { .. } => Vec::new(),
    }
}

/// `(todos, 1,000 documents)`, `(todos, 400 of 1,000 documents done)`.
fn extent(table: &str, processed: u64, total: u64) -> String {
    if processed == 0 {
        format!("({table}, {} documents)", grouped(total))
    } else {
        format!(
            "({table}, {} of {} documents done)",
            grouped(processed),
            grouped(total)
        )
    }
}

/// One line of progress where there is no terminal.
fn line(migration_id: &str, before: u64, processed: u64, total: u64, elapsed: Duration) -> String {
    let speed = (processed.saturating_sub(before)) as f64 / elapsed.as_secs_f64().max(0.001);
    let percent = (processed * 100).checked_div(total).unwrap_or(100);
    let mut line = format!(
        "{migration_id}: {percent} % ({} of {}), {} rows/s",
        grouped(processed),
        grouped(total),
        grouped(speed as u64)
    );
    if speed >= 1.0 {
        let left = Duration::from_secs_f64(total.saturating_sub(processed) as f64 / speed);
        let _ = write!(line, ", {} left", seconds(left));
    }
    line
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_easily() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        let times = [400, 12_000, 200_000, 7_500_000].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(times, ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn a_line_counts_speed_from_where_this_process_began() {
        assert_eq!(
            line("m", 400, 600, 1000, Duration::from_secs(2)),
            "m: 60 % (600 of 1,000), 100 rows/s, 4.0 s left"
        );
        assert_eq!(
            line("m", 0, 0, 1000, Duration::from_secs(2)),
            "m: 0 % (0 of 1,000), 0 rows/s"
        );
        assert!(line("m", 0, 0, 0, Duration::ZERO).starts_with("m: 100 %"));
    }
}
