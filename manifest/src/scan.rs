//! The one scan: walks a migrations folder and returns every migration and every fault at once.

use crate::checksum::{self, Checksum};
use crate::diagnostic::{Fault, FaultKind};
pub use crate::source::After;
use crate::table::TableName;
use crate::{id, source};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The largest migration file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What is in a migrations folder.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The package, absolute: messages name files relative to it.
    pub package_root: PathBuf,
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The migrations that could be read, in id order.
    pub migrations: Vec<MigrationFile>,
    /// Everything wrong, in the order of files and lines.
    pub faults: Vec<Fault>,
}

/// One migration file.
#[derive(Debug, Clone)]
pub struct MigrationFile {
    /// The file name without `.rs`.
    pub id: String,
    /// The path relative to the folder, with `/` between its parts.
    pub file: String,
    /// The path relative to the package, with `/` between its parts.
    pub package_file: String,
    /// The absolute path.
    pub path: PathBuf,
    /// The module documentation or the `description` key, on one line; may be empty.
    pub description: String,
    /// The text of the file.
    pub source: String,
    /// The checksum of the whole file and of its parts.
    pub checksum: Checksum,
    /// The tables its steps visit.
    pub tables: Vec<TableName>,
    /// Whether it has an `up` with its attribute; without one there is a fault.
    pub has_up: bool,
    /// Whether it can be rolled back.
    pub has_down: bool,
    /// The files that `uses` names, relative to the package.
    pub uses: Vec<String>,
    /// The migration that has to be applied before this one.
    pub after: Option<After>,
}

impl Scan {
    /// Hex SHA-256 over every id and checksum.
    pub fn digest(&self) -> String {
        checksum::digest(
            self.migrations
                .iter()
                .map(|migration| (migration.id.as_str(), migration.checksum.whole.as_str())),
        )
    }

    /// The migration with this id.
    pub fn get(&self, id: &str) -> Option<&MigrationFile> {
        self.migrations.iter().find(|migration| migration.id == id)
    }

    /// Adds faults that were found elsewhere, such as in the lock file.
    pub(crate) fn with(mut self, faults: Vec<Fault>) -> Scan {
        self.faults.extend(faults);
        self
    }
}

/// Scans a folder, given absolute or relative to the package.
///
/// Sub-folders are walked too; they are no part of an id. Hidden files, `README.md` and what is in hidden
/// folders are passed over; any other file that is not a migration is a fault.
pub fn scan(package_root: impl AsRef<Path>, folder: impl AsRef<Path>) -> Scan {
    let package_root = absolute(package_root.as_ref());
    let folder = package_root.join(folder);
    let (package_root, folder) = owner(&package_root, &folder).unwrap_or((package_root, folder));
    let place = Place {
        package_root: &package_root,
        folder: &folder,
    };
    let Found {
        mut migrations,
        mut faults,
    } = if folder.is_dir() {
        everything(place)
    } else {
        let kind = FaultKind::FolderMissing {
            folder: relative(&folder, &package_root),
            looked_in: vec![folder.display().to_string()],
        };
        let mut found = Found::default();
        found.fault(place, &folder, kind, 0, 0);
        found
    };
    migrations.sort_by(|left, right| (&left.id, &left.file).cmp(&(&right.id, &right.file)));
    faults.extend(collisions(&migrations));
    migrations.dedup_by(|second, first| second.id == first.id);
    faults.sort_by(|left, right| {
        (&left.file, left.line, left.column).cmp(&(&right.file, right.line, right.column))
    });
    Scan {
        package_root,
        folder,
        migrations,
        faults,
    }
}

/// The package that a folder outside of the asking one belongs to, and the folder as that one sees it: what `uses` names has
/// to be the same file for everybody who shares the folder.
fn owner(package_root: &Path, folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let (asking, folder) = (
        package_root.canonicalize().ok()?,
        folder.canonicalize().ok()?,
    );
    let outside = !folder.starts_with(asking);
    outside.then(|| (crate::command::package_of(&folder), folder))
}

/// Fewer files than this are read sooner than a thread is started.
const FILES_PER_THREAD: usize = 64;

/// More threads than this would wait for the disk.
const MAX_THREADS: usize = 8;

/// Everything in a folder. Many files are parsed on all processors: a hook that is run at every commit has to be quick.
fn everything(place: Place<'_>) -> Found {
    let mut found = Found::default();
    let mut entries = Vec::new();
    for entry in walk_folder(place.folder) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => entries.push(entry),
            Err(error) => found.unreadable(place, &error),
        }
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (entries.len() / FILES_PER_THREAD).clamp(1, processors.min(MAX_THREADS));
    let read = |part: &[DirEntry]| {
        let mut found = Found::default();
        for entry in part {
            found.file(place, entry);
        }
        found
    };
    if threads == 1 {
        found.add(read(&entries));
        return found;
    }
    std::thread::scope(|scope| {
        let parts = entries.chunks(entries.len().div_ceil(threads));
        let readers: Vec<_> = parts.map(|part| scope.spawn(|| read(part))).collect();
        for reader in readers {
            match reader.join() {
                Ok(part) => found.add(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    found
}

/// What is scanned.
#[derive(Clone, Copy)]
struct Place<'a> {
    package_root: &'a Path,
    folder: &'a Path,
}

/// What was found in some of the files.
#[derive(Default)]
struct Found {
    migrations: Vec<MigrationFile>,
    faults: Vec<Fault>,
}

impl Found {
    fn add(&mut self, other: Found) {
        self.migrations.extend(other.migrations);
        self.faults.extend(other.faults);
    }

    fn unreadable(&mut self, place: Place<'_>, error: &walkdir::Error) {
        let path = error.path().unwrap_or(place.folder).to_owned();
        let kind = match error.loop_ancestor() {
            Some(ancestor) => FaultKind::LinkLoop {
                ancestor: relative(ancestor, place.package_root),
            },
            None => FaultKind::FolderUnreadable {
                problem: error.to_string(),
            },
        };
        self.fault(place, &path, kind, 0, 0);
    }

    fn file(&mut self, place: Place<'_>, entry: &DirEntry) {
        let path = entry.path();
        let Some(name) = entry.file_name().to_str() else {
            let name = entry.file_name().to_string_lossy().into_owned();
            return self.fault(place, path, FaultKind::NameNotUnicode { name }, 1, 1);
        };
        if name.eq_ignore_ascii_case("README.md") {
            return;
        }
        let id = match id::parse(name) {
            Ok(id) => id.to_owned(),
            Err(kind) => return self.fault(place, path, kind, 1, 1),
        };
        match read(path) {
            Ok(text) => self.migration(place, id, path, text),
            Err(kind) => self.fault(place, path, kind, 1, 1),
        }
    }

    fn migration(&mut self, place: Place<'_>, id: String, path: &Path, text: String) {
        let (read, faults) = source::read(&text, path, place.package_root);
        for (kind, line, column) in faults {
            self.fault(place, path, kind, line, column);
        }
        let Some(read) = read else { return };
        self.migrations.push(MigrationFile {
            id,
            file: relative(path, place.folder),
            package_file: relative(path, place.package_root),
            path: path.to_owned(),
            description: read.description,
            source: text,
            checksum: read.checksum,
            tables: read.tables,
            has_up: read.has_up,
            has_down: read.has_down,
            uses: read.uses,
            after: read.after,
        });
    }

    fn fault(
        &mut self,
        place: Place<'_>,
        path: &Path,
        kind: FaultKind,
        line: usize,
        column: usize,
    ) {
        let file = relative(path, place.package_root);
        self.faults.push(Fault {
            kind,
            file,
            path: path.to_owned(),
            line,
            column,
        });
    }
}

/// The files and folders of a migrations folder, in a fixed order, hidden ones left out.
pub(crate) fn walk_folder(
    folder: &Path,
) -> impl Iterator<Item = walkdir::Result<DirEntry>> + use<> {
    let hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(move |entry| !hidden(entry))
}

fn read(path: &Path) -> Result<String, FaultKind> {
    let unreadable = |error: std::io::Error| FaultKind::FileUnreadable {
        problem: error.to_string(),
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A device or a pipe may never end.
    if !metadata.is_file() {
        return Err(FaultKind::FileUnreadable {
            problem: "it is no regular file".to_owned(),
        });
    }
    let bytes = metadata.len();
    if bytes > MAX_FILE_BYTES {
        return Err(FaultKind::FileTooLarge {
            bytes,
            limit: MAX_FILE_BYTES,
        });
    }
    String::from_utf8(std::fs::read(path).map_err(unreadable)?).map_err(|error| {
        FaultKind::FileNotUtf8 {
            byte: error.utf8_error().valid_up_to(),
        }
    })
}

/// Ids and timestamps that two files share.
fn collisions(migrations: &[MigrationFile]) -> Vec<Fault> {
    let mut first_by_timestamp: BTreeMap<&str, &MigrationFile> = BTreeMap::new();
    let mut faults = Vec::new();
    for migration in migrations {
        let timestamp = id::timestamp(&migration.id);
        let Some(first) = first_by_timestamp.get(timestamp) else {
            first_by_timestamp.insert(timestamp, migration);
            continue;
        };
        let other = first.file.clone();
        let kind = if first.id == migration.id {
            FaultKind::DuplicateId {
                id: migration.id.clone(),
                other,
            }
        } else {
            FaultKind::SameTimestamp {
                timestamp: timestamp.to_owned(),
                other,
            }
        };
        let (file, path) = (migration.package_file.clone(), migration.path.clone());
        faults.push(Fault {
            kind,
            file,
            path,
            line: 1,
            column: 1,
        });
    }
    faults
}

/// A path below a base, with `/` between its parts; the whole path when it is elsewhere.
pub(crate) fn relative(path: &Path, base: &Path) -> String {
    path.strip_prefix(base)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
