//! `cargo migrate` in throwaway projects, as a newcomer meets it.

mod create;
#[cfg(unix)]
mod dev;
mod project;
mod run;
