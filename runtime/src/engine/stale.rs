//! A debug build that is run where it was built says so when the folder holds other files than were compiled in: somebody
//! edited a migration and forgot to build. A release build does not look; nor does anything that the folder is not there for.

use crate::manifest::Manifest;
use std::path::Path;

/// What to say, if anything.
pub(super) fn warning(manifest: &Manifest) -> Option<String> {
    let folder = Path::new(manifest.folder());
    if !cfg!(debug_assertions) || manifest.folder().is_empty() || !folder.is_dir() {
        return None;
    }
    let changed = manifest.iter().filter(|migration| {
        let text = std::fs::read_to_string(folder.join(migration.file));
        text.map_or(true, |text| text != migration.source)
    });
    let changed = changed.count();
    let added = migrations_in(folder).saturating_sub(manifest.len());
    let what = match (changed, added) {
        (0, 0) => return None,
        (0, added) => format!("{} not compiled in", files(added)),
        (changed, added) => format!("{} not what is compiled in", files(changed + added)),
    };
    Some(format!("{what}; rebuild this program"))
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file on disk is".into(),
        count => format!("{count} files on disk are"),
    }
}

/// How many Rust files there are, as the build would see them: hidden ones are passed over.
fn migrations_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| match entry.path() {
            path if path.is_dir() && !path.is_symlink() => migrations_in(&path),
            path => usize::from(path.extension().is_some_and(|extension| extension == "rs")),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_build_notices_files_that_are_not_compiled_in() {
        let folder = tempfile::tempdir().unwrap();
        let name: &'static str = folder.path().to_string_lossy().into_owned().leak();
        let manifest: &'static Manifest = Box::leak(Box::new(Manifest::new(&[], "", name)));
        assert_eq!(warning(manifest), None);
        std::fs::write(folder.path().join("README.md"), "").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("a.rs"), "").unwrap();
        std::fs::write(folder.path().join("sub/b.rs"), "").unwrap();
        assert_eq!(
            warning(manifest).as_deref(),
            Some("2 files on disk are not compiled in; rebuild this program")
        );
        assert_eq!(warning(&Manifest::new(&[], "", "/nowhere")), None);
    }
}
