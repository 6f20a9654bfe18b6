//! Where words go: results to standard output, everything else to standard error; JSON instead of words on request.

use crate::cli::exit::Failure;
use crate::cli::json;
use crate::cli::secret;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// How this process talks to its user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Results are JSON, one object per line.
    pub(crate) json: bool,
}

impl Output {
    /// A result, for people; nothing when results are JSON or there is nothing to say. Colour is dropped where it does not belong.
    pub(crate) fn result(self, text: &str) {
        if !self.json && !text.is_empty() {
            // A reader that has gone away (`| head`) is no failure of the command.
            let _ = writeln!(anstream::stdout(), "{}", text.trim_end());
        }
    }

    /// A result, for programs; nothing when results are words.
    pub(crate) fn object(self, object: &impl Serialize) {
        if self.json {
            // Our own types always serialise: no maps with odd keys, no failing implementations.
            let line = serde_json::to_string(object).unwrap_or_default();
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    /// Something by the way, for people.
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", text.trim_end());
    }

    /// Something that is not as it should be and no failure.
    pub(crate) fn warn(self, text: &str) {
        self.note(&format!("{}: {text}", paint(YELLOW, "warning")));
    }

    /// Why the command failed, in both languages; gives back the exit code.
    pub(crate) fn fail(self, failure: &Failure, direction: Option<&'static str>) -> u8 {
        self.error(&failure.message);
        self.object(&json::RunEnd::of_failure(failure, direction));
        failure.code
    }

    /// Why the command failed, for people.
    pub(crate) fn error(self, message: &str) {
        let message = secret::mask_text(message);
        self.note(&format!("{}: {message}", paint(RED, "error")));
    }
}

/// Whether someone sits there who can answer.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question that only an explicit yes answers with yes.
pub(crate) fn confirm(question: &str) -> bool {
    let _ = write!(anstream::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// What went well.
pub(crate) const GREEN: anstyle::Style = anstyle::AnsiColor::Green.on_default();
/// What is wrong.
pub(crate) const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub(crate) const YELLOW: anstyle::Style = anstyle::AnsiColor::Yellow.on_default();
/// What is there for completeness.
pub(crate) const DIM: anstyle::Style = anstyle::Style::new().dimmed();
/// Where to look first.
pub(crate) const BOLD: anstyle::Style = anstyle::Style::new().bold();

/// Text in a style; the writers above drop the style where it does not belong.
pub(crate) fn paint(style: anstyle::Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
