//! The async face of the engine: what an app, a test or the command line calls.

use crate::aggregate::{AggregateDefinition, Readers};
use crate::engine;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::history::Direction;
use crate::hooks::{Hooks, WriteHooks};
use crate::manifest::Manifest;
pub use crate::report::{
    Accepted, Canceled, Difference, Drift, DriftKind, MigrationReport, PartialStep, Report, Status,
    StatusKind,
};
use crate::store::{Limit, Store};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Applies a manifest to a database.
///
/// Cheap to clone; every call opens its own connection and works on a thread of its own, so nothing blocks the
/// caller's runtime.
#[derive(Clone)]
pub struct Migrator {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) manifest: &'static Manifest,
    pub(crate) hooks: Hooks,
    pub(crate) observer: Observer,
    pub(crate) lease: Duration,
    pub(crate) aggregates: Vec<&'static AggregateDefinition>,
    pub(crate) readers: Readers,
}

/// How long a run's lease lasts without a commit, unless [`Migrator::lease`] says otherwise.
const DEFAULT_LEASE: Duration = Duration::from_secs(15);

impl Migrator {
    /// Opens the database a URL names: `sqlite://app.db`, `sqlite:///var/lib/app.db`.
    ///
    /// A SQLite file must exist unless the URL ends in `?mode=rwc`. Nothing is written until a run starts.
    ///
    /// # Errors
    /// A URL that names no store of this build, a file that is missing or is not a database.
    pub async fn connect(url: &str, manifest: &'static Manifest) -> Result<Migrator> {
        let store = crate::store::open(url)?;
        let migrator = Migrator {
            store,
            manifest,
            hooks: Hooks::default(),
            observer: Arc::new(|_| ()),
            lease: DEFAULT_LEASE,
            aggregates: Vec::new(),
            readers: Readers::default(),
        };
        migrator
            .on_thread(|migrator| migrator.store.connect().map(drop))
            .await?;
        Ok(migrator)
    }

    /// Looks at, amends or follows up every write to a table that a `normal` step makes.
    #[must_use]
    pub fn hooks(mut self, table: &str, hooks: impl WriteHooks) -> Self {
        self.hooks.add(table, hooks);
        self
    }

    /// Tells an observer what happens. See [`Event`].
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// How long others wait before they take over from a process that has stopped committing. 15 seconds by default.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The manifest it applies.
    pub fn manifest(&self) -> &'static Manifest {
        self.manifest
    }

    /// Where it applies it, with passwords masked.
    pub fn target(&self) -> String {
        self.store.describe()
    }

    /// What this database cannot do that others can.
    pub fn limits(&self) -> &'static [Limit] {
        self.store.limits()
    }

    /// Plans a run and executes it to its end.
    ///
    /// A run that ends badly is `Ok` with a [`Report`] that says so: look at [`Report::status`], or call
    /// [`Report::into_result`]. When the same plan is already being executed elsewhere, this waits for it and takes over
    /// if its process is gone.
    ///
    /// # Errors
    /// A request that cannot be meant (unknown id, missing `down`), another active run with another plan, a database that
    /// cannot be reached or read.
    pub async fn run(&self, run: Run) -> Result<Report> {
        let runtime = tokio::runtime::Handle::try_current().ok();
        self.on_thread(move |migrator| engine::run(migrator, &run, runtime.as_ref()))
            .await
    }

    /// Where everything stands. Writes nothing, also on a database that has never seen a run.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub async fn status(&self) -> Result<Status> {
        self.on_thread(engine::status).await
    }

    /// What differs between applied history and the code. Writes nothing.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub async fn drift(&self) -> Result<Vec<Drift>> {
        Ok(self.status().await?.drift)
    }

    /// Makes the code that is compiled in the history of one applied migration whose file was edited: its stored checksum is
    /// replaced, and nothing else. Who did so, when and why, the old checksum and the new one are kept in `migration_audit`,
    /// in the same transaction.
    ///
    /// # Errors
    /// No reason; a migration that is unknown, not applied, not compiled in or half done; a database that cannot be written.
    pub async fn accept(&self, id: &str, reason: &str) -> Result<Accepted> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.on_thread(move |migrator| engine::accept(migrator, &id, &reason))
            .await
    }

    /// Records that a new database begins with everything that retired migrations did, since it holds no rows from before
    /// them or was made from a dump without history. Returns their ids; the audit keeps who said so, when and why.
    ///
    /// # Errors
    /// No reason; a database that cannot be written.
    pub async fn baseline(&self, reason: &str) -> Result<Vec<String>> {
        let reason = reason.to_owned();
        self.on_thread(move |migrator| engine::baseline(migrator, &reason))
            .await
    }

    /// Asks the active run, if there is one, to stop after its batch, from any machine.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub async fn cancel(&self) -> Result<Canceled> {
        self.cancel_run(None, false).await
    }

    /// As [`Migrator::cancel`], for one run by its id; `force` ends it without waiting for the process that executes it,
    /// which is fenced off and writes nothing more.
    ///
    /// # Errors
    /// An id that is not the active run's; a database that cannot be written.
    pub async fn cancel_run(&self, run_id: Option<String>, force: bool) -> Result<Canceled> {
        self.on_thread(move |migrator| engine::cancel(migrator, run_id.as_deref(), force))
            .await
    }

    /// Runs blocking work on a thread of its own and awaits its result, on any executor.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Migrator) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let migrator = self.clone();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("driftless".into())
            .spawn(move || {
                // The receiver is gone when the caller dropped the future; then nobody wants the result.
                let _ = sender.send(work(&migrator));
            });
        thread.map_err(|error| {
            Error::new(ErrorKind::Busy, "the engine's thread cannot be started").with_source(error)
        })?;
        receiver.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Step,
                "the engine's thread panicked; its message is above",
            ))
        })
    }
}

/// What to do, and how.
#[derive(Debug, Clone)]
#[must_use = "a run does nothing until it is given to `Migrator::run`"]
pub struct Run {
    pub(crate) direction: Direction,
    pub(crate) to: Option<String>,
    pub(crate) steps: Option<u64>,
    pub(crate) dry_run: bool,
    pub(crate) allow_drift: Option<String>,
    pub(crate) restart: bool,
    pub(crate) batch_size: Option<u32>,
    pub(crate) start_batch_size: u32,
    pub(crate) pause: Option<Duration>,
    pub(crate) full_speed: bool,
    pub(crate) rows_per_second: Option<u64>,
    pub(crate) target_batch: Option<Duration>,
    pub(crate) lock_timeout: Duration,
    pub(crate) follow: bool,
    pub(crate) poll_interval: Duration,
    pub(crate) cancel: CancelToken,
    pub(crate) workers: u32,
    pub(crate) detach: bool,
    pub(crate) out_of_order: OutOfOrder,
}

/// What becomes of a pending migration that is older than the newest applied one, as a branch that was merged late brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfOrder {
    /// It is applied, and the report warns.
    #[default]
    Warn,
    /// Nothing is done.
    Refuse,
}

impl Run {
    fn new(direction: Direction) -> Self {
        Run {
            direction,
            to: None,
            steps: None,
            dry_run: false,
            allow_drift: None,
            restart: false,
            batch_size: None,
            start_batch_size: 128,
            pause: None,
            full_speed: false,
            rows_per_second: None,
            target_batch: None,
            lock_timeout: Duration::from_secs(30),
            follow: true,
            poll_interval: Duration::from_millis(200),
            cancel: CancelToken::default(),
            workers: 1,
            detach: false,
            out_of_order: OutOfOrder::default(),
        }
    }

    /// Applies every pending migration, in id order.
    pub fn up() -> Self {
        Run::new(Direction::Up)
    }

    /// Rolls back the newest applied migration; see [`Run::steps`] and [`Run::to`].
    pub fn down() -> Self {
        Run::new(Direction::Down)
    }

    /// `up`: applies up to this id and no further. `down`: rolls back everything after this id.
    pub fn to(mut self, id: impl Into<String>) -> Self {
        self.to = Some(id.into());
        self
    }

    /// `down`: how many migrations to roll back, newest first. 1 by default.
    pub fn steps(mut self, steps: u64) -> Self {
        self.steps = Some(steps);
        self
    }

    /// Calls the functions inside transactions that are rolled back, and reports what they would change.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Lets this one run pass although applied history differs from the code. The reason is kept in the run's row; stored
    /// checksums stay as they are.
    pub fn allow_drift(mut self, reason: impl Into<String>) -> Self {
        self.allow_drift = Some(reason.into());
        self
    }

    /// Begins half-applied migrations from their first document instead of where they stopped.
    pub fn restart(mut self) -> Self {
        self.restart = true;
        self
    }

    /// Documents per batch, exactly; a step's own `batch_size` still wins.
    pub fn batch_size(mut self, batch_size: u32) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// Documents in the first batch; the engine then sizes batches by the time they take. 128 by default.
    pub fn start_batch_size(mut self, batch_size: u32) -> Self {
        self.start_batch_size = batch_size;
        self
    }

    /// How long a batch's transaction should take, when its size is not given. By default 2 ms on SQLite, where everybody
    /// else waits meanwhile, and 4 ms on Postgres, where only its own rows do.
    pub fn target_batch(mut self, target: Duration) -> Self {
        self.target_batch = Some(target);
        self
    }

    /// How long to leave the database to others between two batches. 1 ms on SQLite by default.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = Some(pause);
        self
    }

    /// No pause between batches.
    pub fn full_speed(mut self) -> Self {
        self.full_speed = true;
        self
    }

    /// Visits at most this many documents per second.
    pub fn rows_per_second(mut self, rows: u64) -> Self {
        self.rows_per_second = Some(rows);
        self
    }

    /// How long to try again while the database is locked by others, before the run fails. 30 seconds by default.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How many workers visit documents at the same time, each on a connection of its own. 1 by default, and at the most
    /// where only one connection writes at a time (see [`Migrator::limits`]).
    ///
    /// Documents are then visited in no particular order, and steps run at the same time on different documents. Other
    /// machines join with a [`Worker`](crate::Worker).
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Records the run and returns; a [`Worker`](crate::Worker) executes it. The report's status is
    /// [`RunStatus::Pending`](crate::RunStatus::Pending), or that of the run when the same plan is under way already.
    pub fn detach(mut self) -> Self {
        self.detach = true;
        self
    }

    /// `up`: what to do about pending migrations that are older than the newest applied one. They are applied, with a
    /// warning, by default.
    pub fn out_of_order(mut self, out_of_order: OutOfOrder) -> Self {
        self.out_of_order = out_of_order;
        self
    }

    /// When the same plan is being executed elsewhere: wait for it (the default), or return an error at once.
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// How often to look at a run that is being executed elsewhere. 200 milliseconds by default.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Stops after the batch in hand once the token is canceled.
    pub fn cancel_on(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }
}

/// Stops a run from the same process: clone it, give one to [`Run::cancel_on`], call [`CancelToken::cancel`] on the other.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the run to stop after the batch in hand.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`CancelToken::cancel`] was called.
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
