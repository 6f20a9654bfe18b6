//! `cargo migrate` in throwaway projects, as a newcomer meets it.

mod create;
mod project;
mod run;
