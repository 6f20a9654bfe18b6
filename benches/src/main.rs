//! Ours beside the hand-written loop.

fn main() {}
