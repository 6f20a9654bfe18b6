//! Where commands run and how: in the workspace, with one target directory, failures named by their command line.

use crate::summary::Summary;
use std::borrow::BorrowMut;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What went wrong in a stage: the command that failed, or the rule that is broken.
pub type Outcome = Result<(), String>;

/// The workspace and its target directory.
pub struct Workshop {
    /// The workspace's folder.
    pub root: PathBuf,
    target: PathBuf,
}

impl Workshop {
    /// The workspace this program was compiled from.
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("xtask is a folder of the workspace")
            .to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        Workshop {
            target: root.join(target),
            root,
        }
    }

    /// A folder of the target directory for things that are thrown away.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.target.join("xtask").join(name)
    }

    /// `cargo` in the workspace; everything it builds shares one target directory.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        // `cargo run` sets these for xtask; they are not meant for the builds it starts.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&*name);
            }
        }
        command
    }
}

/// Runs a command to its end.
pub fn run(mut command: impl BorrowMut<Command>) -> Outcome {
    let command = command.borrow_mut();
    let shown = shown(command);
    let status = command
        .status()
        .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    ended(status.success(), &shown)
}

/// Runs a command and returns what it prints.
pub fn output(mut command: Command) -> Result<String, String> {
    let shown = shown(&command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    ended(output.status.success(), &shown)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `cargo test …`, shows what it prints and counts its tests.
pub fn run_tests(mut command: Command, summary: &mut Summary) -> Outcome {
    let shown = shown(&command);
    let cannot = |error: std::io::Error| format!("`{shown}` cannot be started: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let stdout = child.stdout.take().expect("it is piped");
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.map_err(cannot)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        summary.read(&line);
    }
    let status = child.wait().map_err(cannot)?;
    ended(status.success(), &shown)
}

fn ended(success: bool, shown: &str) -> Outcome {
    if success {
        Ok(())
    } else {
        Err(format!("`{shown}` did not succeed"))
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    let folder = command.get_current_dir().unwrap_or(Path::new("."));
    format!("{} (in {})", words.join(" "), folder.display())
}
