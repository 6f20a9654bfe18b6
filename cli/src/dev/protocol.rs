//! What the `migrate` binary says in `dev --once --json`: a line for each thing that happens, and one for the end.

use serde::Deserialize;

/// A line before the last.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// Which database it is, with its password masked.
    Database { database: String },
    /// A migration begins, or goes on.
    StepStarted {
        migration_id: String,
        processed: u64,
        total: u64,
    },
    /// Documents done so far.
    Progress {
        migration_id: String,
        processed: u64,
        total: u64,
    },
    /// A migration is applied.
    StepCompleted {
        migration_id: String,
        processed: u64,
        changed: u64,
    },
    /// The database is busy or away, and the batch is tried again.
    Retrying { reason: String },
    /// Another process executes the same run.
    Following { holder: String },
    /// Something worth a line.
    Warning { message: String },
    /// Whatever a newer binary may say.
    #[serde(other)]
    Other,
}

/// The last line, and how the process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RunEnd {
    /// A run status.
    pub status: String,
    /// Why it did not end well.
    pub error: Option<String>,
    /// What it did.
    pub migrations: Vec<Migration>,
    /// What differs between applied history and the code.
    pub drift: Vec<Drift>,
    /// A failure ends `dev`.
    pub strict: bool,
    /// It may go well when it is tried again.
    pub try_again: bool,
    /// How many migrations are applied.
    pub applied: usize,
    /// The ids that are not.
    pub pending: Vec<String>,
    /// The exit code.
    #[serde(skip)]
    pub code: u8,
}

/// What a run did to one migration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Migration {
    pub id: String,
    pub status: String,
    pub processed: u64,
    pub changed: u64,
    #[serde(default)]
    pub quarantined: u64,
}

/// One difference between applied history and the code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drift {
    pub message: String,
}

impl RunEnd {
    /// An end without a last line: the process was killed, or is no program of ours.
    pub fn without_a_word(error: String, code: u8) -> RunEnd {
        RunEnd {
            status: "failed".into(),
            error: Some(error),
            code,
            ..RunEnd::default()
        }
    }

    /// Whether it did not do what it was asked to.
    pub fn is_failure(&self) -> bool {
        !matches!(
            self.status.as_str(),
            "completed" | "noop" | "pending" | "running"
        )
    }
}
