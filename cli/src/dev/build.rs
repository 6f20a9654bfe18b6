//! One build: `cargo build` of the `migrate` binary, and what the compiler says.

use super::Message;
use super::process::{Group, joined};
use super::state::{Built, Event};
use crate::args::CargoWords;
use crate::package::{BINARY, Package};
use crate::pass_on::cargo_command;
use cargo_metadata::Message as CargoMessage;
use cargo_metadata::diagnostic::DiagnosticLevel;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// A build under way.
pub struct Build {
    cargo: Child,
    output: JoinHandle<Output>,
    errors: JoinHandle<String>,
}

/// What cargo has said on standard output.
#[derive(Default)]
struct Output {
    /// The program and whether it is the one from before.
    program: Option<(std::path::PathBuf, bool)>,
    /// The compiler's own words, errors only.
    rendered: Vec<String>,
}

impl Build {
    /// Starts cargo; the channel is told of each crate and of the end.
    pub fn start(
        package: &Package,
        words: &CargoWords,
        color: bool,
        events: &Sender<Message>,
    ) -> std::io::Result<Build> {
        let mut command = cargo_command("build", package, words);
        let format = if color {
            "json-diagnostic-rendered-ansi"
        } else {
            "json"
        };
        command.arg(format!("--message-format={format}"));
        command.args(["--color", if color { "always" } else { "never" }]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut cargo = Group::spawn(&mut command)?;
        let (stdout, mut stderr) = (cargo.stdout.take(), cargo.stderr.take());
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(stderr) = &mut stderr {
                let _ = stderr.read_to_end(&mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        let events = events.clone();
        let output = std::thread::spawn(move || {
            let output = stdout.map(|stdout| read(BufReader::new(stdout), &events));
            let _ = events.send(Message::BuildOver);
            output.unwrap_or_default()
        });
        Ok(Build {
            cargo,
            output,
            errors,
        })
    }

    /// Ends it at once, the compilers it has started included.
    pub fn stop(&mut self) {
        Group::terminate(&mut self.cargo);
    }

    /// How it ended; call it when the channel has said that it has.
    pub fn finish(mut self, stopped: bool) -> Built {
        let succeeded = self.cargo.wait().is_ok_and(|status| status.success());
        let (output, errors) = (joined(self.output), joined(self.errors));
        match output.program {
            _ if stopped => Built::Stopped,
            Some((path, fresh)) if succeeded => Built::Program { path, fresh },
            _ => Built::Broken {
                message: message(&output.rendered, &errors),
            },
        }
    }
}

fn read(lines: impl BufRead, events: &Sender<Message>) -> Output {
    let mut output = Output::default();
    for message in CargoMessage::parse_stream(lines).map_while(Result::ok) {
        match message {
            CargoMessage::CompilerArtifact(artifact) => {
                if !artifact.fresh {
                    let _ = events.send(Message::Event(Event::Compiled));
                }
                if artifact.target.is_bin()
                    && artifact.target.name == BINARY
                    && let Some(path) = artifact.executable
                {
                    output.program = Some((path.into_std_path_buf(), artifact.fresh));
                }
            }
            CargoMessage::CompilerMessage(message)
                if message.message.level == DiagnosticLevel::Error =>
            {
                output.rendered.extend(message.message.rendered);
            }
            _ => {}
        }
    }
    output
}

/// The compiler's words; cargo's own where the compiler was not reached (a build script that failed, a broken Cargo.toml).
fn message(rendered: &[String], errors: &str) -> String {
    // The count of errors at the end is the one thing among them that is about no line of code.
    let text = rendered
        .iter()
        .map(|text| text.trim_end())
        .filter(|text| !text.contains("aborting due to"))
        .collect::<Vec<_>>()
        .join("\n\n");
    if text.is_empty() {
        let is_progress = |line: &&str| {
            [
                "Compiling",
                "Blocking",
                "Updating",
                "Finished",
                "Fresh",
                "Locking",
                "Adding",
            ]
            .iter()
            .any(|word| {
                line.trim_start_matches(|c: char| !c.is_alphabetic())
                    .starts_with(word)
            })
        };
        return errors
            .lines()
            .filter(|line| !is_progress(line))
            .collect::<Vec<_>>()
            .join("\n");
    }
    text
}
