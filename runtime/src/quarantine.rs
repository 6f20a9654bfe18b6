//! Documents that steps have set aside (`on_error = "quarantine"`): seeing them, trying them again, forgetting them.

use crate::engine;
use crate::error::Result;
use crate::history::Direction;
use crate::migrator::Migrator;
use serde::Serialize;

/// A document that a step could not do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantinedDocument {
    /// The migration.
    pub migration_id: String,
    /// Which half of it.
    pub direction: Direction,
    /// The document's table.
    pub table: String,
    /// The document's key, as JSON: `[7]`, `["a",2]`.
    pub key: String,
    /// Why it was set aside, with causes.
    pub error: String,
    /// The run that set it aside.
    pub run_id: String,
    /// When, on the database's clock.
    pub created_at: String,
}

/// What became of documents that were tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[must_use = "documents that failed again are reported here, not as an error"]
pub struct Retried {
    /// How many the step has done now; they are not set aside any more.
    pub done: u64,
    /// How many rows were changed for them.
    pub changed: u64,
    /// How many were forgotten, since there is no such document any more.
    pub gone: u64,
    /// Those that failed again, with the new error; they stay set aside.
    pub failed: Vec<QuarantinedDocument>,
}

impl Migrator {
    /// Every document that is set aside, in the order of migrations, the oldest first. Writes nothing.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub async fn quarantined(&self) -> Result<Vec<QuarantinedDocument>> {
        self.on_thread(engine::quarantined).await
    }

    /// Calls the step again for documents that are set aside, each in a transaction of its own, in which it also ceases to
    /// be set aside: however often this is interrupted or called at the same time, a document is done once.
    ///
    /// The code is that which was applied: an edited migration is refused until its change is accepted.
    ///
    /// # Errors
    /// A run is active; the migration is not compiled in, was edited, or has been rolled back since; a database that cannot
    /// be reached or written. Documents before that one stay done.
    pub async fn retry_quarantined(&self, documents: Vec<QuarantinedDocument>) -> Result<Retried> {
        let runtime = tokio::runtime::Handle::try_current().ok();
        self.on_thread(move |migrator| {
            engine::retry_quarantined(migrator, documents, runtime.as_ref())
        })
        .await
    }

    /// Forgets that documents were set aside; they stay as they are. Gives back how many were forgotten.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub async fn drop_quarantined(&self, documents: Vec<QuarantinedDocument>) -> Result<u64> {
        self.on_thread(move |migrator| engine::drop_quarantined(migrator, &documents))
            .await
    }
}
