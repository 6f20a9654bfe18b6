//! Tests that kill, stop or configure a server.

mod harness;
