//! What a backfill may be asked for, and what it says at its end.

use super::state::AggregateState;
use crate::error::{Error, ErrorKind, Result};
use crate::history::RunStatus;
use crate::migrator::CancelToken;
use serde::Serialize;
use std::time::Duration;

/// How aggregates are to be built; given to [`Migrator::backfill`](crate::Migrator::backfill).
///
/// By default every declared aggregate that is not `READY` is built or gone on with.
#[derive(Debug, Clone)]
#[must_use = "nothing is built until this is given to `Migrator::backfill`"]
pub struct Backfill {
    pub(super) only: Vec<String>,
    pub(super) rebuild: bool,
    pub(super) batch_size: Option<u32>,
    pub(super) start_batch_size: u32,
    pub(super) pause: Option<Duration>,
    pub(super) full_speed: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) poll: Duration,
    pub(super) lock_timeout: Duration,
    pub(super) cancel: CancelToken,
    pub(super) detach: bool,
}

impl Default for Backfill {
    fn default() -> Self {
        Backfill {
            only: Vec::new(),
            rebuild: false,
            batch_size: None,
            start_batch_size: 1000,
            pause: None,
            full_speed: false,
            timeout: None,
            poll: Duration::from_millis(200),
            lock_timeout: Duration::from_secs(30),
            cancel: CancelToken::default(),
            detach: false,
        }
    }
}

impl Backfill {
    /// Builds what is not `READY`.
    pub fn new() -> Self {
        Backfill::default()
    }

    /// Only the aggregate with this name, and others given in the same way.
    pub fn only(mut self, name: impl Into<String>) -> Self {
        self.only.push(name.into());
        self
    }

    /// Builds from the first row what is `READY`, too.
    pub fn rebuild(mut self) -> Self {
        self.rebuild = true;
        self
    }

    /// Rows per batch, exactly.
    pub fn batch_size(mut self, rows: u32) -> Self {
        self.batch_size = Some(rows.max(1));
        self
    }

    /// Rows in the first batch; batches are then sized by the time they take. 1000 by default.
    pub fn start_batch_size(mut self, rows: u32) -> Self {
        self.start_batch_size = rows.max(1);
        self
    }

    /// How long to leave the database to others between two batches.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = Some(pause);
        self
    }

    /// No pause between batches.
    pub fn full_speed(mut self) -> Self {
        self.full_speed = true;
        self
    }

    /// Stops between two batches when so much time has passed; the next backfill goes on from there. No limit by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How often to look whether somebody else who builds an aggregate is done. 200 ms by default.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll = interval.max(Duration::from_millis(1));
        self
    }

    /// How long to try again while the database or the table is locked by others. 30 seconds by default.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Stops after the batch in hand once the token is canceled.
    pub fn cancel_on(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Makes tables and triggers, leaves the building to a [`Worker`](crate::Worker) that knows the same aggregates, and
    /// returns.
    pub fn detach(mut self) -> Self {
        self.detach = true;
        self
    }
}

/// How a backfill ended.
#[derive(Debug, Clone, Serialize)]
#[must_use = "a backfill that failed is reported here, not as an error: look at `status` or call `into_result`"]
pub struct AggregateReport {
    /// `Completed`; `Noop` when every aggregate was `READY` before; `Pending` when it is left to a worker; `Canceled`;
    /// `Failed`.
    pub status: RunStatus,
    /// How the aggregates stand now, those that were asked for.
    pub aggregates: Vec<AggregateStatus>,
    /// Why it failed, with causes.
    pub error: Option<String>,
    /// What kind of failure it was: [`ErrorKind::Busy`] for a timeout.
    #[serde(skip)]
    pub error_kind: Option<ErrorKind>,
}

impl AggregateReport {
    /// An error that says why, unless it ended well (`completed`, `noop`, `pending`).
    ///
    /// # Errors
    /// The backfill failed, was canceled, or ran out of time.
    pub fn into_result(self) -> Result<()> {
        match self.status {
            RunStatus::Completed | RunStatus::Noop | RunStatus::Pending => Ok(()),
            status => Err(Error::new(
                self.error_kind.unwrap_or(ErrorKind::Database),
                self.error
                    .unwrap_or_else(|| format!("the backfill ended as {status}")),
            )),
        }
    }
}

/// How an aggregate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AggregateStatus {
    /// Its name.
    pub name: String,
    /// The table it counts.
    pub table: String,
    /// How it stands; `None` when it was never built.
    pub state: Option<AggregateState>,
    /// Whether this program declares it; [`Migrator::prune_aggregates`](crate::Migrator::prune_aggregates) removes those
    /// that it does not.
    pub declared: bool,
    /// Why it is `STALE`.
    pub reason: Option<String>,
    /// Rows counted by the build.
    pub processed: u64,
    /// Rows there were to count, about.
    pub total: u64,
    /// Who builds it: host and process.
    pub holder: Option<String>,
    /// Whether a worker is to build it.
    pub requested: bool,
    /// When it became `READY`, on the database's clock.
    pub ready_at: Option<String>,
    /// Why this backfill could not build it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
