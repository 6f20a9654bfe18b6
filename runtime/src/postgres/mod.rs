//! The Postgres store.

pub(crate) mod types;
