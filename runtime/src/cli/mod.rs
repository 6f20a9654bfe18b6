//! The command line, as a library: `main` is all that a `migrate` binary needs.
//!
//! ```no_run
//! # /*
//! static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations");
//! # */
//! # static MIGRATIONS: driftless::Manifest = driftless::__private::Manifest::new(&[], "", "");
//!
//! fn main() -> std::process::ExitCode {
//!     driftless::cli::main(&MIGRATIONS)
//! }
//! ```
//!
//! Exit codes are [`exit`]'s constants. With `--json`, standard output holds one object per line and nothing else.

mod accept;
mod aggregate;
mod args;
mod baseline;
mod cancel;
mod config;
mod confirm;
mod deploy;
mod dev;
mod diff;
mod discover;
pub mod exit;
mod folder;
mod interrupt;
mod json;
mod nearest;
mod output;
mod progress;
mod quarantine;
mod retire;
mod run;
mod secret;
mod settings;
mod status;
mod summary;
mod target;
mod work;

use crate::aggregate::AggregateDefinition;
use crate::hooks::WriteHooks;
use crate::manifest::Manifest;
use crate::migrator::Migrator;
use args::{Command, CommandLine, Global};
use clap::Parser;
use config::Config;
use exit::Failure;
use output::Output;
use std::ffi::OsString;
use std::process::ExitCode;
use target::Target;

/// Runs the command line of this process and gives back its exit code.
pub fn main(manifest: &'static Manifest) -> ExitCode {
    Cli::new(manifest).main()
}

/// The command line with the app's own hooks.
///
/// ```no_run
/// # use driftless::{Manifest, WriteHooks, cli::Cli};
/// # fn example(migrations: &'static Manifest, touch: impl WriteHooks) -> std::process::ExitCode {
/// Cli::new(migrations).hooks("todos", touch).main()
/// # }
/// ```
#[must_use = "nothing runs until `main` is called"]
pub struct Cli {
    manifest: &'static Manifest,
    hooks: Vec<Box<dyn FnOnce(Migrator) -> Migrator>>,
}

impl Cli {
    /// A command line for these migrations.
    pub fn new(manifest: &'static Manifest) -> Self {
        Cli {
            manifest,
            hooks: Vec::new(),
        }
    }

    /// As [`Migrator::hooks`].
    pub fn hooks(mut self, table: &str, hooks: impl WriteHooks) -> Self {
        let table = table.to_owned();
        self.hooks
            .push(Box::new(move |migrator| migrator.hooks(&table, hooks)));
        self
    }

    /// As [`Migrator::aggregates`].
    pub fn aggregates(mut self, aggregates: &[&'static AggregateDefinition]) -> Self {
        let aggregates = aggregates.to_vec();
        self.hooks
            .push(Box::new(move |migrator| migrator.aggregates(&aggregates)));
        self
    }

    /// Runs the command line of this process and gives back its exit code.
    pub fn main(self) -> ExitCode {
        self.run_from(std::env::args_os())
    }

    /// Runs a command line given as words, the first being the program's name.
    pub fn run_from(self, words: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let code = match CommandLine::try_parse_from(&words) {
            Ok(line) => self.run(line),
            Err(error) => report_usage(&error, &words),
        };
        ExitCode::from(code)
    }

    fn run(self, line: CommandLine) -> u8 {
        let output = Output {
            json: line.global.json,
        };
        let session = Session {
            manifest: self.manifest,
            global: line.global.or_variables(&|name| std::env::var(name).ok()),
            output,
            hooks: self.hooks,
        };
        let direction = line.command.direction();
        // Steps may be async and use timers and sockets, so the runtime has both; one thread is enough, since the
        // engine has its own.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(session.execute(line.command)),
            Err(error) => Err(Failure::new(
                exit::FAILED,
                format!("the async runtime cannot be started: {error}"),
            )),
        };
        outcome.unwrap_or_else(|failure| output.fail(&failure, direction))
    }
}

/// Prints what clap has to say: a mistake, or the help that was asked for.
fn report_usage(error: &clap::Error, words: &[OsString]) -> u8 {
    let _ = error.print();
    let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
    if code != exit::DONE && words.iter().any(|word| word == "--json") {
        let text = error.to_string();
        let message = text
            .trim_start_matches("error: ")
            .split("\n\n")
            .next()
            .unwrap_or_default();
        let direction = words.iter().find_map(|word| {
            ["up", "down"]
                .into_iter()
                .find(|direction| word == direction)
        });
        Output { json: true }.object(&json::RunEnd::of_failure(
            &Failure::new(code, message),
            direction,
        ));
    }
    code
}

/// One execution of the command line: what it works with.
struct Session {
    manifest: &'static Manifest,
    global: Global,
    output: Output,
    hooks: Vec<Box<dyn FnOnce(Migrator) -> Migrator>>,
}

impl Session {
    async fn execute(self, command: Command) -> Result<u8, Failure> {
        settings::check_variables(
            std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()),
        )?;
        match command {
            Command::Up(flags) => run::up(self, flags).await,
            Command::Down(flags) => run::down(self, flags).await,
            Command::Status(flags) => status::command(self, &flags).await,
            Command::Cancel(flags) => cancel::command(self, flags).await,
            Command::Work(flags) => work::command(self, flags).await,
            Command::Deploy(flags) => deploy::command(self, &flags).await,
            Command::Quarantine(flags) => quarantine::command(self, flags).await,
            Command::Config(flags) => settings::show::command(&self, &flags),
            Command::Dev(flags) => dev::command(self, flags).await,
            Command::Aggregate(command) => aggregate::command(self, command).await,
            Command::Drift => diff::command(self).await,
            Command::Accept(flags) => accept::command(self, flags).await,
            Command::Baseline(flags) => baseline::command(self, flags).await,
            Command::Retire(flags) => retire::command(self, flags).await,
            Command::Create(flags) => folder::create(&self, &flags),
            Command::Lock => folder::lock(&self),
            Command::Check => folder::check(&self),
        }
    }

    /// The configuration: the named file, else the nearest one.
    fn config(&self) -> Result<Config, Failure> {
        let here = std::env::current_dir().ok();
        // `cargo run --package` leaves the folder as it is and says here where the package is.
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(std::path::PathBuf::from);
        let found = discover::meant(here.as_deref(), package.as_deref());
        if let (None, None, Some(here)) = (&self.global.config, &found, &here) {
            self.warn_of_others(here);
        }
        config::load(self.global.config.as_deref(), found)
    }

    /// Says so when no file is read and another folder of the workspace has one.
    fn warn_of_others(&self, here: &std::path::Path) {
        if let Some(other) = discover::elsewhere(here).first() {
            self.output.warn(&format!(
                "no {} is read here; `{}` belongs to another folder: run this there, or give it with --config",
                config::FILE_NAME,
                other.display()
            ));
        }
    }

    /// The database, by everything that may have been said.
    fn target(&self, config: &Config) -> Result<Target, Failure> {
        Target::resolve(&self.global, config, &|name| std::env::var(name).ok())
    }

    /// Connects, with the app's hooks in place.
    async fn connect(&mut self, target: &Target) -> Result<Migrator, Failure> {
        let migrator = Migrator::connect(&target.url, self.manifest).await?;
        Ok(self
            .hooks
            .drain(..)
            .fold(migrator, |migrator, add| add(migrator)))
    }
}

impl Command {
    /// The direction of the run it starts, if it starts one.
    fn direction(&self) -> Option<&'static str> {
        match self {
            Command::Up(_) | Command::Deploy(_) | Command::Dev(_) => Some("up"),
            Command::Down(_) => Some("down"),
            _ => None,
        }
    }
}
