//! A worker inside an app, or behind `migrate work`.

use crate::engine;
use crate::error::Result;
use crate::migrator::{CancelToken, Migrator, Report};
use std::pin::pin;

/// Drives runs that were detached ([`Run::detach`](crate::Run::detach)) or whose process is gone, and helps with those
/// that somebody else drives. Any number of workers on any number of machines may do so at the same time.
///
/// ```no_run
/// # use driftless::{Manifest, Migrator, Worker};
/// # async fn example(migrations: &'static Manifest) -> driftless::Result<()> {
/// let migrator = Migrator::connect("sqlite://app.db", migrations).await?;
/// let shutdown = async { /* the app's own signal */ };
/// Worker::new(migrator).run(shutdown).await?;
/// # Ok(())
/// # }
/// ```
///
/// A worker only executes runs that were planned with its own migrations; it refuses others and says so
/// ([`Event::WorkerRefused`](crate::Event::WorkerRefused)).
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    migrator: Migrator,
    workers: Option<u32>,
    until_idle: bool,
}

/// What a worker did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Runs it drove, to their end or until it was asked to stop.
    pub driven: u64,
    /// Steps of other drivers it helped with.
    pub helped: u64,
    /// How often it built aggregates that were left to a worker ([`Backfill::detach`](crate::Backfill::detach)).
    pub built: u64,
    /// Runs it refused, because they were planned with other migrations.
    pub refused: u64,
    /// How the last run it drove ended.
    pub last: Option<Report>,
}

impl Worker {
    /// A worker of this migrator's database.
    pub fn new(migrator: Migrator) -> Self {
        Worker {
            migrator,
            workers: None,
            until_idle: false,
        }
    }

    /// How many connections of this process visit documents at the same time. By default as many as the run it drives was
    /// started with, and one when it helps.
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Whether to return when there is nothing to do, instead of waiting for something.
    pub fn until_idle(mut self, until_idle: bool) -> Self {
        self.until_idle = until_idle;
        self
    }

    /// Works until `shutdown` is ready: then it finishes the batch in hand, gives its leases back, and returns. While there
    /// is nothing to do it looks again after a pause that grows to ten seconds.
    ///
    /// A run that fails is no error of the worker's: the failure is in the run's row, and in [`WorkerReport::last`].
    ///
    /// # Errors
    /// With [`Worker::until_idle`], a database that cannot be reached; otherwise that is waited for. A database whose
    /// internal tables are not what this build expects. 0 workers.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<WorkerReport> {
        if self.workers == Some(0) {
            return Err(crate::error::Error::usage(
                "0 workers do nothing; give 1 or more",
            ));
        }
        let stop = CancelToken::default();
        let request = engine::WorkerRequest {
            workers: self.workers,
            until_idle: self.until_idle,
            stop: stop.clone(),
        };
        let runtime = tokio::runtime::Handle::try_current().ok();
        // Whoever drops this future wants no more work done.
        let _stops = StopOnDrop(stop.clone());
        let mut work = pin!(self.migrator.on_thread(move |migrator| engine::work(
            migrator,
            &request,
            runtime.as_ref()
        )));
        let mut shutdown = pin!(shutdown);
        let mut asked = false;
        std::future::poll_fn(|context| {
            if !asked && shutdown.as_mut().poll(context).is_ready() {
                asked = true;
                stop.cancel();
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

struct StopOnDrop(CancelToken);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
