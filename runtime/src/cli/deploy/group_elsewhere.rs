//! A shell command where there are no process groups: the one process, by its handle.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often to look whether it has ended: a handle cannot be waited for and ended at the same time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The shell of this platform, with a line to run.
pub(super) fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.arg("/C").arg(line);
    command
}

/// How a command ended.
pub(super) struct End {
    pub(super) status: io::Result<ExitStatus>,
    /// Whether it was Ctrl-C on the terminal that it had.
    pub(super) interrupted: bool,
}

/// The process of a command.
#[derive(Debug, Clone)]
pub(super) struct Group(Arc<Mutex<Child>>);

impl Group {
    /// Ctrl-C reaches it by itself, since it shares the console.
    pub(super) fn interrupt(&self) {}

    /// Ends it.
    pub(super) fn kill(&self) {
        // It may have ended already: that is what is wanted.
        let _ = self.child().kill();
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command that has begun.
pub(super) struct Running(Group);

/// Starts a command.
///
/// # Errors
/// There is no such shell, or no room for another process.
pub(super) fn start(command: &mut Command) -> io::Result<Running> {
    let child = command.spawn()?;
    Ok(Running(Group(Arc::new(Mutex::new(child)))))
}

impl Running {
    pub(super) fn group(&self) -> Group {
        self.0.clone()
    }

    /// Waits for its end.
    pub(super) fn wait(self) -> End {
        let status = loop {
            match self.0.child().try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
            std::thread::sleep(LOOK_EVERY);
        };
        End {
            status,
            interrupted: false,
        }
    }
}
