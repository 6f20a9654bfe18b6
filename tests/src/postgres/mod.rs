//! A throwaway Postgres: the server, a database of a test in it, the app's connections, PgBouncer.
//!
//! Programs are those of the Debian packages `postgresql` and `pgbouncer`. They run as an unprivileged user even when the
//! tests are run by root, and end with the tests, however those end.

mod app;
mod bouncer;
mod database;
mod programs;
mod server;
mod watchdog;

pub use app::{App, Started};
pub use bouncer::Bouncer;
pub use database::{PostgresDatabase, Role};
pub use programs::{hand_over, unprivileged};
pub use server::Server;
