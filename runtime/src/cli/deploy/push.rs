//! The first step: the configured command, which pushes the code.

use super::group::{self, End};
use super::stop::{Happening, Stop};
use crate::cli::exit::{self, Failure};
use crate::cli::secret;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a command that was asked to stop has, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A command to run.
pub(super) struct Push {
    pub(super) command: String,
    /// Where it runs: beside the file that names it.
    pub(super) folder: Option<PathBuf>,
    /// `None`: as long as it takes.
    pub(super) timeout: Option<Duration>,
    /// Whether standard output is for objects only, so that the command's goes to standard error.
    pub(super) json: bool,
}

/// Why it is no longer waited for.
enum Cut {
    Asked,
    TimedOut,
}

impl Push {
    /// Runs it to its end, passing its output through. Blocks.
    ///
    /// # Errors
    /// It cannot be started, fails, is killed, takes too long, or somebody asks to stop.
    pub(super) fn run(&self, stop: &Stop) -> Result<(), Failure> {
        let mut command = group::shell(&self.command);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if self.json {
            command.stdout(std::io::stderr());
        }
        if stop.is_asked() {
            return Err(stopped());
        }
        let (sender, happenings) = channel();
        let running = stop
            .start(&mut command, sender.clone())
            .map_err(|error| self.failed(&format!("cannot be started: {error}")))?;
        let group = running.group();
        std::thread::spawn(move || sender.send(Happening::Ended(running.wait())));

        let mut cut = None;
        let mut deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let end = loop {
            let happening = match deadline {
                Some(deadline) => {
                    happenings.recv_timeout(deadline.saturating_duration_since(Instant::now()))
                }
                None => happenings
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            match happening {
                Ok(Happening::Ended(end)) => break end,
                Ok(Happening::Asked) => cut = Some(Cut::Asked),
                Err(_) if cut.is_some() => {
                    group.kill();
                    deadline = None;
                    continue;
                }
                Err(_) => cut = Some(Cut::TimedOut),
            }
            group.interrupt();
            deadline = Some(Instant::now() + GRACE);
        };
        stop.ended();
        if cut.is_some() {
            // What it started and did not stop itself.
            group.kill();
        }
        self.judge(end, cut)
    }

    fn judge(&self, end: End, cut: Option<Cut>) -> Result<(), Failure> {
        match (cut, end.status) {
            (Some(Cut::Asked), _) => Err(stopped()),
            (None, _) if end.interrupted => Err(stopped()),
            (Some(Cut::TimedOut), _) => {
                let timeout = self.timeout.unwrap_or_default().as_millis();
                Err(Failure::new(
                    exit::TIMED_OUT,
                    self.says(&format!(
                        "took longer than command_timeout_ms = {timeout} and was stopped"
                    )),
                ))
            }
            (None, Ok(status)) if status.success() => Ok(()),
            (None, Ok(status)) => Err(self.failed(&how(status))),
            (None, Err(error)) => Err(self.failed(&format!("cannot be waited for: {error}"))),
        }
    }

    fn failed(&self, how: &str) -> Failure {
        Failure::new(exit::FAILED, self.says(how))
    }

    fn says(&self, how: &str) -> String {
        let command = secret::mask_command(&self.command);
        format!("the command `{command}` {how}; nothing was migrated")
    }
}

fn stopped() -> Failure {
    Failure::new(
        exit::CANCELED,
        "stopped while the command ran; nothing was migrated",
    )
}

/// How a command failed.
fn how(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = nix::sys::signal::Signal::try_from(signal)
            .map_or_else(|_| signal.to_string(), |signal| signal.to_string());
        return format!("was killed by signal {name}");
    }
    match status.code() {
        Some(127) => "exited with 127: the shell found no such program".to_owned(),
        Some(code) => format!("exited with {code}"),
        None => "did not end by itself".to_owned(),
    }
}
