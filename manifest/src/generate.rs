//! For `build.rs`: the same expansion as `migrations!`, written to `OUT_DIR` for `include_migrations!()`.
//!
//! Faults become errors of cargo, each with its file, line and column.

use crate::diagnostic::Fault;
use crate::expand::quote_manifest;
use crate::lock;
use crate::scan::scan;
use crate::watch::{package_root, watch};
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};

/// The name of the file in `OUT_DIR`.
pub(crate) const FILE_NAME: &str = "driftless_migrations.rs";

/// Scans the folder, watches it, and writes what `include_migrations!()` includes.
///
/// Call it from `build.rs`: `fn main() { driftless_manifest::generate("migrations") }`. Every fault is printed as
/// a `cargo::error`, which fails the build.
pub fn generate(folder: impl AsRef<Path>) {
    let package_root = package_root();
    watch(&folder);
    let (scan, lock) = lock::enforce(scan(&package_root, &folder));
    for migration in &scan.migrations {
        for used in &migration.uses {
            println!(
                "cargo::rerun-if-changed={}",
                scan.package_root.join(used).display()
            );
        }
    }
    for line in scan.faults.iter().map(error_line) {
        println!("{line}");
    }
    let text = quote_manifest(&scan, &lock, &TokenStream::new()).to_string();
    let out_dir = std::env::var_os("OUT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let file = out_dir.join(FILE_NAME);
    if let Err(error) = std::fs::write(&file, text) {
        println!("cargo::error={} cannot be written: {error}", file.display());
    }
}

/// Cargo reads one line per error.
fn error_line(fault: &Fault) -> String {
    format!(
        "cargo::error={}",
        fault.to_string().replace(['\n', '\r'], " ")
    )
}
