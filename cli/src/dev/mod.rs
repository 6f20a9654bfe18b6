//! `dev`: watches the code, rebuilds and applies while someone types, and keeps one screen of clear state.
//!
//! `state.rs` decides, `words.rs` and `objects.rs` say it; the rest acts: `watch.rs` on files, `build.rs` and `run.rs` on processes,
//! `screen.rs` on the terminal. Everything meets in one channel, so one thing happens after another.

mod build;
mod lock;
mod objects;
mod process;
mod protocol;
mod run;
mod screen;
mod state;
mod watch;
mod words;

use crate::args::{CargoWords, Flags};
use crate::package::Package;
use crate::report::{Failure, Reporter};
use build::Build;
use lock::Lock;
use protocol::RunEnd;
use run::Run;
use screen::Screen;
use state::{Action, Built, Event, State};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use watch::{Interest, Watch};

/// How often the screen shows how long something has taken.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// What the threads around it tell the loop.
pub enum Message {
    /// Something for the state.
    Event(Event),
    /// Folders have come or gone.
    FoldersChanged,
    /// Cargo says nothing more.
    BuildOver,
    /// The program says nothing more.
    RunOver,
}

/// Runs until it is told to end; gives back the exit code.
///
/// # Errors
/// Another `dev` of this package goes on; files cannot be watched.
pub fn command(
    package: &Package,
    cargo: &CargoWords,
    flags: &Flags,
    reporter: Reporter,
) -> Result<u8, Failure> {
    if let Some(flag) = flags.other_database() {
        return Err(Failure::usage(format!(
            "`dev` works on the local database only; leave out {flag}, or apply there with `cargo migrate up {flag}`"
        )));
    }
    package.require_binary()?;
    let _lock = Lock::take(package)?;
    let (sender, events) = channel();
    let interest = Interest::of(package, flags.config.as_deref());
    let watch = Watch::start(interest, sender.clone())?;
    listen(&sender)?;
    let dev = Dev {
        package,
        cargo,
        flags,
        sender,
        watch,
        show: Show::new(reporter, package),
        state: State::new(),
        build: None,
        run: None,
        stopped: false,
    };
    dev.work(&events)
}

/// Ctrl-C and requests to terminate; Enter, where someone may press it.
fn listen(sender: &Sender<Message>) -> Result<(), Failure> {
    let interrupted = sender.clone();
    ctrlc::set_handler(move || {
        let _ = interrupted.send(Message::Event(Event::Interrupted));
    })
    .map_err(|error| Failure::failed(format!("Ctrl-C cannot be listened for: {error}")))?;
    if std::io::stdin().is_terminal() {
        let pressed = sender.clone();
        // The thread ends with the process.
        std::thread::spawn(move || {
            for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
                let _ = pressed.send(Message::Event(Event::Changed(Vec::new())));
            }
        });
    }
    Ok(())
}

/// The loop and what it holds.
struct Dev<'d> {
    package: &'d Package,
    cargo: &'d CargoWords,
    flags: &'d Flags,
    sender: Sender<Message>,
    watch: Watch,
    show: Show,
    state: State,
    build: Option<Build>,
    run: Option<Run>,
    /// The build was ended by us.
    stopped: bool,
}

impl Dev<'_> {
    fn work(mut self, events: &Receiver<Message>) -> Result<u8, Failure> {
        let mut next = Some(Event::Changed(Vec::new()));
        loop {
            if let Some(code) = next.take().and_then(|event| self.take_in(event)) {
                return Ok(code);
            }
            let message = match self.wait() {
                Some(wait) => events.recv_timeout(wait),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            next = match message {
                Ok(Message::Event(event)) => Some(event),
                Ok(Message::FoldersChanged) => {
                    self.watch.renew()?;
                    None
                }
                Ok(Message::BuildOver) => {
                    let stopped = self.stopped;
                    self.build
                        .take()
                        .map(|build| Event::BuildEnded(build.finish(stopped)))
                }
                Ok(Message::RunOver) => self.run.take().map(|run| Event::RunEnded(run.finish())),
                Err(_) => Some(Event::Tick),
            };
        }
    }

    /// How long to wait for something to happen.
    fn wait(&self) -> Option<Duration> {
        let due = self
            .state
            .due_at()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let draw = (self.show.is_screen() && self.state.is_busy()).then_some(DRAW_EVERY);
        [due, draw].into_iter().flatten().min()
    }

    /// Takes an event in, shows what came of it and acts. The exit code when that was all.
    fn take_in(&mut self, event: Event) -> Option<u8> {
        if let Event::BuildEnded(Built::Program { path, .. }) = &event {
            self.watch.learn(path);
        }
        let actions = self.state.next(event.clone(), Instant::now());
        self.show.happened(&event, &self.state, &actions);
        for action in actions {
            let failed = match action {
                Action::Quit(code) => {
                    self.show.end(&self.state);
                    return Some(code);
                }
                Action::Build => self.start_build(),
                Action::Run(program) => self.start_run(&program),
                Action::StopBuild => {
                    self.stopped = true;
                    self.build.iter_mut().for_each(Build::stop);
                    None
                }
                Action::StopRun => {
                    self.run.iter_mut().for_each(Run::stop);
                    None
                }
                Action::KillRun => {
                    self.run.iter_mut().for_each(Run::kill);
                    None
                }
            };
            if let Some(event) = failed {
                return self.take_in(event);
            }
        }
        None
    }

    /// Starts cargo; the event of its failure where it cannot be.
    fn start_build(&mut self) -> Option<Event> {
        self.stopped = false;
        match Build::start(
            self.package,
            self.cargo,
            self.show.has_color(),
            &self.sender,
        ) {
            Ok(build) => {
                self.build = Some(build);
                None
            }
            Err(error) => Some(Event::BuildEnded(Built::Broken {
                message: format!("cargo cannot be started: {error}"),
            })),
        }
    }

    /// Starts the program; the event of its failure where it cannot be.
    fn start_run(&mut self, program: &std::path::Path) -> Option<Event> {
        match Run::start(program, self.package, self.flags, &self.sender) {
            Ok(run) => {
                self.run = Some(run);
                None
            }
            Err(error) => {
                let error = format!("`{}` cannot be started: {error}", program.display());
                Some(Event::RunEnded(RunEnd::without_a_word(error, 1)))
            }
        }
    }
}

/// How what happens is shown: a screen, lines, or objects.
enum Show {
    Screen { screen: Screen, package: String },
    Lines,
    Objects(Reporter),
}

impl Show {
    fn new(reporter: Reporter, package: &Package) -> Show {
        if reporter.json {
            Show::Objects(reporter)
        } else if std::io::stdout().is_terminal() {
            Show::Screen {
                screen: Screen::default(),
                package: package.name.clone(),
            }
        } else {
            Show::Lines
        }
    }

    fn is_screen(&self) -> bool {
        matches!(self, Show::Screen { .. })
    }

    /// Whether the compiler is to paint its words.
    fn has_color(&self) -> bool {
        self.is_screen()
            && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
    }

    fn happened(&mut self, event: &Event, state: &State, actions: &[Action]) {
        match self {
            Show::Screen { screen, package } => {
                screen.draw(&words::screen(state, package, Instant::now()))
            }
            Show::Lines => {
                for line in words::lines(event, state, actions) {
                    let _ = writeln!(anstream::stdout(), "{line}");
                }
            }
            Show::Objects(reporter) => {
                for object in objects::of_event(event, state, actions) {
                    reporter.object(&object);
                }
            }
        }
    }

    fn end(&self, state: &State) {
        if let Show::Objects(reporter) = self {
            reporter.object(&objects::last(state));
        }
    }
}
