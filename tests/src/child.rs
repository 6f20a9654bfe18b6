//! A second process that migrates, seen through the lines it prints.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Command, Stdio};

/// A running `driver` process. Killed when it is dropped.
pub struct Child {
    process: std::process::Child,
    lines: BufReader<ChildStdout>,
    seen: Vec<String>,
}

impl Child {
    /// Starts `driver <arguments>`; `program` is `env!("CARGO_BIN_EXE_driver")` of the test.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the driver starts");
        let lines = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        Child {
            process,
            lines,
            seen: Vec::new(),
        }
    }

    /// Reads lines until one begins with `prefix`, and returns it; `None` when the process ends before.
    ///
    /// # Panics
    /// The output is not text.
    pub fn try_await(&mut self, prefix: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self
                .lines
                .read_line(&mut line)
                .expect("the driver's output")
                == 0
            {
                return None;
            }
            let line = line.trim_end().to_owned();
            self.seen.push(line.clone());
            if line.starts_with(prefix) {
                return Some(line);
            }
        }
    }

    /// As [`Child::try_await`], and the line must come.
    ///
    /// # Panics
    /// It does not.
    pub fn await_line(&mut self, prefix: &str) -> String {
        self.try_await(prefix).unwrap_or_else(|| {
            panic!(
                "the driver ended without a line `{prefix}…`; it said:\n{}",
                self.seen.join("\n")
            )
        })
    }

    /// Waits for the end and returns the last line.
    ///
    /// # Panics
    /// The process said nothing.
    pub fn finish(mut self) -> String {
        while self.try_await("").is_some() {}
        self.process.wait().expect("the driver ends");
        self.seen
            .last()
            .cloned()
            .expect("the driver said something")
    }

    /// Lets a process that waits (`--wait-after`) go on.
    ///
    /// # Panics
    /// The process is gone.
    pub fn go_on(&mut self) {
        let stdin = self.process.stdin.as_mut().expect("its input is a pipe");
        stdin.write_all(b"\n").expect("the driver reads");
        stdin.flush().expect("the driver reads");
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// The process cannot be killed.
    pub fn kill(&mut self) {
        self.process.kill().expect("the driver is ours to kill");
        self.process.wait().expect("a killed process ends");
    }

    /// Puts the process to sleep where it stands (SIGSTOP).
    ///
    /// # Panics
    /// The process is gone.
    #[cfg(unix)]
    pub fn sleep(&self) {
        self.signal(nix::sys::signal::Signal::SIGSTOP);
        // A signal stops one thread after another, and each may still do a little on its way.
        while !self.is_stopped() {
            std::thread::yield_now();
        }
    }

    /// Whether every thread is stopped, where the system tells.
    #[cfg(unix)]
    fn is_stopped(&self) -> bool {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.id())) else {
            return true;
        };
        threads.flatten().all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // `pid (name) state …`; a thread that has ended says nothing.
            stat.rsplit_once(") ")
                .is_none_or(|(_, state)| state.starts_with(['T', 't', 'Z', 'X']))
        })
    }

    /// Lets a process that sleeps go on (SIGCONT).
    ///
    /// # Panics
    /// The process is gone.
    #[cfg(unix)]
    pub fn wake(&self) {
        self.signal(nix::sys::signal::Signal::SIGCONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: nix::sys::signal::Signal) {
        let process = i32::try_from(self.id()).expect("a process id");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), signal)
            .expect("the driver is ours");
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Already ended is as good as killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
