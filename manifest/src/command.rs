//! What `create`, `lock` and `check` do, whoever asks: the app's own `migrate` binary or `cargo migrate`.
//! Results are data; how they are shown is in [`std::fmt::Display`] and serde, the same for both.

use crate::check::{self, CheckReport};
use crate::create::{self, NewMigration};
use crate::diagnostic::{Fault, FaultKind};
use crate::id;
use crate::lock::{self, LockFile};
use crate::merging;
use crate::scan::scan;
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file that was written.
#[derive(Debug, Clone, Serialize)]
pub struct Created {
    /// The id.
    pub id: String,
    /// The file, relative to the package, with `/` between its parts.
    pub file: String,
}

impl fmt::Display for Created {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "created {}", self.file)
    }
}

/// What was locked.
#[derive(Debug, Clone, Serialize)]
pub struct Locked {
    /// The ids that were not locked before.
    pub added: Vec<String>,
    /// How many migrations are locked now.
    pub locked: usize,
    /// The lock file, relative to the package.
    pub file: String,
    /// What was written so that the lock file merges by itself, relative to the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<String>,
}

impl fmt::Display for Locked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.added {
            writeln!(formatter, "locked {id}")?;
        }
        if let Some(attributes) = &self.attributes {
            writeln!(
                formatter,
                "wrote {attributes}, so that branches which each lock a migration merge by themselves"
            )?;
        }
        match self.added.len() {
            0 => write!(
                formatter,
                "nothing to lock: {} has all {}",
                self.file,
                migrations(self.locked)
            ),
            _ => write!(
                formatter,
                "{} has {} now; commit it",
                self.file,
                migrations(self.locked)
            ),
        }
    }
}

/// Why a command did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal, which decides the exit code.
    pub kind: RefusalKind,
    /// What is wrong and the way out.
    pub message: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// What was asked for cannot be meant.
    Usage,
    /// The folder, or the file system, does not allow it.
    Failed,
    /// A locked migration changed.
    Drift,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, message: impl Into<String>) -> Refusal {
        Refusal {
            kind,
            message: message.into(),
        }
    }

    /// The exit code of the command line: 2, 1 or 3.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            RefusalKind::Usage => 2,
            RefusalKind::Failed => 1,
            RefusalKind::Drift => 3,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// `create`: writes a new migration into a folder, which is created when it is not there. Overwrites nothing.
///
/// # Errors
/// A name that makes no id; a file system that refuses.
pub fn create(
    package_root: &Path,
    folder: &Path,
    name: &str,
    now: SystemTime,
) -> Result<Created, Refusal> {
    let folder = package_root.join(folder);
    let failed = |path: &Path, error: &std::io::Error| {
        Refusal::new(
            RefusalKind::Failed,
            format!("`{}` cannot be written: {error}", path.display()),
        )
    };
    let mut newest = newest(package_root, &folder);
    loop {
        let new = create::new_migration(name, now, newest.as_deref())
            .map_err(|error| Refusal::new(RefusalKind::Usage, error.to_string()))?;
        std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        let path = folder.join(&new.file_name);
        match write_new(&path, &new) {
            Ok(()) => {
                return Ok(Created {
                    id: new.id,
                    file: shown(&path, package_root),
                });
            }
            // Someone else took this name since the folder was read: take the next.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                newest = Some(new.id)
            }
            Err(error) => return Err(failed(&path, &error)),
        }
    }
}

/// The newest id there is, on disk (also of a file that cannot be read yet) or locked.
fn newest(package_root: &Path, folder: &Path) -> Option<String> {
    let scan = scan(package_root, folder);
    let faulty = scan.faults.iter().filter_map(|fault| {
        let name = fault.path.file_name()?.to_str()?;
        id::parse(name).ok().map(str::to_owned)
    });
    let lock = LockFile::read(&lock::path_for(folder)).unwrap_or_default();
    let locked = lock.iter().map(|locked| locked.id.clone());
    let ids = scan.migrations.iter().map(|migration| migration.id.clone());
    ids.chain(faulty).chain(locked).max()
}

fn write_new(path: &Path, new: &NewMigration) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(new.text.as_bytes())
}

/// `lock`: adds what is not locked yet. Never changes what is.
///
/// # Errors
/// A folder with problems, which are to be mended first; a locked migration that changed.
pub fn lock(package_root: &Path, folder: &Path) -> Result<Locked, Refusal> {
    let (scan, mut lock) = lock::enforce(scan(package_root, folder));
    if let Some(refusal) = refusal(&scan.faults, "nothing was locked") {
        return Err(refusal);
    }
    let path = lock::path_for(&scan.folder);
    let added = lock.add(&scan);
    let mut attributes = None;
    if !added.is_empty() {
        let first = !path.exists();
        lock.write(&path)
            .map_err(|error| not_written(&path, &error))?;
        if first {
            attributes = merging::keep_both_sides(&path)
                .map_err(|error| not_written(&path.with_file_name(".gitattributes"), &error))?;
        }
    }
    Ok(Locked {
        added,
        attributes: attributes.map(|path| shown(&path, package_root)),
        locked: lock.len(),
        file: shown(&path, package_root),
    })
}

pub(crate) fn not_written(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(
        RefusalKind::Failed,
        format!("`{}` cannot be written: {error}", path.display()),
    )
}

/// Why a folder with these faults is left as it is.
pub(crate) fn refusal<'f>(
    faults: impl IntoIterator<Item = &'f Fault> + Clone,
    what: &str,
) -> Option<Refusal> {
    let texts: Vec<String> = faults
        .clone()
        .into_iter()
        .map(ToString::to_string)
        .collect();
    let mut kinds = faults.into_iter().map(|fault| &fault.kind);
    let kind = match kinds.any(FaultKind::is_locked_change) {
        true => RefusalKind::Drift,
        false => RefusalKind::Failed,
    };
    (!texts.is_empty()).then(|| Refusal::new(kind, format!("{what}:\n{}", texts.join("\n"))))
}

/// `check`: everything in a folder and everything wrong with it. 0 when nothing is, 3 when a locked migration changed,
/// 1 otherwise.
pub fn check(package_root: &Path, folder: &Path) -> (CheckReport, u8) {
    let report = check::report(package_root, folder);
    let code = match report.problems.as_slice() {
        [] => 0,
        problems if problems.iter().any(|problem| problem.is_locked_change) => 3,
        _ => 1,
    };
    (report, code)
}

impl fmt::Display for CheckReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(
                formatter,
                "{}: {}\n  {}",
                problem.place(),
                problem.message,
                problem.hint
            )?;
        }
        let locked = self
            .migrations
            .iter()
            .filter(|migration| migration.locked)
            .count();
        write!(
            formatter,
            "{}, {locked} locked, ",
            migrations(self.migrations.len())
        )?;
        if !self.retired.is_empty() {
            write!(formatter, "{} retired, ", self.retired.len())?;
        }
        match self.problems.len() {
            0 => write!(formatter, "no problems"),
            1 => write!(formatter, "1 problem"),
            count => write!(formatter, "{count} problems"),
        }
    }
}

/// The package that a folder belongs to: the nearest one above it with a `Cargo.toml`, else the folder's parent.
pub fn package_of(folder: &Path) -> PathBuf {
    let above = || folder.ancestors().skip(1);
    let package = above().find(|ancestor| ancestor.join("Cargo.toml").is_file());
    package
        .or_else(|| above().next())
        .unwrap_or(folder)
        .to_path_buf()
}

/// A path as messages name it: relative to the package, with `/` between its parts.
pub(crate) fn shown(path: &Path, package_root: &Path) -> String {
    crate::scan::relative(path, package_root)
}

pub(crate) fn migrations(count: usize) -> String {
    format!("{count} migration{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn package() -> tempfile::TempDir {
        let package = tempfile::tempdir().unwrap();
        std::fs::write(package.path().join("Cargo.toml"), "[package]\n").unwrap();
        package
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn names_of_the_same_second_get_the_next_free_timestamp() {
        let package = package();
        let create = |name| {
            super::create(
                package.path(),
                Path::new("migrations"),
                name,
                at(1_772_179_359),
            )
            .unwrap()
        };
        assert_eq!(
            create("Add Priority!").file,
            "migrations/20260227_080239_add_priority.rs"
        );
        assert_eq!(create("add priority").id, "20260227_080240_add_priority");
        let (report, code) = check(package.path(), Path::new("migrations"));
        assert_eq!(
            (report.to_string().as_str(), code),
            ("2 migrations, 0 locked, no problems", 0)
        );
    }

    #[test]
    fn a_name_that_makes_no_id_is_a_usage_error_and_writes_nothing() {
        let package = package();
        for name in ["", "!!!", "日本語", &"long ".repeat(60)] {
            let refusal = create(package.path(), Path::new("migrations"), name, at(0)).unwrap_err();
            assert_eq!(refusal.exit_code(), 2, "{name}");
        }
        assert!(!package.path().join("migrations").exists());
    }

    #[test]
    fn a_locked_migration_that_changed_is_drift() {
        let package = package();
        let (root, folder) = (package.path(), Path::new("migrations"));
        let created = create(root, folder, "first", at(0)).unwrap();
        assert_eq!(
            lock(root, folder).unwrap().to_string(),
            format!(
                "locked {}\nmigrations.lock has 1 migration now; commit it",
                created.id
            )
        );
        assert_eq!(
            lock(root, folder).unwrap().to_string(),
            "nothing to lock: migrations.lock has all 1 migration"
        );
        let path = root.join(&created.file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("table_name", "todos")).unwrap();
        let (report, code) = check(root, folder);
        assert_eq!(code, 3, "{report}");
        assert_eq!(lock(root, folder).unwrap_err().kind, RefusalKind::Drift);
        std::fs::write(&path, "fn").unwrap();
        assert_eq!(
            check(root, folder).1,
            1,
            "not valid Rust is a problem, and not known to be drift"
        );
    }
}
