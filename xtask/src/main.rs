//! `cargo xtask test`: sets up what the tests need and runs them.

fn main() {}
