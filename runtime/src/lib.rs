//! Online data migrations: one Rust function per migration, compiled into a checksummed manifest, applied to a
//! live database in batches that are resumable, cancelable and exactly once.
//!
//! ```no_run
//! # use driftless::{Manifest, Migrator, Run, RunStatus};
//! # async fn example(migrations: &'static Manifest) -> driftless::Result<()> {
//! let migrator = Migrator::connect("sqlite://app.db", migrations).await?;
//! let report = migrator.run(Run::up()).await?;
//! assert_eq!(report.status, RunStatus::Completed);
//! # Ok(())
//! # }
//! ```
//!
//! The README tells the story; `ARCHITECTURE.md` is the map of the code.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
#[path = "generated.rs"]
pub mod __private;
mod aggregate;
mod batch;
#[cfg(feature = "cli")]
pub mod cli;
mod ctx;
mod document;
mod engine;
mod error;
mod event;
mod history;
mod hooks;
mod manifest;
mod migrator;
mod patch;
#[cfg(feature = "postgres")]
mod postgres;
pub mod prelude;
mod quarantine;
mod report;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod value;
mod worker;

pub use aggregate::{
    Aggregate, AggregateDefinition, AggregateFunction, AggregateReader, AggregateReport,
    AggregateState, AggregateStatus, Backfill, FunctionKind, Group, GroupKey, KeyPrefix,
};
pub use ctx::{Ctx, Db, Orm};
pub use driftless_macros::{aggregate, include_migrations, migration, migrations, patch};
pub use error::{BoxError, Error, ErrorKind, Result};
pub use event::Event;
pub use history::{Direction, RunRow, RunStatus, StateRow, StateStatus};
pub use hooks::{Change, ChangeKind, WriteHooks};
pub use manifest::{
    Build, ChecksumParts, Locking, Manifest, Migration, OnError, Retired, Step, Table, WriteMode,
};
pub use migrator::{CancelToken, Migrator, OutOfOrder, Run};
pub use patch::{Document, Patch};
pub use quarantine::{QuarantinedDocument, Retried};
pub use report::{
    Accepted, Canceled, Difference, Drift, DriftKind, MigrationReport, PartialStep, Report, Status,
    StatusKind,
};
pub use store::Limit;
pub use value::Value;
pub use worker::{Worker, WorkerReport};
