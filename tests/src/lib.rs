//! What the tests share: throwaway databases and what stands in front of them, the manifests under `migrations/`, and a second
//! process.
//!
//! Fixtures are folders that `migrations!` compiles as it does a user's. A folder whose name ends in `_edited` has the ids of
//! another one and other code: a build made from an edited source.

mod child;
mod database;
mod fixture;
#[cfg(unix)]
mod postgres;
mod proxy;
mod scenario;
mod seed;
mod store;
pub mod todos;

pub use child::Child;
pub use database::Database;
pub use fixture::{fixture, fixtures};
#[cfg(unix)]
pub use postgres::{
    App, Bouncer, PostgresDatabase, Role, Server, Started, hand_over, unprivileged,
};
pub use proxy::{Cut, Proxy};
pub use scenario::{
    BACK_TO_VERSION_2, accounts, assert_says, assert_says_constraint, assert_times_100_once, docs,
    run_beside, stop_after,
};
pub use seed::Seed;
pub use store::{TestApp, TestStore};
