//! A lock file against a folder: what released migrations must not do.

use super::{LockFile, LockedMigration, path_for};
use crate::checksum::{ALGORITHM, Part};
use crate::diagnostic::{Fault, FaultKind};
use crate::id;
use crate::scan::{MigrationFile, Scan, relative};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn faults(lock: &LockFile, scan: &Scan) -> Vec<Fault> {
    let check = Check::new(lock, scan);
    let mut faults = check.released();
    faults.extend(check.out_of_order());
    faults.extend(check.before_locked());
    faults.extend(check.dependencies());
    faults
}

struct Check<'a> {
    lock: &'a LockFile,
    scan: &'a Scan,
    on_disk: BTreeMap<&'a str, &'a MigrationFile>,
    /// New files, by what is in them.
    new: BTreeMap<&'a str, &'a MigrationFile>,
    /// Ids of files that are there and cannot be read, which is reported already.
    unreadable: BTreeSet<String>,
}

impl<'a> Check<'a> {
    fn new(lock: &'a LockFile, scan: &'a Scan) -> Self {
        let migrations = scan.migrations.iter();
        let new = migrations
            .clone()
            .filter(|migration| !lock.contains(&migration.id));
        let unreadable = scan.faults.iter().filter_map(|fault| {
            let stem = fault.path.file_stem()?;
            Some(stem.to_string_lossy().into_owned())
        });
        Check {
            lock,
            scan,
            on_disk: migrations
                .map(|migration| (migration.id.as_str(), migration))
                .collect(),
            new: new
                .map(|migration| (migration.checksum.whole.as_str(), migration))
                .collect(),
            unreadable: unreadable.collect(),
        }
    }

    /// Released migrations that are not what they were, or not where they were.
    fn released(&self) -> Vec<Fault> {
        let of = |locked: &'a LockedMigration| match self.on_disk.get(locked.id.as_str()) {
            Some(migration) if locked.retired => Some(at(
                migration,
                FaultKind::RetiredPresent {
                    id: locked.id.clone(),
                },
            )),
            Some(migration) => edited(locked, migration),
            None if locked.retired || self.unreadable.contains(&locked.id) => None,
            None => Some(self.gone(locked)),
        };
        self.lock.iter().filter_map(of).collect()
    }

    fn gone(&self, locked: &LockedMigration) -> Fault {
        let id = locked.id.clone();
        if let Some(now) = self.renamed(locked) {
            let now_called = now.file.clone();
            return at(
                now,
                FaultKind::LockedRenamed {
                    id,
                    now: now_called,
                },
            );
        }
        let unlocked = self.new.values().map(|migration| migration.id.as_str());
        let nearest = id::similar(&id, unlocked).map(str::to_owned);
        self.in_lock_file(locked, FaultKind::LockedRemoved { id, nearest })
    }

    /// The new file that holds what the locked one held.
    fn renamed(&self, locked: &LockedMigration) -> Option<&'a MigrationFile> {
        self.new.get(locked.checksum.whole.as_str()).copied()
    }

    fn in_lock_file(&self, locked: &LockedMigration, kind: FaultKind) -> Fault {
        let path = path_for(&self.scan.folder);
        let line = self.lock.positions.get(&locked.id);
        Fault {
            kind,
            file: relative(&path, &self.scan.package_root),
            line: line.map_or(0, |at| self.lock.lines[*at]),
            path,
            column: 1,
        }
    }

    /// Migrations that were released after others that sort after them: a branch that came late.
    fn out_of_order(&self) -> Vec<Fault> {
        let mut newest: Option<&LockedMigration> = None;
        let mut faults = Vec::new();
        for locked in self.lock.iter() {
            let Some(before) = newest.filter(|newest| newest.id > locked.id) else {
                newest = Some(locked);
                continue;
            };
            let kind = FaultKind::LockedOutOfOrder {
                id: locked.id.clone(),
                before: before.id.clone(),
            };
            faults.push(match self.on_disk.get(locked.id.as_str()) {
                Some(migration) => at(migration, kind),
                None => self.in_lock_file(locked, kind),
            });
        }
        faults
    }

    /// New migrations that sort before a released one.
    fn before_locked(&self) -> Vec<Fault> {
        let renamed: BTreeSet<&str> = self
            .lock
            .iter()
            .filter(|locked| !locked.retired && !self.on_disk.contains_key(locked.id.as_str()))
            .filter_map(|locked| self.renamed(locked))
            .map(|migration| migration.id.as_str())
            .collect();
        let new = self
            .scan
            .migrations
            .iter()
            .filter(|migration| !self.lock.contains(&migration.id));
        let early = new.filter_map(|migration| {
            let mut later = self.lock.positions.range(migration.id.clone()..);
            let (locked, _) = later.next()?;
            let kind = FaultKind::BeforeLocked {
                id: migration.id.clone(),
                locked: locked.clone(),
            };
            (!renamed.contains(migration.id.as_str())).then(|| at(migration, kind))
        });
        early.collect()
    }

    /// What `after` names must exist, now or retired, and sort before; so there are no cycles either.
    fn dependencies(&self) -> Vec<Fault> {
        let of = |migration: &'a MigrationFile| {
            let after = migration.after.as_ref()?;
            let kind = if after.id >= migration.id {
                FaultKind::AfterLater {
                    after: after.id.clone(),
                }
            } else if self.on_disk.contains_key(after.id.as_str())
                || self.unreadable.contains(&after.id)
                || self
                    .lock
                    .get(&after.id)
                    .is_some_and(|locked| locked.retired)
            {
                return None;
            } else {
                let earlier = self.on_disk.range(..migration.id.as_str());
                let ids = earlier.map(|(id, _)| *id);
                FaultKind::AfterUnknown {
                    after: after.id.clone(),
                    nearest: id::similar(&after.id, ids).map(str::to_owned),
                }
            };
            Some(Fault {
                line: after.line,
                column: after.column,
                ..at(migration, kind)
            })
        };
        self.scan.migrations.iter().filter_map(of).collect()
    }
}

fn edited(locked: &LockedMigration, migration: &MigrationFile) -> Option<Fault> {
    if locked.checksum.whole == migration.checksum.whole {
        return None;
    }
    let id = locked.id.clone();
    let algorithm = locked.checksum.whole.split(':').next().unwrap_or_default();
    if algorithm != ALGORITHM {
        let algorithm = algorithm.to_owned();
        let kind = FaultKind::LockedAlgorithm { id, algorithm };
        return Some(at(migration, kind));
    }
    let parts = migration.checksum.changed_parts(&locked.checksum);
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
