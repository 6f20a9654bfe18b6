//! The guide, as a program that narrates itself.

fn main() {}
