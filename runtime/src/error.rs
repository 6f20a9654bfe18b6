//! The one error of the runtime: opaque, keeps its cause, answers the questions callers ask.

use std::error::Error as StdError;
use std::fmt;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that a step function may return: any error, or a string.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, in a sentence that names the migration, the table, the document and the way out.
///
/// The text is a lowercase fragment that reads on after "failed to …: "; the cause is in
/// [`source`](StdError::source), and [`Error::chain`] prints both.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<BoxError>,
}

/// What kind of failure an [`Error`] is; it decides the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or the configuration cannot be meant: an unknown id, an unknown URL scheme.
    Usage,
    /// Applied history differs from the code.
    Drift,
    /// Another run with another plan is active.
    RunActive,
    /// Another worker has taken over: this one writes nothing more.
    LeaseLost,
    /// The run was asked to stop.
    Canceled,
    /// The database stayed locked, or was not reachable, for longer than the lock timeout.
    Busy,
    /// The database refused: a missing table, a full disk, a corrupt file.
    Database,
    /// A constraint refused a change: a check, a unique index, a foreign key, NOT NULL.
    Constraint,
    /// A step function returned an error, panicked, or returned a patch that cannot be written.
    Step,
    /// The `migration_*` tables are not what this build expects.
    Schema,
    /// An aggregate is not `READY`: what it holds is not what its table holds.
    Stale,
}

impl Error {
    /// An error of this kind with this message.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Usage, message)
    }

    pub(crate) fn database(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Database, message)
    }

    pub(crate) fn step(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Step, message)
    }

    pub(crate) fn schema(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Schema, message)
    }

    /// The same error with its cause.
    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same kind of error, one level up: this error becomes the cause of `message`.
    pub(crate) fn context(self, message: impl Into<String>) -> Self {
        Error::new(self.kind(), message).with_source(self)
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether applied history differs from the code.
    pub fn is_drift(&self) -> bool {
        self.kind() == ErrorKind::Drift
    }

    /// Whether another worker has taken over.
    pub fn is_lease_lost(&self) -> bool {
        self.kind() == ErrorKind::LeaseLost
    }

    /// Whether another run with another plan is active.
    pub fn is_run_active(&self) -> bool {
        self.kind() == ErrorKind::RunActive
    }

    /// Whether trying again later may help: the database was locked or away.
    pub fn is_busy(&self) -> bool {
        self.kind() == ErrorKind::Busy
    }

    /// Whether an aggregate is not `READY`.
    pub fn is_stale(&self) -> bool {
        self.kind() == ErrorKind::Stale
    }

    /// The message and every cause below it, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.chain())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
