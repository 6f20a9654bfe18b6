//! One run: the built program's `dev --once`, told to stop by the end of its input, so that it never outlives us.

use super::Message;
use super::process::{Group, joined};
use super::protocol::{Line, RunEnd};
use super::state::Event;
use crate::args::Flags;
use crate::package::Package;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// How much of what a program says besides is kept, for when it dies without a last line.
const LAST_WORDS: usize = 4000;

/// A run under way.
pub struct Run {
    program: Child,
    end: JoinHandle<Option<RunEnd>>,
    errors: JoinHandle<String>,
}

impl Run {
    /// Starts the program; the channel is told of each line and of the end.
    pub fn start(
        program: &Path,
        package: &Package,
        flags: &Flags,
        events: &Sender<Message>,
    ) -> std::io::Result<Run> {
        let mut command = Command::new(program);
        command
            .args(["dev", "--once", "--until-input-ends", "--json"])
            .args(flags.of_the_database())
            // As `cargo run` does: the configuration is looked for here, too.
            .env("CARGO_MANIFEST_DIR", &package.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut program = Group::spawn(&mut command)?;
        let (stdout, stderr) = (program.stdout.take(), program.stderr.take());
        let errors = std::thread::spawn(move || stderr.map(last_words).unwrap_or_default());
        let (events, echo) = (events.clone(), flags.json);
        let end = std::thread::spawn(move || {
            let end = stdout.and_then(|stdout| read(BufReader::new(stdout), echo, &events));
            let _ = events.send(Message::RunOver);
            end
        });
        Ok(Run {
            program,
            end,
            errors,
        })
    }

    /// Asks it to stop after its batch.
    pub fn stop(&mut self) {
        drop(self.program.stdin.take());
    }

    /// Ends it at once; the database rolls its batch back.
    pub fn kill(&mut self) {
        let _ = self.program.kill();
    }

    /// How it ended; call it when the channel has said that it has.
    pub fn finish(mut self) -> RunEnd {
        let status = self.program.wait();
        let (end, errors) = (joined(self.end), joined(self.errors));
        let code = status
            .as_ref()
            .ok()
            .and_then(std::process::ExitStatus::code)
            .and_then(|code| u8::try_from(code).ok());
        match end {
            Some(end) => RunEnd {
                code: code.unwrap_or(1),
                ..end
            },
            None => {
                let how =
                    status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let error = format!(
                    "the program ended without a result ({how})\n{}",
                    errors.trim_end()
                );
                RunEnd::without_a_word(error, code.unwrap_or(1))
            }
        }
    }
}

/// Passes lines on, to standard output too with `echo`; the last is the end.
fn read(lines: impl BufRead, echo: bool, events: &Sender<Message>) -> Option<RunEnd> {
    let mut end = None;
    for line in lines.lines().map_while(Result::ok) {
        let said = serde_json::from_str::<Line>(&line).ok();
        let last = serde_json::from_str::<RunEnd>(&line).ok();
        let last = last.filter(|last| !last.status.is_empty());
        if said.is_none() && last.is_none() {
            // A step of the user's printed it.
            continue;
        }
        if echo {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
        match said {
            Some(said) => {
                let _ = events.send(Message::Event(Event::Said(said)));
            }
            None => end = last,
        }
    }
    end
}

/// The end of what a program says; all of it is read, so that it never waits for us.
fn last_words(mut stderr: impl Read) -> String {
    let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stderr.read(&mut chunk) {
        kept.extend_from_slice(&chunk[..read]);
        let excess = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..excess);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
