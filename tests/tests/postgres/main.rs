//! Postgres as it is: a real server that is killed, a proxy that cuts connections, PgBouncer, an app that is in the way.
//!
//! Where a test is tells what it needs, and `cargo xtask test` leaves out by these names what a machine cannot run: all of
//! `on_postgres` need a server, `own_server` its programs, `with_pgbouncer` that of PgBouncer.
#![cfg(unix)]

#[path = "."]
mod on_postgres {
    mod own_server;
    mod with_pgbouncer;
}
