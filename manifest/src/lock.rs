//! The lock file: the checksums of released migrations, in version control beside the folder.
//!
//! `migrations.lock` for the folder `migrations`. One header line with the version of the format, then one line per
//! migration, sorted by id: `id checksum up down rest`, with `-` for a part that is not there. Two branches that
//! add lines merge without a conflict in meaning: keeping both sides' lines is always right, in any order.

use crate::checksum::{ALGORITHM, Checksum, Part};
use crate::diagnostic::{Fault, FaultKind};
use crate::scan::{MigrationFile, Scan, relative};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the format that this version of driftless writes.
pub const VERSION: u32 = 1;

const TITLE: &str = "# driftless migrations lock, version ";

/// Released migrations and their checksums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockFile {
    entries: BTreeMap<String, LockedMigration>,
    lines: BTreeMap<String, usize>,
}

/// One line of the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedMigration {
    /// The migration.
    pub id: String,
    /// The checksum of the whole.
    pub checksum: String,
    /// The checksum of `up`.
    pub up: String,
    /// The checksum of `down`; empty when there is none.
    pub down: String,
    /// The checksum of the rest.
    pub rest: String,
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
        let mut lock = LockFile::default();
        let mut lines = text
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim_end()));
        let (_, header) = lines.next().unwrap_or((1, ""));
        check_header(header)?;
        for (number, line) in lines {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let locked = parse_line(line).map_err(|problem| LockError {
                kind: FaultKind::LockSyntax { problem },
                line: number,
            })?;
            match lock.entries.get(&locked.id) {
                // A merge may leave the same line twice.
                Some(earlier) if *earlier == locked => {}
                Some(_) => {
                    let problem =
                        format!("`{}` is recorded twice with different checksums", locked.id);
                    return Err(LockError {
                        kind: FaultKind::LockSyntax { problem },
                        line: number,
                    });
                }
                None => lock.insert(locked, number),
            }
        }
        Ok(lock)
    }

    fn insert(&mut self, locked: LockedMigration, line: usize) {
        self.lines.insert(locked.id.clone(), line);
        self.entries.insert(locked.id.clone(), locked);
    }

    /// The text of the lock file.
    pub fn to_text(&self) -> String {
        let mut text = format!("{TITLE}{VERSION}\n");
        for locked in self.entries.values() {
            let down = if locked.down.is_empty() {
                "-"
            } else {
                &locked.down
            };
            text.push_str(&format!(
                "{} {} {} {} {}\n",
                locked.id, locked.checksum, locked.up, down, locked.rest
            ));
        }
        text
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

    /// Whether a migration is locked.
    pub fn contains(&self, id: &str) -> bool {
        self.entries.contains_key(id)
    }

    /// The line of a migration.
    pub fn get(&self, id: &str) -> Option<&LockedMigration> {
        self.entries.get(id)
    }

    /// The locked migrations, by id.
    pub fn iter(&self) -> impl Iterator<Item = &LockedMigration> {
        self.entries.values()
    }

    /// How many migrations are locked.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is locked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Compares the lock file with what is on disk: every locked migration that was edited, renamed or
    /// removed, and every new one that sorts before a locked one.
    pub fn verify(&self, scan: &Scan) -> Vec<Fault> {
        let lock_path = path_for(&scan.folder);
        let on_disk: BTreeMap<&str, &MigrationFile> = scan
            .migrations
            .iter()
            .map(|migration| (migration.id.as_str(), migration))
            .collect();
        let mut renamed = Vec::new();
        let mut faults = Vec::new();
        for locked in self.entries.values() {
            match on_disk.get(locked.id.as_str()) {
                Some(migration) => faults.extend(edited(locked, migration)),
                None if is_unreadable(&locked.id, scan) => {}
                None => match self.renamed(locked, scan) {
                    Some(now) => {
                        renamed.push(now.id.as_str());
                        faults.push(at(
                            now,
                            FaultKind::LockedRenamed {
                                id: locked.id.clone(),
                                now: now.file.clone(),
                            },
                        ));
                    }
                    None => faults.push(Fault {
                        kind: FaultKind::LockedRemoved {
                            id: locked.id.clone(),
                        },
                        file: relative(&lock_path, &scan.package_root),
                        path: lock_path.clone(),
                        line: self.lines.get(&locked.id).copied().unwrap_or(0),
                        column: 1,
                    }),
                },
            }
        }
        if let Some(last) = self.entries.keys().next_back() {
            let new = scan
                .migrations
                .iter()
                .filter(|migration| !self.contains(&migration.id));
            let early = new.filter(|migration| {
                migration.id < *last && !renamed.contains(&migration.id.as_str())
            });
            faults.extend(early.map(|migration| {
                let locked = self
                    .entries
                    .keys()
                    .find(|id| **id > migration.id)
                    .unwrap_or(last);
                at(
                    migration,
                    FaultKind::BeforeLocked {
                        id: migration.id.clone(),
                        locked: locked.clone(),
                    },
                )
            }));
        }
        faults
    }

    /// The new file that holds what the locked one held.
    fn renamed<'a>(&self, locked: &LockedMigration, scan: &'a Scan) -> Option<&'a MigrationFile> {
        let new = |migration: &&MigrationFile| !self.contains(&migration.id);
        scan.migrations
            .iter()
            .filter(new)
            .find(|migration| migration.checksum.whole == locked.checksum)
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
            (
                scan.with(vec![Fault {
                    kind: error.kind,
                    file,
                    path,
                    line: error.line,
                    column,
                }]),
                LockFile::default(),
            )
        }
    }
}

impl LockedMigration {
    fn of(migration: &MigrationFile) -> LockedMigration {
        let checksum = migration.checksum.clone();
        LockedMigration {
            id: migration.id.clone(),
            checksum: checksum.whole,
            up: checksum.up,
            down: checksum.down,
            rest: checksum.rest,
        }
    }
}

fn check_header(header: &str) -> Result<(), LockError> {
    let error = |kind| Err(LockError { kind, line: 1 });
    let Some(version) = header.strip_prefix(TITLE) else {
        return error(FaultKind::LockSyntax {
            problem: format!("it starts with `{TITLE}{VERSION}`"),
        });
    };
    match version.parse::<u32>() {
        Ok(VERSION) => Ok(()),
        Ok(newer) if newer > VERSION => error(FaultKind::LockTooNew {
            found: newer.to_string(),
            known: VERSION,
        }),
        _ => error(FaultKind::LockSyntax {
            problem: format!("`{version}` is no version"),
        }),
    }
}

fn parse_line(line: &str) -> Result<LockedMigration, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [id, checksum, up, down, rest] = words[..] else {
        return Err(format!(
            "{} words where `id checksum up down rest` is expected",
            words.len()
        ));
    };
    if crate::id::parse(&format!("{id}.rs")).is_err() {
        return Err(format!("`{id}` is not the id of a migration"));
    }
    for word in [checksum, up, rest] {
        if !word.contains(':') {
            return Err(format!("`{word}` is not a checksum"));
        }
    }
    let down = if down == "-" { "" } else { down };
    let [id, checksum, up, down, rest] = [id, checksum, up, down, rest].map(str::to_owned);
    Ok(LockedMigration {
        id,
        checksum,
        up,
        down,
        rest,
    })
}

/// Whether the file is there but could not be read: that is reported already, and it is not removed.
fn is_unreadable(id: &str, scan: &Scan) -> bool {
    scan.faults
        .iter()
        .any(|fault| fault.path.file_stem().is_some_and(|stem| stem == id))
}

fn edited(locked: &LockedMigration, migration: &MigrationFile) -> Option<Fault> {
    if locked.checksum == migration.checksum.whole {
        return None;
    }
    let id = locked.id.clone();
    let algorithm = locked.checksum.split(':').next().unwrap_or_default();
    if algorithm != ALGORITHM {
        return Some(at(
            migration,
            FaultKind::LockedAlgorithm {
                id,
                algorithm: algorithm.to_owned(),
            },
        ));
    }
    let parts = migration.checksum.changed_parts(&Checksum {
        whole: locked.checksum.clone(),
        up: locked.up.clone(),
        down: locked.down.clone(),
        rest: locked.rest.clone(),
        details: String::new(),
    });
    let parts = parts
        .iter()
        .map(Part::to_string)
        .collect::<Vec<_>>()
        .join(" and ");
    let parts = if parts.is_empty() {
        "its checksum".to_owned()
    } else {
        parts
    };
    Some(at(migration, FaultKind::LockedEdited { id, parts }))
}

fn at(migration: &MigrationFile, kind: FaultKind) -> Fault {
    Fault {
        kind,
        file: migration.package_file.clone(),
        path: migration.path.clone(),
        line: 1,
        column: 1,
    }
}
