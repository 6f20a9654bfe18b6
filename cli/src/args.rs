//! The command line's grammar. Words for cargo are taken out first; the rest is the `migrate` binary's own line.

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Words for cargo, wherever they stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CargoWords {
    /// `-p`, `--package`
    pub package: Option<String>,
    /// `--manifest-path`
    pub manifest_path: Option<PathBuf>,
    /// `--release`
    pub release: bool,
}

/// Online data migrations for Rust: creates them, and runs this package's `migrate` binary
#[derive(Debug, Parser)]
#[command(
    name = "cargo-migrate",
    bin_name = "cargo migrate",
    version,
    arg_required_else_help = true
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub cargo: CargoHelp,
    #[command(flatten)]
    pub flags: Flags,
}

/// What [`split`] takes out, so that it shows on the help page.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which package")]
pub struct CargoHelp {
    /// The package to work on
    #[arg(short, long, global = true, value_name = "NAME")]
    package: Option<String>,
    /// Its Cargo.toml; the nearest one when not given
    #[arg(long, global = true, value_name = "FILE")]
    manifest_path: Option<PathBuf>,
    /// Build with optimisations
    #[arg(long, global = true)]
    release: bool,
}

/// The flags that every command of `migrate` takes. Here no database is opened: of those that name one only the kind matters.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Flags {
    /// Work on the database of [env.prod]; the same as --env prod
    #[arg(long, global = true)]
    prod: bool,
    /// Work on the database of [env.NAME] in driftless.toml
    #[arg(long, global = true, value_name = "NAME")]
    env: Option<String>,
    /// Work on this database; wins over DATABASE_URL and driftless.toml
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Read this file instead of the nearest driftless.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON on standard output, one object per line
    #[arg(long, global = true)]
    pub json: bool,
    /// Ask nothing
    #[arg(long, global = true)]
    pub yes: bool,
}

impl Flags {
    /// The flag that names another database than the local one.
    pub fn other_database(&self) -> Option<String> {
        let named = self.env.as_ref().map(|name| format!("--env {name}"));
        self.prod.then(|| "--prod".to_owned()).or(named)
    }

    /// The flags that say which local database is meant, for the binary.
    pub fn of_the_database(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        if let Some(url) = &self.database_url {
            words.extend(["--database-url".into(), url.into()]);
        }
        if let Some(file) = &self.config {
            words.extend(["--config".into(), file.into()]);
        }
        words
    }
}

/// The commands. Those with [`Rest`] are the `migrate` binary's, listed here for the help page.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a new migration file; on first use, everything around it too
    Create {
        /// What it does, in a few words: `create backfill todo priority`
        #[arg(required = true, value_name = "NAME")]
        name: Vec<String>,
    },
    /// Apply pending migrations, in id order
    Up(Rest),
    /// Roll back applied migrations, newest first
    Down(Rest),
    /// Show every migration, and the run that is active
    Status(Rest),
    /// Stop the active run after its batch, from any machine
    Cancel(Rest),
    /// Drive detached runs and those whose process is gone, and help with those that others drive
    Work(Rest),
    /// Push the code, apply what is pending, build aggregates; strict unless told otherwise
    Deploy(Rest),
    /// Build, rebuild, look at and remove aggregates
    Aggregate(Rest),
    /// See, try again or forget the documents that steps have set aside
    Quarantine(Rest),
    /// Show the settings, and where each of them comes from
    Config(Rest),
    /// Watch the code, rebuild and apply while you type; relaxed, and on the local database only
    Dev {
        /// Apply what is pending once, as [dev.migrations] says, and return
        #[arg(long)]
        once: bool,
    },
    /// Show what differs between applied history and the code; exits 3 when something does
    Drift(Rest),
    /// Make an edited migration's code the history of this database; the audit keeps who did so, when and why
    Accept(Rest),
    /// Record that a new database begins with what the retired migrations did
    Baseline(Rest),
    /// Remove old migrations from the build once every database has applied them; with --yes also when the code does not compile
    Retire {
        /// The oldest migration to keep
        #[arg(long, value_name = "ID")]
        before: String,
    },
    /// Record the checksums of all migrations in migrations.lock; works when the code does not compile
    Lock,
    /// Check the migrations folder and migrations.lock; works when the code does not compile
    Check,
}

/// Whatever follows: the `migrate` binary judges it.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<OsString>,
}

/// Takes the words for cargo out of a line, given without the program's name. Cargo repeats its subcommand's name as the
/// first word; that goes too.
pub fn split(words: impl IntoIterator<Item = OsString>) -> (CargoWords, Vec<OsString>) {
    let mut words = words.into_iter().peekable();
    words.next_if(|word| word == "migrate");
    let (mut cargo, mut rest) = (CargoWords::default(), Vec::new());
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        let (flag, inline) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => {
                (flag.to_owned(), Some(OsString::from(value)))
            }
            _ => (text, None),
        };
        match flag.as_str() {
            "--release" if inline.is_none() => cargo.release = true,
            "-p" | "--package" | "--manifest-path" => match inline.or_else(|| words.next()) {
                Some(value) if flag == "--manifest-path" => {
                    cargo.manifest_path = Some(value.into())
                }
                Some(value) => cargo.package = Some(value.to_string_lossy().into_owned()),
                // Without its value it stays, and the grammar says what is missing.
                None => rest.push(word),
            },
            "--" => {
                rest.push(word);
                rest.extend(words);
                break;
            }
            _ => rest.push(word),
        }
    }
    (cargo, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn split_line(line: &str) -> (CargoWords, String) {
        let (cargo, rest) = split(line.split(' ').map(OsString::from));
        let rest: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
        (cargo, rest.join(" "))
    }

    #[test]
    fn the_grammar_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_help_page_is_as_reviewed() {
        insta::assert_snapshot!(CommandLine::command().render_help().to_string());
    }

    #[test]
    fn words_for_cargo_are_taken_out_wherever_they_stand() {
        let (cargo, rest) =
            split_line("migrate -p shop up --to x --release --manifest-path=a/Cargo.toml --json");
        assert_eq!(
            cargo,
            CargoWords {
                package: Some("shop".into()),
                manifest_path: Some("a/Cargo.toml".into()),
                release: true
            }
        );
        assert_eq!(rest, "up --to x --json");
        assert_eq!(
            split_line("up --package shop -- -p x"),
            (
                CargoWords {
                    package: Some("shop".into()),
                    ..Default::default()
                },
                "up -- -p x".into()
            )
        );
    }

    #[test]
    fn only_the_first_word_is_cargos_own() {
        assert_eq!(split_line("migrate create migrate").1, "create migrate");
        assert_eq!(split_line("create migrate").1, "create migrate");
    }

    #[test]
    fn what_the_binary_judges_passes() {
        for line in [
            "up --to x --nonsense",
            "status --help",
            "--json down --steps 1",
            "up --json --reason x",
        ] {
            let words = std::iter::once("cargo migrate").chain(line.split(' '));
            CommandLine::try_parse_from(words).expect(line);
        }
        let error =
            CommandLine::try_parse_from(["cargo migrate", "upp"]).expect_err("no such command");
        assert!(error.to_string().contains("'up'"), "{error}");
    }
}
