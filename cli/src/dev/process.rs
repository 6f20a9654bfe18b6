//! Child processes in groups of their own: a Ctrl-C in the terminal reaches `dev` alone, which decides who ends how.

use std::process::{Child, Command};
use std::thread::JoinHandle;

/// A child and everything it has started.
pub struct Group;

impl Group {
    /// Starts it.
    pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        command.spawn()
    }

    /// Ends it and what it has started. It has not been waited for, so its number is still its own.
    pub fn terminate(child: &mut Child) {
        #[cfg(unix)]
        if let Ok(id) = i32::try_from(child.id()) {
            use nix::sys::signal::{Signal, killpg};
            // Gone already is as good.
            let _ = killpg(nix::unistd::Pid::from_raw(id), Signal::SIGTERM);
        }
        #[cfg(not(unix))]
        let _ = child.kill();
    }
}

/// What a thread came to; nothing where it panicked, which has been said by then.
pub fn joined<T: Default>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_default()
}
