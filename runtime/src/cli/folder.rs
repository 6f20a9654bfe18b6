//! The migrations folder on this machine: `create`, `lock`, `check`, and whether it still is what was compiled in.

use crate::cli::Session;
use crate::cli::args::Create;
use crate::cli::exit::{self, Failure};
use crate::manifest::Manifest;
use driftless_manifest::Scan;
use driftless_manifest::command::{self, Locked, Refusal};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many files a message names.
const NAMED_FILES: usize = 3;

/// `create`
pub(crate) fn create(session: &Session, flags: &Create) -> Result<u8, Failure> {
    let (package, folder) = place(session.manifest)?;
    let created = command::create(&package, &folder, &flags.name.join(" "), SystemTime::now())?;
    session.output.object(&created);
    session.output.result(&created.to_string());
    session
        .output
        .note("write its `up`, then rebuild and run `up`");
    Ok(exit::DONE)
}

/// `lock`
pub(crate) fn lock(session: &Session) -> Result<u8, Failure> {
    let (package, folder) = place(session.manifest)?;
    let locked = command::lock(&package, &folder)?;
    session.output.object(&locked);
    session.output.result(&locked.to_string());
    Ok(exit::DONE)
}

/// Locks what was released; `None` when the folder is not on this machine.
pub(crate) fn lock_released(manifest: &Manifest) -> Result<Option<Locked>, Failure> {
    let folder = PathBuf::from(manifest.folder());
    if !folder.is_dir() {
        return Ok(None);
    }
    Ok(Some(command::lock(&command::package_of(&folder), &folder)?))
}

/// `check`
pub(crate) fn check(session: &Session) -> Result<u8, Failure> {
    let (package, folder) = place(session.manifest)?;
    let (report, code) = command::check(&package, &folder);
    session.output.object(&report);
    session.output.result(&report.to_string());
    Ok(code)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::new(refusal.exit_code(), &refusal.message)
    }
}

/// The package and the folder, when this program runs where it was compiled.
pub(crate) fn place(manifest: &Manifest) -> Result<(PathBuf, PathBuf), Failure> {
    let folder = PathBuf::from(manifest.folder());
    if folder.is_dir() {
        return Ok((command::package_of(&folder), folder));
    }
    Err(Failure::usage(format!(
        "the migrations folder `{}` is not on this machine; this command works where the program was compiled",
        folder.display()
    )))
}

/// Fails when the folder is on this machine and holds other migrations than were compiled in: someone would believe
/// that what they see there is what runs.
pub(crate) fn refuse_if_stale(manifest: &Manifest) -> Result<(), Failure> {
    let folder = Path::new(manifest.folder());
    if !folder.is_dir() {
        return Ok(());
    }
    let scan = driftless_manifest::scan(command::package_of(folder), folder);
    let compiled: Vec<(&str, &str, &str)> = manifest
        .iter()
        .map(|migration| (migration.id, migration.file, migration.checksum))
        .collect();
    match changes(&compiled, &scan).as_slice() {
        [] => Ok(()),
        changes => Err(Failure::usage(stale_message(changes))),
    }
}

/// What differs between what was compiled in (id, file, checksum) and what is on disk.
fn changes(compiled: &[(&str, &str, &str)], scan: &Scan) -> Vec<String> {
    let edited_or_removed = compiled
        .iter()
        .filter_map(|(id, file, checksum)| match scan.get(id) {
            Some(found) if found.checksum.whole == *checksum => None,
            // Not a migration any more, as its text cannot be read: that is an edit too.
            None if !scan.folder.join(file).exists() => Some(format!("{file} (removed)")),
            _ => Some(format!("{file} (edited)")),
        });
    let is_compiled = |id: &str| compiled.iter().any(|(known, _, _)| *known == id);
    let added = scan
        .migrations
        .iter()
        .filter(|found| !is_compiled(&found.id))
        .map(|found| format!("{} (added)", found.file));
    edited_or_removed.chain(added).collect()
}

fn stale_message(changes: &[String]) -> String {
    let count = match changes.len() {
        1 => "1 file on disk is".to_owned(),
        count => format!("{count} files on disk are"),
    };
    let is_added = |change: &String| change.ends_with("(added)");
    let what = match changes.iter().all(is_added) {
        true => "not compiled in",
        false => "not what is compiled in",
    };
    let mut names = changes
        .iter()
        .take(NAMED_FILES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if changes.len() > NAMED_FILES {
        names.push_str(", …");
    }
    format!("{count} {what}: {names}; rebuild this program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_new_are_not_compiled_in() {
        let added = ["a.rs (added)", "b.rs (added)"].map(str::to_owned);
        assert_eq!(
            stale_message(&added),
            "2 files on disk are not compiled in: a.rs (added), b.rs (added); rebuild this program"
        );
    }

    #[test]
    fn added_removed_and_edited_files_are_told_apart() {
        let package = tempfile::tempdir().unwrap();
        let root = package.path();
        std::fs::write(root.join("Cargo.toml"), "").unwrap();
        let create = |name: &str| {
            command::create(root, Path::new("migrations"), name, SystemTime::UNIX_EPOCH).unwrap()
        };
        let (same, edited, broken) = (create("same"), create("edited"), create("broken"));
        let before = driftless_manifest::scan(root, "migrations");
        let mut compiled: Vec<(&str, &str, &str)> = before
            .migrations
            .iter()
            .map(|migration| {
                (
                    migration.id.as_str(),
                    migration.file.as_str(),
                    migration.checksum.whole.as_str(),
                )
            })
            .collect();
        assert_eq!(changes(&compiled, &before), [""; 0]);

        let edit = |file: &str, from: &str, to: &str| {
            let path = root.join(file);
            std::fs::write(
                &path,
                std::fs::read_to_string(&path).unwrap().replace(from, to),
            )
            .unwrap();
        };
        edit(&same.file, "    Err", "  Err");
        edit(&edited.file, "table_name", "todos");
        edit(&broken.file, "fn up", "fn");
        compiled.push(("20260101_000000_gone", "20260101_000000_gone.rs", "v1:0"));
        create("added");
        let found = changes(&compiled, &driftless_manifest::scan(root, "migrations"));
        assert_eq!(
            found,
            [
                "19700101_000001_edited.rs (edited)",
                "19700101_000002_broken.rs (edited)",
                "20260101_000000_gone.rs (removed)",
                "19700101_000003_added.rs (added)",
            ]
        );
        assert_eq!(
            stale_message(&found),
            "4 files on disk are not what is compiled in: 19700101_000001_edited.rs (edited), \
             19700101_000002_broken.rs (edited), 20260101_000000_gone.rs (removed), …; rebuild this program"
        );
    }
}
