//! The `migration_*` tables as typed rows, and every statement on them. Nothing else reads or writes them.
//!
//! The SQL is the same for every store: parameters are `$1`, `$2`… in order of first appearance, truth is `TRUE` and
//! `FALSE` (1 and 0 to SQLite, a type of its own to others), times come from the database's own clock through
//! [`Session::now_sql`](crate::store::Session::now_sql) and are written back only as they were read.

mod ranges;
mod read;
mod rows;
mod schema;
mod write;

pub(crate) use ranges::{
    Advanced, Fate, RangeFence, RangeRow, advance, advance_state, fate, hold, lease, next_pass,
    open_ranges, release, renewal, split,
};
pub(crate) use read::{History, load, load_options, load_ranges, load_run, load_state};
pub(crate) use rows::Spread;
pub use rows::{Direction, RunRow, RunStatus, StateRow, StateStatus};
pub(crate) use schema::ensure;
pub(crate) use write::{
    Fence, NewRun, Progress, StepBegin, begin_step, cancel_now, end_run, end_step, expire,
    fail_unopened, fence, hand_back, insert_run, lock_run, next_migration, quarantine,
    record_blocked, request_cancel, run_renewal, take_over,
};
