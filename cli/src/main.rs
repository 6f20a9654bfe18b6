//! The cargo subcommand of driftless: `cargo migrate`.

fn main() {}
