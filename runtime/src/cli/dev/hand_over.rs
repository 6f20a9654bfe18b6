//! Becomes `cargo migrate dev`, where that is possible.

use crate::cli::Session;
use crate::cli::exit::{self, Failure};
use driftless_manifest::command;
use std::path::Path;
use std::process::{Command, Stdio};

/// Why it cannot go on when `cargo migrate` is missing.
const NOT_INSTALLED: &str = "`dev` rebuilds this program after each change, which `cargo migrate` does, and that is not installed; \
run `cargo install cargo-migrate`, then `cargo migrate dev`";

/// Becomes `cargo migrate dev`; comes back only where that did not begin, or where a process cannot be replaced.
pub(super) fn command(session: &Session) -> Result<u8, Failure> {
    let folder = Path::new(session.manifest.folder());
    if !folder.is_dir() {
        return Err(Failure::usage(format!(
            "the migrations folder `{}` is not on this machine; `dev` works where the program was compiled",
            folder.display()
        )));
    }
    let is_installed = cargo()
        .args(["migrate", "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !is_installed.is_ok_and(|status| status.success()) {
        return Err(Failure::usage(NOT_INSTALLED));
    }
    let package = command::package_of(folder);
    let mut dev = cargo();
    dev.args(["migrate", "dev", "--manifest-path"])
        .arg(package.join("Cargo.toml"));
    let global = &session.global;
    if let Some(url) = &global.database_url {
        dev.arg("--database-url").arg(url);
    }
    if let Some(file) = &global.config {
        dev.arg("--config").arg(file);
    }
    for (flag, given) in [("--json", global.json), ("--yes", global.yes)] {
        dev.args(given.then_some(flag));
    }
    replace(&mut dev)
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::new(exit::FAILED, format!("cargo cannot be started: {error}"))
}

/// Signals and the exit code need no passing on.
#[cfg(unix)]
fn replace(command: &mut Command) -> Result<u8, Failure> {
    use std::os::unix::process::CommandExt;
    Err(not_started(&command.exec()))
}

/// Ctrl-C reaches the command too, and it decides when to end.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> Result<u8, Failure> {
    let _ = ctrlc::set_handler(|| ());
    let status = command.status().map_err(|error| not_started(&error))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(exit::FAILED))
}
