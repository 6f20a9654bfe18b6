//! The command line's grammar: what may be written, and what each flag means. No behaviour.

mod deploy;

pub(crate) use deploy::{Deploy, DeployWords};

use crate::cli::settings::{CONFIG, ENVIRONMENT};
use clap::{ArgGroup, Args, Parser, Subcommand};
use std::path::PathBuf;

/// The largest batch, as in `#[migration(batch_size = …)]`.
const BATCH_SIZES: std::ops::RangeInclusive<i64> = 1..=100_000;

/// Each worker is a connection and a thread.
const WORKERS: std::ops::RangeInclusive<i64> = 1..=128;

/// Applies this project's data migrations to a database, in batches that are resumable and exactly once.
#[derive(Debug, Parser)]
#[command(name = "migrate", arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "Exit codes: 0 done or nothing to do, 1 failed, 2 usage or configuration, 3 drift, 4 canceled, \
5 timed out, 6 another run is active.

Environment variables: DATABASE_URL, DRIFTLESS_ENV (as --env), DRIFTLESS_CONFIG (as --config), and for every key of \
driftless.toml below [deploy] and [dev] one like DRIFTLESS_DEPLOY_MIGRATIONS_TIMEOUT_MS. `config show` tells what comes from where.";

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Work on the database of [env.prod]; the same as --env prod
    #[arg(long, global = true, conflicts_with = "env")]
    pub(crate) prod: bool,
    /// Work on the database of [env.NAME] in driftless.toml
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Work on this database; wins over DATABASE_URL and driftless.toml
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Read this file instead of the nearest driftless.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON on standard output, one object per line; progress goes to standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Ask nothing
    #[arg(long, global = true)]
    pub(crate) yes: bool,
}

impl Global {
    /// The name of the environment that was asked for.
    pub(crate) fn environment(&self) -> Option<&str> {
        if self.prod {
            Some("prod")
        } else {
            self.env.as_deref()
        }
    }

    /// With what the environment's variables say where the flags say nothing.
    pub(crate) fn or_variables(mut self, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        if self.environment().is_none() {
            self.env = variable(ENVIRONMENT);
        }
        if self.config.is_none() {
            self.config = variable(CONFIG).map(PathBuf::from);
        }
        self
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a new migration file
    Create(Create),
    /// Apply pending migrations, in id order
    Up(Up),
    /// Roll back applied migrations, newest first
    Down(Down),
    /// Show every migration, and the run that is active
    Status(Status),
    /// Stop the active run after its batch, from any machine
    Cancel(Cancel),
    /// Drive detached runs and those whose process is gone, and help with those that others drive
    Work(Work),
    /// Push the code, apply what is pending, build aggregates; strict unless told otherwise
    Deploy(Box<Deploy>),
    /// Build, rebuild, look at and remove aggregates
    #[command(subcommand)]
    Aggregate(Aggregate),
    /// Show the settings, and where each of them comes from
    Config(Config),
    /// Watch the code, rebuild and apply while you type; relaxed, and on the local database only
    Dev(Dev),
    /// See, try again or forget the documents that steps have set aside
    Quarantine(Quarantine),
    /// Show what differs between applied history and the code; exits 3 when something does
    Drift,
    /// Make an edited migration's code the history of this database; the audit keeps who did so, when and why
    Accept(Accept),
    /// Record that a new database begins with what the retired migrations did
    Baseline(Baseline),
    /// Remove old migrations from the build once every database has applied them; migrations.lock keeps their checksums
    Retire(Retire),
    /// Record the checksums of all migrations in migrations.lock, so that later edits fail the build
    Lock,
    /// Check the migrations folder and migrations.lock; needs no database
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What it does, in a few words: `create backfill todo priority`
    #[arg(required = true, value_name = "NAME")]
    pub(crate) name: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Stop after this migration
    #[arg(long, value_name = "ID")]
    pub(crate) to: Option<String>,
    /// Begin half-applied migrations from their first document instead of where they stopped
    #[arg(long)]
    pub(crate) restart: bool,
    /// What to do about pending migrations that are older than the newest applied one; `warn` when nothing says otherwise
    #[arg(long, value_name = "WHAT", value_parser = ["warn", "refuse"])]
    pub(crate) out_of_order: Option<String>,
    /// Record the run and return; `migrate work` executes it, here or on any machine
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) common: RunFlags,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("extent").required(true).args(["steps", "to"]))]
pub(crate) struct Down {
    /// How many migrations to roll back
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps: Option<u64>,
    /// Roll back everything after this migration, and keep it
    #[arg(long, value_name = "ID")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) common: RunFlags,
}

/// What `up` and `down` have in common.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunFlags {
    /// Call the functions, roll everything back, and show a sample of what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Documents per transaction, exactly; sized by the time a batch takes when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(BATCH_SIZES))]
    pub(crate) batch_size: Option<u32>,
    /// How many workers visit documents at the same time, each on a connection of its own; 1 when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(WORKERS))]
    pub(crate) workers: Option<u32>,
    /// Run although applied history differs from the code; stored checksums stay as they are
    #[arg(long, requires = "reason")]
    pub(crate) allow_drift: bool,
    /// Why drift is allowed; kept with the run
    #[arg(long, value_name = "TEXT", requires = "allow_drift")]
    pub(crate) reason: Option<String>,
    /// Make no pause between batches
    #[arg(long, conflicts_with_all = ["pause_ms", "rows_per_second"])]
    pub(crate) full_speed: bool,
    /// Pause this long between batches
    #[arg(long, value_name = "MS")]
    pub(crate) pause_ms: Option<u64>,
    /// Visit at most this many documents per second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows_per_second: Option<u64>,
    /// Give up, with exit code 5, when the database stays locked, busy or away this long; 30000 when not given
    #[arg(long, value_name = "MS")]
    pub(crate) lock_timeout_ms: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Aggregate {
    /// Build the declared aggregates that are not READY, or go on with building them
    Backfill(BackfillFlags),
    /// Build aggregates from the first row, also those that are READY
    Rebuild(BackfillFlags),
    /// Remove aggregates that this program does not declare, with their triggers
    Prune,
    /// Show how every aggregate stands
    Status,
}

/// What `aggregate backfill` and `aggregate rebuild` have in common.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BackfillFlags {
    /// Only these; all that are declared when none is named
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Rows per transaction, exactly; sized by the time a batch takes when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(BATCH_SIZES))]
    pub(crate) batch_size: Option<u32>,
    /// Stop, with exit code 5, when it is not done after this long; the next backfill goes on from there
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout_ms: Option<u64>,
    /// Make tables and triggers and return; `migrate work` builds, here or on any machine
    #[arg(long)]
    pub(crate) detach: bool,
    /// Make no pause between batches
    #[arg(long, conflicts_with = "pause_ms")]
    pub(crate) full_speed: bool,
    /// Pause this long between batches
    #[arg(long, value_name = "MS")]
    pub(crate) pause_ms: Option<u64>,
    /// Give up, with exit code 5, when the database or the table stays locked this long; 30000 when not given
    #[arg(long, value_name = "MS")]
    pub(crate) lock_timeout_ms: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Show it again every second, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// The migration
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why; kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Baseline {
    /// Why; kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The oldest migration to keep
    #[arg(long, value_name = "ID")]
    pub(crate) before: String,
}

#[derive(Debug, Args)]
pub(crate) struct Work {
    /// How many workers of this process visit documents at the same time; as many as the run was started with when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(WORKERS))]
    pub(crate) workers: Option<u32>,
    /// Return when there is nothing to do, instead of waiting for a run
    #[arg(long)]
    pub(crate) until_idle: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Quarantine {
    #[command(subcommand)]
    pub(crate) command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Show them, each with its error
    List(Chosen),
    /// Call the step again for each; exits 1 when one fails again
    Retry(Chosen),
    /// Forget that they were set aside; they stay as they are
    Drop(DropThem),
}

/// Which documents.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Those of this migration
    #[arg(long, value_name = "ID")]
    pub(crate) migration: Option<String>,
    /// The one with this key, as `quarantine list` shows it
    #[arg(
        long,
        value_name = "KEY",
        requires = "migration",
        allow_hyphen_values = true
    )]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("extent").required(true).args(["migration", "all"]))]
pub(crate) struct DropThem {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// All of them
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting and where it comes from: flag, environment variable, line of the file, or default
    Show(Box<DeployWords>),
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Apply what is pending once, as [dev.migrations] says, and return
    #[arg(long)]
    pub(crate) once: bool,
    /// Stop after the batch in hand when standard input ends, since whoever started this is gone then
    #[arg(long, hide = true, requires = "once")]
    pub(crate) until_input_ends: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Only if this run is the active one
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
    /// Do not wait for the process that executes it: it is fenced off and writes nothing more
    #[arg(long)]
    pub(crate) force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn fails(line: &str) -> String {
        let error = CommandLine::try_parse_from(line.split(' ')).expect_err(line);
        assert_eq!(
            error.exit_code(),
            i32::from(crate::cli::exit::USAGE),
            "{line}"
        );
        error.to_string()
    }

    #[test]
    fn the_grammar_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_help_page_is_as_reviewed() {
        let mut migrate = CommandLine::command();
        migrate.build();
        insta::assert_snapshot!("help", migrate.clone().render_help().to_string());
        for command in migrate
            .get_subcommands_mut()
            .filter(|command| command.get_name() != "help")
        {
            let name = format!("help_{}", command.get_name());
            insta::assert_snapshot!(name.clone(), command.render_help().to_string());
            let commands = command.get_subcommands_mut();
            for command in commands.filter(|command| command.get_name() != "help") {
                let name = format!("{name}_{}", command.get_name());
                insta::assert_snapshot!(name, command.render_help().to_string());
            }
        }
    }

    #[test]
    fn unknown_and_contradictory_flags_are_errors() {
        assert!(
            fails("migrate up --batch-sise 5").contains("--batch-size"),
            "the nearest flag is suggested"
        );
        assert!(
            fails("migrate upp").contains("'up'"),
            "the nearest command is suggested"
        );
        assert!(fails("migrate down --steps 1 --detach").contains("unexpected argument"));
        assert!(fails("migrate up --detach --dry-run").contains("cannot be used with"));
        assert!(fails("migrate up --workers 0").contains("not in 1..=128"));
        assert!(fails("migrate work --workers 0").contains("not in 1..=128"));
        assert!(fails("migrate work --batch-size 5").contains("unexpected argument"));
        assert!(fails("migrate up --allow-drift").contains("--reason"));
        assert!(fails("migrate accept 20260101_000000_x").contains("--reason"));
        assert!(fails("migrate accept --reason because").contains("<ID>"));
        assert!(fails("migrate up --reason because").contains("--allow-drift"));
        assert!(fails("migrate up --full-speed --pause-ms 5").contains("cannot be used with"));
        assert!(fails("migrate down").contains("--steps"));
        assert!(fails("migrate down --steps 1 --to x").contains("cannot be used with"));
        assert!(fails("migrate down --steps 0").contains("not in 1"));
        assert!(fails("migrate up --batch-size 0").contains("not in 1..=100000"));
        assert!(fails("migrate up --prod --env staging").contains("cannot be used with"));
    }

    #[test]
    fn global_flags_may_stand_on_either_side() {
        for line in [
            "migrate --prod --json up",
            "migrate up --prod --json",
            "migrate --prod up --json",
        ] {
            let line = CommandLine::try_parse_from(line.split(' ')).unwrap();
            assert!(line.global.prod && line.global.json);
        }
    }
}
