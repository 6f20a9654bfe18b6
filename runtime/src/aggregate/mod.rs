//! Aggregates: counts, sums, averages, minima and maxima of a table's rows by some of its columns, kept current by triggers
//! in the transaction of every write, and built batch by batch while the app goes on writing.
//!
//! **Why a READY aggregate is right.** Every row is either at or before the build's cursor and counted, by the builder or
//! by the trigger of the write that made it what it is, or behind the cursor and not counted at all. A batch moves rows
//! from the second kind to the first while nobody else writes to the table: on SQLite nobody does while another
//! transaction writes, on Postgres the batch holds a lock that keeps writers out and was waited for until those in flight
//! had ended. The batch that finds no row behind the cursor makes the aggregate READY in the same transaction. What each
//! trigger does, and why it sees the right cursor, is told where it is made: `sqlite/aggregate.rs`,
//! `postgres/aggregate.rs`.
//!
//! **Nothing is recomputed.** A change adds what a row is now and takes away what it was. So that a minimum can be taken
//! away, every value of such a column is kept with how often it is there.
//!
//! **What writes past the triggers marks the aggregate STALE**, in its own transaction: a `safe_bypass` migration that
//! changes rows of the table. A batch of a build names the state it goes on with, so that what was marked meanwhile is
//! begun again and never becomes READY; that order is the database's, since both change the same row.

// What only the stores use is unused in a build without them.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    allow(dead_code, unused_imports)
)]

mod build;
mod definition;
mod group;
mod layout;
mod migrator;
mod options;
mod prepare;
mod read;
mod session;
mod state;
mod status;

pub(crate) use build::build_requested;
pub use definition::{
    Aggregate, AggregateDefinition, AggregateFunction, FunctionKind, GroupKey, KeyPrefix,
};
pub use group::Group;
pub(crate) use layout::{
    Layout, MAX_EXTREMES, Object, gate_table, groups_table, numbered, value_table,
};
pub use options::{AggregateReport, AggregateStatus, Backfill};
pub use read::AggregateReader;
pub(crate) use read::Readers;
pub(crate) use session::AggregateSession;
pub use state::AggregateState;
