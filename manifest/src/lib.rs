//! What is on disk: the migrations folder, its checksums, lock file, diagnostics and expansion.
//!
//! The macros, build scripts and the command line are front ends of this crate, so what one of them accepts
//! all of them accept, and a fault reads the same wherever it shows. It knows nothing of databases.

pub mod aggregate;
pub mod attribute;
pub mod check;
pub mod checksum;
mod columns;
pub mod command;
pub mod create;
pub mod diagnostic;
pub mod expand;
mod folder;
mod generate;
mod git;
pub mod id;
pub mod lock;
mod merging;
mod outside;
pub mod retire;
pub mod scan;
pub mod signature;
mod source;
pub mod table;
mod watch;

pub use diagnostic::{Fault, FaultKind};
pub use generate::generate;
pub use scan::{MigrationFile, Scan, scan};
pub use watch::watch;
