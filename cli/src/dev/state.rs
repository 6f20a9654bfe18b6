//! What `dev` knows and what it does next: a pure function of what happens and when. Everything that acts is elsewhere.
//!
//! One build at a time and one run at a time. A change during a build leads to one more build. A run that goes on when
//! a newer program is built is asked to stop after its batch, and the newer program goes on from there. Code that does not
//! compile changes nothing about what runs. A database that is away is tried again after a pause that grows.

use super::protocol::{Line, RunEnd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The first pause before a database that is away is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Nobody wants to wait longer for a server that is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Files have changed, as messages name them; none when the user asked for another round.
    Changed(Vec<String>),
    /// The build has done one more crate.
    Compiled,
    /// A build has ended.
    BuildEnded(Built),
    /// The run has said something.
    Said(Line),
    /// The run has ended.
    RunEnded(RunEnd),
    /// Ctrl-C, or a request to terminate.
    Interrupted,
    /// Time has passed.
    Tick,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// It compiles.
    Program {
        /// Where it is.
        path: PathBuf,
        /// Whether it is the one that was there before.
        fresh: bool,
    },
    /// It does not.
    Broken {
        /// What the compiler says.
        message: String,
    },
    /// It was ended on request.
    Stopped,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Begin a build.
    Build,
    /// End the build.
    StopBuild,
    /// Begin a run of this program.
    Run(PathBuf),
    /// Ask the run to stop after its batch.
    StopRun,
    /// End the run at once; the database rolls its batch back.
    KillRun,
    /// Nothing is going on any more: end with this exit code.
    Quit(u8),
}

/// What `dev` knows.
#[derive(Debug)]
pub struct State {
    /// The build that is under way.
    pub building: Option<Building>,
    /// How the last build ended.
    pub built: Option<BuildReport>,
    /// The run that is under way.
    pub running: Option<Running>,
    /// How the last run ended.
    pub ended: Option<RunEnd>,
    /// What the last run, or the one under way, finds worth a line.
    pub warnings: Vec<String>,
    /// The database, with its password masked.
    pub database: Option<String>,
    /// When the run is tried again.
    pub try_again_at: Option<Instant>,
    /// How long the pause before that is.
    pub pause: Option<Duration>,
    /// Everything is being brought to its end.
    pub quitting: bool,
    failures: u32,
    program: Option<PathBuf>,
    exit_code: u8,
}

/// A build under way.
#[derive(Debug)]
pub struct Building {
    /// Since when.
    pub since: Instant,
    /// Crates that are done.
    pub crates: usize,
    /// Something has changed meanwhile.
    again: bool,
}

/// A build that has ended.
#[derive(Debug)]
pub struct BuildReport {
    /// How long it took.
    pub took: Duration,
    /// What the compiler says, when it did not compile.
    pub message: Option<String>,
}

/// A run under way.
#[derive(Debug)]
pub struct Running {
    /// Since when.
    pub since: Instant,
    /// The migration that is being applied: id, documents done and in all.
    pub step: Option<(String, u64, u64)>,
    /// Why it makes no progress.
    pub held_up: Option<String>,
    /// It was asked to stop after its batch.
    pub stopping: bool,
}

impl State {
    /// Nothing is known yet.
    pub fn new() -> State {
        State {
            building: None,
            built: None,
            running: None,
            ended: None,
            warnings: Vec::new(),
            database: None,
            try_again_at: None,
            pause: None,
            quitting: false,
            failures: 0,
            program: None,
            exit_code: 0,
        }
    }

    /// Takes in what has happened; gives back what to do, in order.
    pub fn next(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Changed(_) => self.changed(now),
            Event::Compiled => {
                if let Some(building) = &mut self.building {
                    building.crates += 1;
                }
                Vec::new()
            }
            Event::BuildEnded(built) => self.build_ended(built, now),
            Event::Said(line) => {
                self.said(line);
                Vec::new()
            }
            Event::RunEnded(end) => self.run_ended(end, now),
            Event::Interrupted => self.interrupted(),
            Event::Tick => self.tick(now),
        }
    }

    /// When something is due that no event announces.
    pub fn due_at(&self) -> Option<Instant> {
        self.try_again_at
    }

    /// Whether something is going on whose duration is worth watching.
    pub fn is_busy(&self) -> bool {
        self.building.is_some() || self.running.is_some() || self.try_again_at.is_some()
    }

    fn changed(&mut self, now: Instant) -> Vec<Action> {
        if self.quitting {
            return Vec::new();
        }
        self.try_again_at = None;
        match &mut self.building {
            Some(building) => {
                building.again = true;
                Vec::new()
            }
            None => vec![self.build(now)],
        }
    }

    fn build(&mut self, now: Instant) -> Action {
        self.building = Some(Building {
            since: now,
            crates: 0,
            again: false,
        });
        Action::Build
    }

    fn build_ended(&mut self, built: Built, now: Instant) -> Vec<Action> {
        let Some(building) = self.building.take() else {
            return Vec::new();
        };
        if self.quitting {
            return self.quit_when_quiet();
        }
        // What was built is not what is there any more.
        if building.again {
            return vec![self.build(now)];
        }
        let took = now.duration_since(building.since);
        let (message, fresh) = match built {
            Built::Program { path, fresh } => {
                let fresh = fresh && self.program.as_ref() == Some(&path);
                self.program = Some(path);
                (None, fresh)
            }
            Built::Broken { message } => (Some(message), false),
            Built::Stopped => return Vec::new(),
        };
        let broken = message.is_some();
        self.built = Some(BuildReport { took, message });
        match &mut self.running {
            _ if broken => Vec::new(),
            // The same program is at work already.
            Some(_) if fresh => Vec::new(),
            Some(running) if running.stopping => Vec::new(),
            Some(running) => {
                running.stopping = true;
                vec![Action::StopRun]
            }
            None => self.run(now),
        }
    }

    /// Begins a run of the newest program that compiled.
    fn run(&mut self, now: Instant) -> Vec<Action> {
        let Some(program) = self.program.clone() else {
            return Vec::new();
        };
        self.try_again_at = None;
        self.warnings.clear();
        self.running = Some(Running {
            since: now,
            step: None,
            held_up: None,
            stopping: false,
        });
        vec![Action::Run(program)]
    }

    fn said(&mut self, line: Line) {
        if let Line::Database { database } = line {
            self.database = Some(database);
            return;
        }
        let Some(running) = &mut self.running else {
            return;
        };
        match line {
            Line::StepStarted {
                migration_id,
                processed,
                total,
            }
            | Line::Progress {
                migration_id,
                processed,
                total,
            } => {
                running.step = Some((migration_id, processed, total));
                running.held_up = None;
            }
            Line::StepCompleted { .. } => (running.step, running.held_up) = (None, None),
            Line::Retrying { reason, .. } => running.held_up = Some(reason),
            Line::Following { holder, .. } => {
                running.held_up = Some(format!("{holder} executes the same run; waiting for it"));
            }
            Line::Warning { message } => self.warnings.push(message),
            Line::Database { .. } | Line::Other => {}
        }
    }

    fn run_ended(&mut self, end: RunEnd, now: Instant) -> Vec<Action> {
        self.pause = None;
        let Some(running) = self.running.take() else {
            return Vec::new();
        };
        if self.quitting {
            self.ended = Some(end);
            return self.quit_when_quiet();
        }
        if running.stopping && self.building.is_none() && !self.is_broken() {
            self.ended = Some(end);
            return self.run(now);
        }
        self.failures = if end.try_again { self.failures + 1 } else { 0 };
        // A build under way ends in a run anyway.
        if end.try_again && self.building.is_none() {
            let pause = pause(self.failures);
            (self.try_again_at, self.pause) = (Some(now + pause), Some(pause));
        }
        let failed = end.is_failure().then_some(end.code.max(1));
        let strict = end.strict;
        self.ended = Some(end);
        match failed {
            Some(code) if strict => {
                self.exit_code = code;
                self.quit()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the newest code does not compile.
    pub fn is_broken(&self) -> bool {
        self.built
            .as_ref()
            .is_some_and(|built| built.message.is_some())
    }

    fn interrupted(&mut self) -> Vec<Action> {
        if self.quitting {
            return match self.running {
                Some(_) => vec![Action::KillRun],
                None => Vec::new(),
            };
        }
        self.quit()
    }

    fn quit(&mut self) -> Vec<Action> {
        self.quitting = true;
        self.try_again_at = None;
        let mut actions = Vec::new();
        if self.building.is_some() {
            actions.push(Action::StopBuild);
        }
        if let Some(running) = &mut self.running
            && !std::mem::replace(&mut running.stopping, true)
        {
            actions.push(Action::StopRun);
        }
        actions.extend(self.quit_when_quiet());
        actions
    }

    fn quit_when_quiet(&self) -> Vec<Action> {
        if self.building.is_none() && self.running.is_none() {
            vec![Action::Quit(self.exit_code)]
        } else {
            Vec::new()
        }
    }

    fn tick(&mut self, now: Instant) -> Vec<Action> {
        let due = self.try_again_at.is_some_and(|at| at <= now);
        if due && self.running.is_none() && self.building.is_none() {
            return self.run(now);
        }
        Vec::new()
    }
}

/// How long to wait after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
