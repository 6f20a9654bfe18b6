//! The `migration_*` tables as typed rows, and every statement on them. Nothing else reads or writes them.
//!
//! The SQL is the same for every store: parameters are `$1`, `$2`… in order of first appearance, truth is `TRUE` and
//! `FALSE` (1 and 0 to SQLite, a type of its own to others), times come from the database's own clock through
//! [`Session::now_sql`](crate::store::Session::now_sql) and are written back only as they were read.

mod advance;
mod aggregates;
mod audit;
mod quarantine;
mod ranges;
mod read;
mod rows;
mod schema;
mod source;
mod steps;
mod write;

pub(crate) use advance::{
    Advanced, Fate, advance, advance_state, batch_end, elsewhere, fate, open_ranges,
};
pub(crate) use aggregates::{
    AggregateFence, AggregateRow, advance_aggregate, begin_aggregate, distrust_aggregates_of,
    forget_aggregate, has_aggregates, hold_aggregate, lease_aggregate, load_aggregate,
    load_aggregates, refuse_aggregate, release_aggregate,
};
pub(crate) use audit::{AuditAction, Decision, insert_applied, record_decision, replace_checksum};
pub(crate) use quarantine::{count_taken_out, load_quarantined, replace_error, take_out};
pub(crate) use ranges::{RangeFence, RangeRow, hold, lease, next_pass, release, renewal, split};
pub(crate) use read::{History, load, load_options, load_ranges, load_run, load_state};
pub(crate) use rows::Spread;
pub use rows::{Direction, RunRow, RunStatus, StateRow, StateStatus};
pub(crate) use schema::ensure;
pub(crate) use steps::{StepBegin, begin_step, end_step, fail_unopened, quarantine};
pub(crate) use write::{
    Fence, NewRun, Progress, cancel_now, end_run, expire, fence, hand_back, insert_run, lock_run,
    next_migration, record_blocked, request_cancel, run_renewal, take_over,
};
