//! A shell command as a job: a process group of its own, which is signaled as a whole, so that nothing it has started is
//! left behind; on a terminal in the foreground, so that it may ask questions and Ctrl-C is its.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, killpg, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

/// The shell of this platform, with a line to run.
pub(super) fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

/// How a command ended.
pub(super) struct End {
    pub(super) status: io::Result<ExitStatus>,
    /// Whether it was Ctrl-C on the terminal that it had.
    pub(super) interrupted: bool,
}

/// All processes of a command.
#[derive(Debug, Clone)]
pub(super) struct Group(Pid);

impl Group {
    /// Asks them to stop, as Ctrl-C does.
    pub(super) fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    /// Ends them.
    pub(super) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        // None is left when they have all ended: that is what is wanted.
        let _ = killpg(self.0, signal);
    }
}

/// A command that has begun.
pub(super) struct Running {
    group: Group,
    terminal: Option<Terminal>,
}

/// Starts a command.
///
/// # Errors
/// There is no such shell, or no room for another process.
pub(super) fn start(command: &mut Command) -> io::Result<Running> {
    let terminal = Terminal::ours();
    let child = command.process_group(0).spawn()?;
    let group = Group(Pid::from_raw(child.id().cast_signed()));
    if let Some(terminal) = terminal {
        terminal.lend(&group);
    }
    Ok(Running { group, terminal })
}

impl Running {
    pub(super) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Waits for its end. When it is suspended (Ctrl-Z) this process is, too, and goes on together with it.
    pub(super) fn wait(self) -> End {
        let (status, interrupted) = loop {
            match waitpid(self.group.0, Some(WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, code)) => {
                    // 130: a shell whose command Ctrl-C has ended.
                    break (Ok(ExitStatus::from_raw(code << 8)), code == 130);
                }
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    let status = ExitStatus::from_raw(signal as i32);
                    break (Ok(status), signal == Signal::SIGINT);
                }
                Ok(WaitStatus::Stopped(_, signal)) => self.suspended(signal),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => break (Err(error.into()), false),
            }
        };
        if let Some(terminal) = self.terminal {
            terminal.take_back();
        }
        End {
            status,
            interrupted: interrupted && self.terminal.is_some(),
        }
    }

    fn suspended(&self, signal: Signal) {
        let Some(terminal) = self.terminal else {
            return;
        };
        // It reached for the terminal before that was lent to it: no reason to suspend anybody.
        let was_early = matches!(signal, Signal::SIGTTIN | Signal::SIGTTOU);
        if !was_early {
            terminal.take_back();
            let _ = raise(Signal::SIGSTOP);
        }
        terminal.lend(&self.group);
    }
}

/// The terminal, when it is this process that it listens to.
#[derive(Debug, Clone, Copy)]
struct Terminal;

impl Terminal {
    fn ours() -> Option<Terminal> {
        let foreground = tcgetpgrp(io::stdin()).ok()?;
        (foreground == getpgrp()).then_some(Terminal)
    }

    fn lend(self, group: &Group) {
        set_foreground(group.0);
        group.signal(Signal::SIGCONT);
    }

    fn take_back(self) {
        set_foreground(getpgrp());
    }
}

/// Whose processes may read from the terminal and get its Ctrl-C.
fn set_foreground(group: Pid) {
    // A process in the background that does this is stopped, unless it blocks the signal.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTTOU);
    let blocked = signals.thread_block();
    // The terminal may have been closed meanwhile; then there is nothing to listen to.
    let _ = tcsetpgrp(io::stdin(), group);
    if blocked.is_ok() {
        let _ = signals.thread_unblock();
    }
}
