//! `cargo migrate` in throwaway projects, as a newcomer meets it.

mod create;
#[cfg(unix)]
mod dev;
mod history;
mod project;
mod run;
