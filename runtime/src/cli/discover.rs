//! Which `driftless.toml` is meant, and which one somebody may believe to be.

use crate::cli::config::FILE_NAME;
use std::path::{Path, PathBuf};

/// How far below the root a file that is not read is looked for.
const DEPTH: usize = 3;

/// How many folders are looked at for it: this is for a hint.
const FOLDERS: usize = 2_000;

/// The file that is meant where the user is and where the package is: the one deeper in the project, since it says more
/// about less, else the user's.
pub(crate) fn meant(here: Option<&Path>, package: Option<&Path>) -> Option<PathBuf> {
    match (here.and_then(find), package.and_then(find)) {
        (Some(here), Some(package)) => {
            let above = here.parent().zip(package.parent());
            let is_deeper = above.is_some_and(|(above, folder)| folder.starts_with(above));
            Some(if is_deeper { package } else { here })
        }
        (here, package) => here.or(package),
    }
}

/// The nearest `driftless.toml`: in this folder or one above it, up to the root of the workspace, else of the package;
/// outside of both, in this folder only.
fn find(start: &Path) -> Option<PathBuf> {
    let root = root(start).unwrap_or(start);
    start
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .map(|folder| folder.join(FILE_NAME))
        .find(|file| file.is_file())
}

/// The root of the workspace, else of the package.
fn root(start: &Path) -> Option<&Path> {
    let is_package = |folder: &&Path| folder.join("Cargo.toml").is_file();
    start
        .ancestors()
        .find(|folder| is_workspace(&folder.join("Cargo.toml")))
        .or_else(|| start.ancestors().find(is_package))
}

/// Whether this is the manifest of a workspace's root.
fn is_workspace(cargo_toml: &Path) -> bool {
    std::fs::read_to_string(cargo_toml).is_ok_and(|text| {
        text.lines()
            .any(|line| line.trim_start().starts_with("[workspace"))
    })
}

/// The files of the same workspace that are not read from here: someone who has one and not the other believes it is.
pub(crate) fn elsewhere(start: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<(PathBuf, usize)> = root(start)
        .map(|root| (root.to_path_buf(), 0))
        .into_iter()
        .collect();
    let mut looked_at = 0;
    while let Some((folder, depth)) = folders.pop() {
        looked_at += 1;
        if looked_at > FOLDERS {
            break;
        }
        let file = folder.join(FILE_NAME);
        if file.is_file() {
            found.push(file);
        }
        if depth < DEPTH {
            folders.extend(inside(&folder).map(|folder| (folder, depth + 1)));
        }
    }
    found.sort();
    found
}

/// The folders in a folder that may hold a package.
fn inside(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !name.starts_with('.') && name != "target" && name != "node_modules"
        })
        .map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_is_found_up_to_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let deep = root.join("shop/app/src");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(root.join(FILE_NAME), "").unwrap();
        std::fs::write(root.join("shop/app/Cargo.toml"), "[package]\n").unwrap();
        assert_eq!(find(&deep), None, "above the package is another project's");
        std::fs::write(root.join("shop/Cargo.toml"), "[workspace]\n").unwrap();
        std::fs::write(root.join("shop").join(FILE_NAME), "").unwrap();
        assert_eq!(
            find(&deep),
            Some(root.join("shop").join(FILE_NAME)),
            "the workspace's is this project's"
        );
        std::fs::write(root.join("shop/app").join(FILE_NAME), "").unwrap();
        assert_eq!(
            find(&deep),
            Some(root.join("shop/app").join(FILE_NAME)),
            "the nearest wins"
        );
    }

    #[test]
    fn the_packages_own_file_wins_over_the_workspaces_where_the_user_is() {
        let folder = tempfile::tempdir().unwrap();
        let (root, member) = (folder.path(), folder.path().join("shop"));
        std::fs::create_dir_all(&member).unwrap();
        std::fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
        std::fs::write(root.join(FILE_NAME), "").unwrap();
        let meant = || meant(Some(root), Some(&member));
        assert_eq!(meant(), Some(root.join(FILE_NAME)));
        std::fs::write(member.join(FILE_NAME), "").unwrap();
        assert_eq!(meant(), Some(member.join(FILE_NAME)));
    }

    #[test]
    fn a_file_in_another_member_is_noticed_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (shop, tools) = (folder.path().join("shop"), folder.path().join("tools"));
        std::fs::create_dir_all(&shop).unwrap();
        std::fs::create_dir_all(&tools).unwrap();
        std::fs::create_dir_all(folder.path().join("target/debug")).unwrap();
        std::fs::write(shop.join(FILE_NAME), "").unwrap();
        std::fs::write(folder.path().join("target/debug").join(FILE_NAME), "").unwrap();
        assert!(elsewhere(&tools).is_empty(), "no workspace, no guess");
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        assert_eq!(meant(Some(&tools), None), None);
        assert_eq!(elsewhere(&tools), [shop.join(FILE_NAME)]);
    }
}
