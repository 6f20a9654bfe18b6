//! Tests that kill, stop or configure a server.

mod crashes;
mod harness;
mod lost_replies;
mod tls;
mod unit_tests;
