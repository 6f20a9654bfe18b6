//! The cargo subcommand of driftless: `cargo migrate`.
//!
//! `create`, `lock` and `check` look at the folder alone and work when the code does not compile. `dev` builds the app's own
//! `migrate` binary again and again; every other command is that binary, which this one builds and becomes.

mod args;
mod dev;
mod folder;
mod package;
mod pass_on;
mod report;
mod wire;

use args::{CargoWords, Command, CommandLine, Flags};
use clap::Parser;
use driftless_manifest::{command, retire as command_retire};
use package::Package;
use report::{Failure, Reporter};
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    let (cargo, words) = args::split(std::env::args_os().skip(1));
    let line = match CommandLine::try_parse_from(
        std::iter::once(&OsString::from("cargo migrate")).chain(&words),
    ) {
        Ok(line) => line,
        Err(error) => return ExitCode::from(report::usage(&error, &words)),
    };
    let reporter = Reporter {
        json: line.flags.json,
    };
    let outcome = Package::find(&cargo).and_then(|package| match &line.command {
        Command::Create { name } => create(&package, &name.join(" "), &line.flags, reporter),
        Command::Lock => lock(&package, reporter),
        Command::Check => Ok(check(&package, reporter)),
        Command::Dev { once: false } => dev::command(&package, &cargo, &line.flags, reporter),
        Command::Retire { before } => {
            retire(&package, &cargo, &words, before, &line.flags, reporter)
        }
        _ => pass_on::run(&package, &cargo, &words),
    });
    ExitCode::from(outcome.unwrap_or_else(|failure| reporter.fail(&failure)))
}

/// Writes a new migration, and on first use everything that it needs around it.
fn create(package: &Package, name: &str, flags: &Flags, reporter: Reporter) -> Result<u8, Failure> {
    let wiring = if package.is_wired()? {
        None
    } else {
        Some(wire::plan(package, flags)?)
    };
    let created = command::create(&package.root, &folder::of(package), name, SystemTime::now())?;
    let mut lines = vec![created.to_string()];
    if let Some(wiring) = &wiring {
        lines.extend(wiring.write()?);
    }
    reporter.object(&created);
    reporter.result(&lines.join("\n"));
    let mut next = format!(
        "next: write `up` in {}, then run `cargo migrate up --dry-run`",
        created.file
    );
    if wiring.as_ref().is_some_and(|wiring| !wiring.is_named) {
        next.push_str(" (name the database in driftless.toml first)");
    }
    reporter.note(&next);
    for todo in wiring.iter().flat_map(|wiring| &wiring.by_hand) {
        reporter.warn(todo);
    }
    Ok(0)
}

fn lock(package: &Package, reporter: Reporter) -> Result<u8, Failure> {
    let locked = command::lock(&package.root, &folder::of(package))?;
    reporter.object(&locked);
    reporter.result(&locked.to_string());
    Ok(0)
}

/// The app's binary asks the databases. When it does not compile nobody can, and `--yes` is the word of whoever says it.
fn retire(
    package: &Package,
    cargo: &CargoWords,
    words: &[OsString],
    before: &str,
    flags: &Flags,
    reporter: Reporter,
) -> Result<u8, Failure> {
    let folder = folder::of(package);
    let plan = command_retire::plan(&package.root, &folder, before)?;
    let problem = match pass_on::run(package, cargo, words) {
        Err(problem) if flags.yes => problem,
        Err(mut problem) => {
            problem.message.push_str(
                "; add --yes to retire on your word that every database has applied them",
            );
            return Err(problem);
        }
        passed => return passed,
    };
    reporter.note(&format!(
        "warning: no database was asked, since {}",
        problem.message
    ));
    let retired = plan.carry_out()?;
    reporter.object(&retired);
    reporter.result(&retired.to_string());
    Ok(0)
}

fn check(package: &Package, reporter: Reporter) -> u8 {
    let (report, code) = command::check(&package.root, &folder::of(package));
    reporter.object(&report);
    reporter.result(&report.to_string());
    code
}
