//! The lock file: the checksums of released migrations, in version control beside the folder.
//!
//! `migrations.lock` for the folder `migrations`. One header line with the version of the format, then one line per
//! migration in the order of their release: `id checksum up down rest details`, with `-` for what is not there, and
//! `retired` at the end of those whose files are gone from the build (`retire`).
//!
//! Lines are only ever added, at the end. So two branches that each lock a migration merge by keeping the lines of both
//! sides (git does so by itself where `.gitattributes` says `merge=union`, which `lock` writes), those of the branch that
//! came first before those of the other. Where the ids are not in that order the later branch would run out of order on
//! databases that have what the first one brought: then the build fails ([`FaultKind::LockedOutOfOrder`]).

mod text;
mod verify;

use crate::checksum::Checksum;
use crate::diagnostic::{Fault, FaultKind};
use crate::scan::{MigrationFile, Scan, relative};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the format that this version of driftless writes. Version 1 had neither details nor retired migrations.
pub const VERSION: u32 = 2;

/// Released migrations and their checksums, in the order of their release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockFile {
    entries: Vec<LockedMigration>,
    /// Where each is in `entries`.
    positions: BTreeMap<String, usize>,
    /// The line of each in the file, 0 for those that were added since it was read.
    lines: Vec<usize>,
}

/// One line of the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedMigration {
    /// The migration.
    pub id: String,
    /// Its checksum and those of its parts. Lines of version 1 have no details.
    pub checksum: Checksum,
    /// Whether its file is gone from the build for good.
    pub retired: bool,
}

/// Why a lock file could not be read, and in which line (0 for the file as a whole).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    /// What is wrong.
    pub kind: FaultKind,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for LockError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entry = self.kind.entry();
        if self.line > 0 {
            write!(formatter, "line {}: ", self.line)?;
        }
        write!(formatter, "{}; {}", entry.message, entry.hint)
    }
}

impl std::error::Error for LockError {}

/// Where the lock file of a folder is: beside it, with `.lock` after its name.
pub fn path_for(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

impl LockFile {
    /// Reads a lock file; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read, is not understood, or was written by a newer version.
    pub fn read(path: &Path) -> Result<LockFile, LockError> {
        match std::fs::read_to_string(path) {
            Ok(text) => LockFile::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(LockFile::default()),
            Err(error) => Err(LockError {
                kind: FaultKind::LockUnreadable {
                    problem: error.to_string(),
                },
                line: 0,
            }),
        }
    }

    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// When it is not understood, or was written by a newer version.
    pub fn parse(text: &str) -> Result<LockFile, LockError> {
        text::parse(text)
    }

    /// The text of the lock file.
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    fn insert(&mut self, locked: LockedMigration, line: usize) {
        self.positions.insert(locked.id.clone(), self.entries.len());
        self.lines.push(line);
        self.entries.push(locked);
    }

    /// Version 1 was sorted by id, and the order of its lines said nothing.
    fn sort(&mut self) {
        let LockFile { entries, lines, .. } = std::mem::take(self);
        let mut both: Vec<_> = entries.into_iter().zip(lines).collect();
        both.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        for (locked, line) in both {
            self.insert(locked, line);
        }
    }

    /// Writes the lock file: beside it first, then in its place, so that it is never half there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let beside = path.with_extension("lock.new");
        std::fs::write(&beside, self.to_text())?;
        std::fs::rename(&beside, path).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }

    /// Locks every migration of a scan that is not locked yet; returns their ids. Never changes a line.
    pub fn add(&mut self, scan: &Scan) -> Vec<String> {
        let mut added = Vec::new();
        for migration in scan.migrations.iter().filter(|migration| migration.has_up) {
            if !self.contains(&migration.id) {
                self.insert(LockedMigration::of(migration), 0);
                added.push(migration.id.clone());
            }
        }
        added
    }

    /// Marks locked migrations as retired; ids that are not locked are passed over.
    pub fn retire<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) {
        for id in ids {
            if let Some(position) = self.positions.get(id) {
                self.entries[*position].retired = true;
            }
        }
    }

    /// Whether a migration is locked.
    pub fn contains(&self, id: &str) -> bool {
        self.positions.contains_key(id)
    }

    /// The line of a migration.
    pub fn get(&self, id: &str) -> Option<&LockedMigration> {
        self.positions.get(id).map(|at| &self.entries[*at])
    }

    /// The locked migrations, in the order of their release.
    pub fn iter(&self) -> impl Iterator<Item = &LockedMigration> {
        self.entries.iter()
    }

    /// The retired migrations, by id.
    pub fn retired(&self) -> Vec<&LockedMigration> {
        let ordered = self.positions.values().map(|at| &self.entries[*at]);
        ordered.filter(|locked| locked.retired).collect()
    }

    /// How many migrations are locked.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is locked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Compares the lock file with what is on disk: every locked migration that was edited, renamed or removed, every new
    /// one that sorts before a locked one, and those that were released in another order than that of their ids.
    pub fn verify(&self, scan: &Scan) -> Vec<Fault> {
        verify::faults(self, scan)
    }
}

/// A lock file that was read together with its folder: its own faults are faults of the scan.
pub fn enforce(scan: Scan) -> (Scan, LockFile) {
    let path = path_for(&scan.folder);
    match LockFile::read(&path) {
        Ok(lock) => {
            let faults = lock.verify(&scan);
            (scan.with(faults), lock)
        }
        Err(error) => {
            let file = relative(&path, &scan.package_root);
            let column = usize::from(error.line > 0);
            let fault = Fault {
                kind: error.kind,
                file,
                path,
                line: error.line,
                column,
            };
            (scan.with(vec![fault]), LockFile::default())
        }
    }
}

impl LockedMigration {
    fn of(migration: &MigrationFile) -> LockedMigration {
        LockedMigration {
            id: migration.id.clone(),
            checksum: migration.checksum.clone(),
            retired: false,
        }
    }
}
