//! Finds the migrations folder that a macro call names.

use std::path::{Path, PathBuf};

/// Where the folder is.
#[derive(Debug)]
pub(crate) struct Found {
    /// The package it belongs to.
    pub package_root: PathBuf,
    /// The folder itself.
    pub folder: PathBuf,
}

/// An absolute folder is itself; a relative one belongs to the package being compiled. Under a test harness that
/// compiles our file as part of a package of its own (trybuild does), it belongs to the package of the calling file.
pub(crate) fn find(folder: &str, calling_file: Option<&Path>) -> Result<Found, Vec<String>> {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let calling_file = calling_file.and_then(|file| std::path::absolute(file).ok());
    let is_beside = |root: &Path| {
        calling_file
            .as_ref()
            .is_none_or(|file| file.starts_with(root))
    };
    let ancestors = calling_file
        .iter()
        .flat_map(|file| file.ancestors().skip(1));
    let packages = ancestors
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .map(Path::to_owned);
    let candidates: Vec<PathBuf> = manifest_dir.into_iter().chain(packages).collect();
    if Path::new(folder).is_absolute() {
        let folder = PathBuf::from(folder);
        let owner = candidates.into_iter().find(|root| folder.starts_with(root));
        let package_root = owner
            .or_else(|| folder.parent().map(Path::to_owned))
            .unwrap_or_else(|| folder.clone());
        return if folder.is_dir() {
            Ok(Found {
                package_root,
                folder,
            })
        } else {
            Err(vec![folder.display().to_string()])
        };
    }
    let mut looked_in = Vec::new();
    for package_root in candidates {
        let found = package_root.join(folder);
        if found.is_dir() {
            return Ok(Found {
                folder: found,
                package_root,
            });
        }
        let looked = found.display().to_string();
        // A harness's own package is not where its user would put the folder.
        if is_beside(&package_root) && !looked_in.contains(&looked) {
            looked_in.push(looked);
        }
    }
    Err(looked_in)
}
