//! What a database must provide for aggregates: the tables and triggers it can make, and how it counts with them.
// What only a store reads is unused in a build without one.
#![cfg_attr(not(all(feature = "sqlite", feature = "postgres")), allow(dead_code))]

use super::layout::{Layout, Object};
use crate::error::Result;
use crate::value::Key;

/// The part of a connection that aggregates need.
pub(crate) trait AggregateSession {
    /// The statements that make an aggregate's tables and triggers, in order. Fails when the database cannot keep such an
    /// aggregate. Writes nothing.
    fn aggregate_objects(&mut self, layout: &Layout) -> Result<Vec<Object>>;

    /// The statements that remove whatever there is of an aggregate with this name.
    fn aggregate_drop_script(&self, name: &str) -> String;

    /// What is missing of an aggregate's tables and triggers, or is not as these statements make it.
    fn aggregate_damage(&mut self, layout: &Layout, objects: &[Object]) -> Result<Option<String>>;

    /// SQL that is true when every trigger of the aggregate is there.
    fn aggregate_intact_sql(&self, name: &str) -> String;

    /// Counts the rows after one key and up to another into the groups. Nobody else writes to the table meanwhile.
    fn aggregate_fold(&mut self, layout: &Layout, after: Option<&Key>, until: &Key) -> Result<()>;

    /// Has the triggers count rows up to this key.
    fn aggregate_move_gate(&mut self, layout: &Layout, key: &Key) -> Result<()>;

    /// Removes about so many rows of each of an aggregate's tables; says how many were removed in all.
    fn aggregate_clear(&mut self, layout: &Layout, limit: usize) -> Result<u64>;

    /// How SQL reads a sum and an average of the table of groups `g`.
    fn aggregate_sum_sql(&self, layout: &Layout, place: usize) -> Result<(String, String)>;

    /// How SQL reads a column of the table we made, which holds values of this column of the user's.
    fn aggregate_cell_sql(&self, layout: &Layout, position: usize, cell: &str) -> Result<String>;
}
