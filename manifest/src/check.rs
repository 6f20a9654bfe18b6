//! The report behind `migrate check --json`: what is in the folder and everything wrong with it.

use crate::diagnostic::Fault;
use crate::lock;
use crate::scan::scan;
use serde::Serialize;
use std::path::Path;

/// What `check` says.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The migrations, in id order.
    pub migrations: Vec<CheckedMigration>,
    /// The ids of those whose files are gone from the build for good.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<String>,
    /// Everything wrong, in the order of files and lines.
    pub problems: Vec<Problem>,
}

/// One migration.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedMigration {
    /// The file name without `.rs`.
    pub id: String,
    /// The path relative to the package, with `/` between its parts.
    pub file: String,
    /// `v1:` and the hex SHA-256 of the whole normalised file.
    pub checksum: String,
    /// What it does; may be empty.
    pub description: String,
    /// The tables that its steps visit.
    pub tables: Vec<String>,
    /// Whether it can be rolled back.
    pub has_down: bool,
    /// Whether the lock file has it.
    pub locked: bool,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The file, relative to the package.
    pub file: String,
    /// The line, from 1; 0 for the file or folder as a whole.
    pub line: usize,
    /// The column, from 1; 0 together with `line`.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// A few words to print beside the place.
    pub label: String,
    /// What to write instead.
    pub hint: String,
    /// Whether a locked migration changed: drift, before it reaches a database.
    #[serde(skip)]
    pub is_locked_change: bool,
}

impl Problem {
    /// `path:line:column`, or only the path.
    pub fn place(&self) -> String {
        if self.line == 0 {
            self.file.clone()
        } else {
            format!("{}:{}:{}", self.file, self.line, self.column)
        }
    }
}

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Problem {
        let entry = fault.kind.entry();
        Problem {
            file: fault.file.clone(),
            line: fault.line,
            column: fault.column,
            message: entry.message,
            label: entry.label.to_owned(),
            hint: entry.hint,
            is_locked_change: fault.kind.is_locked_change(),
        }
    }
}

/// Looks at a folder, given absolute or relative to the package, and at its lock file.
pub fn report(package_root: impl AsRef<Path>, folder: impl AsRef<Path>) -> CheckReport {
    let (scan, lock) = lock::enforce(scan(package_root, folder));
    let migrations = scan.migrations.iter().map(|migration| CheckedMigration {
        id: migration.id.clone(),
        file: migration.package_file.clone(),
        checksum: migration.checksum.whole.clone(),
        description: migration.description.clone(),
        tables: migration.tables.iter().map(ToString::to_string).collect(),
        has_down: migration.has_down,
        locked: lock.contains(&migration.id),
    });
    CheckReport {
        migrations: migrations.collect(),
        retired: lock
            .retired()
            .into_iter()
            .map(|locked| locked.id.clone())
            .collect(),
        problems: scan.faults.iter().map(Problem::from).collect(),
    }
}
