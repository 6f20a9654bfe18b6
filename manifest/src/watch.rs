//! For `build.rs`: tells cargo to rebuild when the migrations folder changes.
//!
//! The compiler sees edits of the files it read, but cannot see a file that was added or removed: only a build
//! script's `rerun-if-changed` does that.

use crate::{git, lock, scan};
use std::path::{Path, PathBuf};

/// Prints `rerun-if-changed` for the folder, its sub-folders, its files and its lock file. Tells release builds which git commit
/// they are made from; where git cannot be asked (a container without `.git`), the variable `DRIFTLESS_COMMIT` says it.
///
/// Call it from `build.rs` with the same folder as `migrations!`: `driftless_manifest::watch("migrations")`.
pub fn watch(folder: impl AsRef<Path>) {
    let folder = package_root().join(folder);
    let is_release = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let commit = git::lines(&package_root(), is_release, std::env::var(git::COMMIT).ok());
    for line in lines(&folder).into_iter().chain(commit) {
        println!("{line}");
    }
}

/// The package whose build script this is.
pub(crate) fn package_root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// What to print for a folder. A path that is not there makes cargo rebuild every time, so the lock file is named only
/// once it exists: until then it demands nothing of the files it was made from.
pub(crate) fn lines(folder: &Path) -> Vec<String> {
    let line = |path: &Path| format!("cargo::rerun-if-changed={}", path.display());
    if !folder.is_dir() {
        return vec![line(folder)];
    }
    let mut lines: Vec<String> = scan::walk_folder(folder)
        .flatten()
        .map(|entry| line(entry.path()))
        .collect();
    let lock = lock::path_for(folder);
    if lock.exists() {
        lines.push(line(&lock));
    }
    lines
}
