//! Builds the app's own `migrate` binary and becomes it.

use crate::args::CargoWords;
use crate::folder;
use crate::package::{BINARY, Package};
use crate::report::Failure;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::Command;

/// Runs the binary with these words; comes back only when that did not begin, or where a process cannot be replaced.
///
/// # Errors
/// There is no such binary; it does not compile; cargo cannot be started.
pub fn run(package: &Package, cargo: &CargoWords, words: &[OsString]) -> Result<u8, Failure> {
    package.require_binary()?;
    build(package, cargo)?;
    replace(
        cargo_command("run", package, cargo)
            .arg("--quiet")
            .arg("--")
            .args(words),
    )
}

/// Builds first, so that a program that does not compile has an exit code of ours and not cargo's.
fn build(package: &Package, cargo: &CargoWords) -> Result<(), Failure> {
    let mut command = cargo_command("build", package, cargo);
    if !shows_progress(package, cargo) {
        command.arg("--quiet");
    }
    // Standard output belongs to the binary.
    let status = command
        .stdout(std::process::Stdio::null())
        .status()
        .map_err(not_started)?;
    if status.success() {
        return Ok(());
    }
    let (_, code) = driftless_manifest::command::check(&package.root, &folder::of(package));
    Err(Failure::does_not_compile(code, BINARY))
}

/// Cargo, at work on the binary.
pub fn cargo_command(name: &str, package: &Package, cargo: &CargoWords) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args([name, "--bin", BINARY, "--manifest-path"])
        .arg(&package.manifest_path);
    if cargo.release {
        command.arg("--release");
    }
    command
}

fn not_started(error: std::io::Error) -> Failure {
    Failure::failed(format!("cargo cannot be started: {error}"))
}

/// The first build takes a while: someone who watches should see that it goes on. Later ones are quick and quiet.
fn shows_progress(package: &Package, cargo: &CargoWords) -> bool {
    let profile = if cargo.release { "release" } else { "debug" };
    let built = package
        .target_folder
        .join(profile)
        .join(BINARY)
        .with_extension(std::env::consts::EXE_EXTENSION);
    std::io::stderr().is_terminal() && !built.exists()
}

/// Becomes the command, and cargo becomes the binary: signals and the exit code need no passing on.
#[cfg(unix)]
fn replace(command: &mut Command) -> Result<u8, Failure> {
    use std::os::unix::process::CommandExt;
    Err(not_started(command.exec()))
}

/// Waits for the command. Ctrl-C reaches it too, and it decides when to end.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> Result<u8, Failure> {
    let _ = ctrlc::set_handler(|| ());
    let status = command.status().map_err(not_started)?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}
