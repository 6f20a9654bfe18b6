//! The static data that `aggregate!` constructs. No behaviour.

use crate::manifest::Table;
use serde::Serialize;
use std::ops::Deref;

/// Counts, sums and their likes of a table's rows by `KEYS` of its columns, kept current by the database.
///
/// Made by [`aggregate!`](crate::aggregate!); given to [`Migrator::aggregates`](crate::Migrator::aggregates), and read
/// through [`Migrator::aggregate`](crate::Migrator::aggregate).
#[derive(Debug)]
pub struct Aggregate<const KEYS: usize> {
    definition: AggregateDefinition,
}

impl<const KEYS: usize> Aggregate<KEYS> {
    #[doc(hidden)]
    pub const fn new(definition: AggregateDefinition) -> Self {
        assert!(definition.by.len() == KEYS);
        Aggregate { definition }
    }
}

/// An aggregate is its definition, and the number of its keys in its type.
impl<const KEYS: usize> Deref for Aggregate<KEYS> {
    type Target = AggregateDefinition;

    fn deref(&self) -> &AggregateDefinition {
        &self.definition
    }
}

/// What an aggregate is of.
#[derive(Debug)]
pub struct AggregateDefinition {
    /// Its name in the database and on the command line: the constant's, in small letters.
    pub name: &'static str,
    /// The table whose rows it counts.
    pub table: Table,
    /// The columns whose values make a group.
    pub by: &'static [&'static str],
    /// What is kept of each group, besides the count.
    pub functions: &'static [AggregateFunction],
    /// `v1:` and a hash over all of these: another one means other rows.
    pub digest: &'static str,
}

/// What is kept of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregateFunction {
    /// How it computes.
    pub kind: FunctionKind,
    /// Of which column; empty for `count`.
    pub column: &'static str,
}

/// How a function computes. NULL is left out, as SQL does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// How many rows.
    Count,
    /// The sum of a column's values: exact, but for floats.
    Sum,
    /// Their sum divided by their number.
    Avg,
    /// The smallest of them.
    Min,
    /// The largest of them.
    Max,
}

impl FunctionKind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            FunctionKind::Count => "count",
            FunctionKind::Sum => "sum",
            FunctionKind::Avg => "avg",
            FunctionKind::Min => "min",
            FunctionKind::Max => "max",
        }
    }
}

/// A group's key: one value per column, as a tuple, or bare when there is one column.
///
/// Anything that serde can serialize to a cell is a value: numbers, `bool`, text, `Option`, `uuid`, dates and times.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key of an aggregate by {KEYS} columns",
    label = "this key has not {KEYS} parts",
    note = "write a tuple with one value per column, in the order of `by`: `(7, true)`; for a single column `(7,)` or `7`"
)]
pub trait GroupKey<const KEYS: usize>: Serialize + Send {}

macro_rules! tuples_are_keys {
    ($($count:literal: $($part:ident)*;)*) => {
        $(impl<$($part: Serialize + Send),*> GroupKey<$count> for ($($part,)*) {})*
    };
}

tuples_are_keys! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
    7: A B C D E F G;
    8: A B C D E F G H;
}

macro_rules! scalars_are_keys {
    ($($scalar:ty)*) => { $(impl GroupKey<1> for $scalar {})* };
}

scalars_are_keys! { bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char &str String &String }

impl<T: Serialize + Send> GroupKey<1> for Option<T> {}

/// The first values of a key, fewer than all of them; `()` is none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the beginning of a key of an aggregate by {KEYS} columns",
    label = "this has not fewer than {KEYS} parts",
    note = "write a tuple with the first values of the key: `(7,)`; `()` for all groups, and `get` for a whole key"
)]
pub trait KeyPrefix<const KEYS: usize>: Serialize + Send {}

macro_rules! tuples_are_prefixes {
    ($($tuple:ty [$($part:ident)*]: $($count:literal)*;)*) => {
        $(tuples_are_prefixes!(@each $tuple [$($part)*] $($count)*);)*
    };
    (@each $tuple:ty [$($part:ident)*]) => {};
    (@each $tuple:ty [$($part:ident)*] $count:literal $($more:literal)*) => {
        impl<$($part: Serialize + Send),*> KeyPrefix<$count> for $tuple {}
        tuples_are_prefixes!(@each $tuple [$($part)*] $($more)*);
    };
}

tuples_are_prefixes! {
    () []: 1 2 3 4 5 6 7 8;
    (A,) [A]: 2 3 4 5 6 7 8;
    (A, B) [A B]: 3 4 5 6 7 8;
    (A, B, C) [A B C]: 4 5 6 7 8;
    (A, B, C, D) [A B C D]: 5 6 7 8;
    (A, B, C, D, E) [A B C D E]: 6 7 8;
    (A, B, C, D, E, F) [A B C D E F]: 7 8;
    (A, B, C, D, E, F, G) [A B C D E F G]: 8;
}
