//! How this command talks: the same way as the `migrate` binary.

use driftless_manifest::command::Refusal;
use serde::Serialize;
use std::ffi::OsString;
use std::io::Write;

/// The exit code of a mistake on the command line or in the project's set-up.
const USAGE: u8 = 2;

/// The exit code of a locked migration that changed.
const DRIFT: u8 = 3;

/// The exit code of everything else that fails.
const FAILED: u8 = 1;

/// The exit code when another one is at work.
const RUN_ACTIVE: u8 = 6;

/// Why a command ended without doing what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    pub message: String,
}

impl Failure {
    /// The command line or the project's set-up cannot be meant.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure {
            code: USAGE,
            message: message.into(),
        }
    }

    /// Something was tried and did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Failure {
            code: FAILED,
            message: message.into(),
        }
    }

    /// Somebody else is at it.
    pub fn run_active(message: impl Into<String>) -> Self {
        Failure {
            code: RUN_ACTIVE,
            message: message.into(),
        }
    }

    /// The binary does not compile; `check` is the exit code of a look at its migrations.
    pub fn does_not_compile(check: u8, binary: &str) -> Self {
        let code = if check == DRIFT { DRIFT } else { FAILED };
        let message =
            format!("the program `{binary}` does not compile; the compiler's messages are above");
        Failure { code, message }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure {
            code: refusal.exit_code(),
            message: refusal.message,
        }
    }
}

/// Words or JSON.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    /// Results are JSON.
    pub json: bool,
}

impl Reporter {
    /// A result, for people.
    pub fn result(self, text: &str) {
        if !self.json {
            let _ = writeln!(anstream::stdout(), "{text}");
        }
    }

    /// A result, for programs.
    pub fn object(self, object: &impl Serialize) {
        if self.json {
            let _ = writeln!(
                std::io::stdout(),
                "{}",
                serde_json::to_string(object).unwrap_or_default()
            );
        }
    }

    /// Something by the way.
    pub fn note(self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Something that is left to do.
    pub fn warn(self, text: &str) {
        let style = anstyle::AnsiColor::Yellow.on_default();
        let _ = writeln!(anstream::stderr(), "{style}to do{style:#}: {text}");
    }

    /// Why the command failed; gives back the exit code.
    pub fn fail(self, failure: &Failure) -> u8 {
        let style = anstyle::AnsiColor::Red.on_default().bold();
        let _ = writeln!(
            anstream::stderr(),
            "{style}error{style:#}: {}",
            failure.message
        );
        let status = if failure.code == DRIFT {
            "drift_blocked"
        } else {
            "failed"
        };
        self.object(&FailureLine {
            status,
            ..FailureLine::new(&failure.message)
        });
        failure.code
    }
}

/// The last line of a command that fails, as the `migrate` binary writes it.
#[derive(Serialize)]
struct FailureLine<'m> {
    status: &'static str,
    run_id: Option<String>,
    direction: Option<String>,
    migrations: [(); 0],
    drift: [(); 0],
    error: &'m str,
}

impl<'m> FailureLine<'m> {
    fn new(error: &'m str) -> Self {
        FailureLine {
            status: "failed",
            run_id: None,
            direction: None,
            migrations: [],
            drift: [],
            error,
        }
    }
}

/// Prints what clap has to say: a mistake, or the help that was asked for.
pub fn usage(error: &clap::Error, words: &[OsString]) -> u8 {
    let _ = error.print();
    let code = u8::try_from(error.exit_code()).unwrap_or(USAGE);
    let reporter = Reporter {
        json: words.iter().any(|word| word == "--json"),
    };
    if code != 0 {
        let text = error.to_string();
        let message = text
            .trim_start_matches("error: ")
            .split("\n\n")
            .next()
            .unwrap_or_default();
        reporter.object(&FailureLine::new(message));
    }
    code
}
