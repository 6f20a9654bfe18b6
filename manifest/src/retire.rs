//! Retiring: files of migrations that every database has applied leave the build, their ids and checksums stay in the lock
//! file. Whether every database has applied them is not known here: whoever calls this asks them, or has been told.

use crate::command::{Refusal, RefusalKind, migrations, not_written, refusal, shown};
use crate::diagnostic::FaultKind;
use crate::id;
use crate::lock::{self, LockFile};
use crate::scan::{Scan, scan};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// What retiring would do: looked at, and nothing changed.
#[derive(Debug)]
pub struct Retirement {
    /// The ids and checksums of the migrations to retire, in id order.
    pub migrations: Vec<(String, String)>,
    files: Vec<PathBuf>,
    lock: LockFile,
    lock_path: PathBuf,
    package_root: PathBuf,
}

/// What was retired.
#[derive(Debug, Clone, Serialize)]
pub struct Retired {
    /// The ids whose files were removed.
    pub retired: Vec<String>,
    /// The newest migration that is retired now: what a new database has to be made from.
    pub baseline: Option<String>,
    /// The lock file, relative to the package.
    pub file: String,
}

impl fmt::Display for Retired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.retired {
            writeln!(formatter, "retired {id}")?;
        }
        match (&self.baseline, self.retired.len()) {
            (Some(baseline), 1..) => write!(
                formatter,
                "{} left the build, {} keeps what history needs of them; commit both. New databases begin with {baseline} applied",
                migrations(self.retired.len()),
                self.file
            ),
            _ => write!(formatter, "nothing to retire: no file sorts before that"),
        }
    }
}

/// Decides what `retire --before ID` retires.
///
/// # Errors
/// A folder with problems; an id that is not in it; a migration that is not locked.
pub fn plan(package_root: &Path, folder: &Path, before: &str) -> Result<Retirement, Refusal> {
    let (scan, lock) = lock::enforce(scan(package_root, folder));
    // A retired file that is still here is one that could not be removed the last time.
    let others = scan
        .faults
        .iter()
        .filter(|fault| !matches!(fault.kind, FaultKind::RetiredPresent { .. }));
    if let Some(refusal) = refusal(others, "nothing was retired") {
        return Err(refusal);
    }
    if scan.get(before).is_none() {
        return Err(unknown(&scan, before));
    }
    let old = || {
        scan.migrations
            .iter()
            .filter(|migration| migration.id.as_str() < before)
    };
    if let Some(open) = old().find(|migration| !lock.contains(&migration.id)) {
        return Err(Refusal::new(
            RefusalKind::Usage,
            format!(
                "`{}` is not locked, and only released migrations retire; run `migrate lock` first. Nothing was retired",
                open.id
            ),
        ));
    }
    Ok(Retirement {
        migrations: old()
            .map(|migration| (migration.id.clone(), migration.checksum.whole.clone()))
            .collect(),
        files: old().map(|migration| migration.path.clone()).collect(),
        lock,
        lock_path: lock::path_for(&scan.folder),
        package_root: scan.package_root.clone(),
    })
}

fn unknown(scan: &Scan, before: &str) -> Refusal {
    let mut ids = scan
        .migrations
        .iter()
        .map(|migration| migration.id.as_str());
    let hint = match (id::similar(before, ids.clone()), ids.next_back()) {
        (Some(similar), _) => format!("did you mean `{similar}`?"),
        (None, Some(newest)) => format!("the newest one is `{newest}`"),
        (None, None) => "the folder is empty".to_owned(),
    };
    Refusal::new(
        RefusalKind::Usage,
        format!("there is no migration `{before}`; {hint}"),
    )
}

impl Retirement {
    /// Marks the lines of the lock file, then removes the files. Interrupted in between, it is finished by doing it again.
    ///
    /// # Errors
    /// A file system that refuses.
    pub fn carry_out(mut self) -> Result<Retired, Refusal> {
        let ids: Vec<String> = self.migrations.into_iter().map(|(id, _)| id).collect();
        if !ids.is_empty() {
            self.lock.retire(ids.iter().map(String::as_str));
            self.lock
                .write(&self.lock_path)
                .map_err(|error| not_written(&self.lock_path, &error))?;
        }
        for file in &self.files {
            std::fs::remove_file(file).map_err(|error| {
                Refusal::new(
                    RefusalKind::Failed,
                    format!(
                        "`{}` is retired and cannot be removed: {error}; remove it yourself",
                        file.display()
                    ),
                )
            })?;
        }
        let baseline = self.lock.retired().last().map(|locked| locked.id.clone());
        Ok(Retired {
            retired: ids,
            baseline,
            file: shown(&self.lock_path, &self.package_root),
        })
    }
}
