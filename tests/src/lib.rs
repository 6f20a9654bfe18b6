//! What the tests share: databases in throwaway folders, the manifests under `migrations/`, and a second process.
//!
//! Fixtures are folders that `migrations!` compiles as it does a user's. A folder whose name ends in `_edited` has the ids of
//! another one and other code: a build made from an edited source.

mod child;
mod database;
mod fixture;
mod seed;

pub use child::Child;
pub use database::Database;
pub use fixture::{fixture, fixtures};
pub use seed::Seed;
