//! Which files matter, and being told when they change.
//!
//! Folders are watched, not files: an editor that replaces a file would leave a watch on the one that is gone. What a build
//! writes (the target folder) and what hides (`.git`) is left out, since it is large and changes all the time.

use super::Message;
use super::state::Event;
use crate::folder;
use crate::package::Package;
use crate::report::Failure;
use notify_debouncer_full::notify::event::ModifyKind;
use notify_debouncer_full::notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, new_debouncer_opt, notify};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Editors write a file in several steps, and people save several files at once.
const QUIET: Duration = Duration::from_millis(150);

/// What to watch of a package and of the packages of this machine that it depends on.
#[derive(Debug, Clone)]
pub struct Interest {
    /// The folders of the packages, and that of the workspace.
    roots: Vec<PathBuf>,
    /// The migrations folder: everything in it counts.
    migrations: PathBuf,
    /// Where cargo builds.
    target: PathBuf,
    /// A configuration file that was named.
    config: Option<PathBuf>,
    /// What the last build has read besides: `include_str!` and its likes.
    inputs: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Interest {
    /// Of this package.
    pub fn of(package: &Package, config: Option<&Path>) -> Interest {
        let mut roots = vec![package.root.clone()];
        roots.extend(package.local_dependencies.iter().cloned());
        roots.push(package.workspace_root.clone());
        let here = std::env::current_dir().unwrap_or_default();
        let named = config.map(|config| here.join(config));
        Interest {
            roots,
            migrations: package.root.join(folder::of(package)),
            target: package.target_folder.clone(),
            config: named,
            inputs: Arc::default(),
        }
    }

    /// Folders to watch: some with all that is below them, some without.
    fn folders(&self) -> Vec<(PathBuf, RecursiveMode)> {
        let mut deep = BTreeSet::from([self.migrations.clone()]);
        let mut flat = BTreeSet::new();
        // The workspace's own folder has files that matter; what is below it are the packages, or no concern of ours.
        let (workspace, packages) = self
            .roots
            .split_last()
            .map_or((None, &[][..]), |(last, rest)| (Some(last), rest));
        flat.extend(workspace.cloned());
        flat.extend(
            self.config
                .as_ref()
                .and_then(|config| config.parent())
                .map(Path::to_path_buf),
        );
        for root in packages {
            flat.insert(root.clone());
            let below = std::fs::read_dir(root).into_iter().flatten().flatten();
            deep.extend(
                below
                    .map(|entry| entry.path())
                    .filter(|path| path.is_dir() && !self.is_left_out(path)),
            );
        }
        let deep = deep
            .into_iter()
            .filter(|path| path.is_dir())
            .map(|path| (path, RecursiveMode::Recursive));
        let flat = flat
            .into_iter()
            .map(|path| (path, RecursiveMode::NonRecursive));
        flat.chain(deep).collect()
    }

    /// Whether a folder below a package is none of the package's sources.
    fn is_left_out(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path == self.target || name.starts_with('.') || name == "target" || name == "node_modules"
    }

    /// Whether a folder may hold sources: not hidden, and nothing that is built.
    fn is_of_sources(&self, path: &Path) -> bool {
        let inside = self
            .roots
            .iter()
            .find_map(|root| path.strip_prefix(root).ok());
        let top = |inside: &Path| {
            inside
                .components()
                .next()
                .map(|part| PathBuf::from(part.as_os_str()))
        };
        let is_source = inside
            .and_then(top)
            .is_some_and(|top| !self.is_left_out(&top));
        (is_source || path.starts_with(&self.migrations)) && !path.starts_with(&self.target)
    }

    /// Whether a change of this file may change what is built or applied.
    fn matters(&self, path: &Path) -> bool {
        let inside = self
            .roots
            .iter()
            .find_map(|root| path.strip_prefix(root).ok());
        let hidden = inside.is_some_and(|inside| {
            inside
                .components()
                .any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
        });
        if path.starts_with(&self.target) || hidden {
            return false;
        }
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        let name = path.file_name().unwrap_or_default();
        path.starts_with(&self.migrations) && !is_scratch(path)
            || self.config.as_deref() == Some(path)
            || self.inputs().contains(path)
            || matches!(extension, "rs" | "sql")
            || [
                "Cargo.toml",
                "Cargo.lock",
                "driftless.toml",
                "migrations.lock",
            ]
            .iter()
            .any(|known| name == *known)
    }

    fn inputs(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path as messages name it.
    fn shown(&self, path: &Path) -> String {
        let inside = self
            .roots
            .iter()
            .find_map(|root| path.strip_prefix(root).ok());
        inside.unwrap_or(path).display().to_string()
    }
}

/// The files of a dependency file: `program: file file`, a blank in a name being escaped.
fn inputs_of(dependencies: &str) -> BTreeSet<PathBuf> {
    const BLANK: &str = "\u{0}";
    let lines = dependencies
        .lines()
        .filter_map(|line| line.split_once(": "));
    lines
        .flat_map(|(_, files)| {
            let files = files.replace("\\ ", BLANK);
            let files = files.split(' ').filter(|file| !file.is_empty());
            files
                .map(|file| PathBuf::from(file.replace(BLANK, " ")))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What editors leave beside the file they write.
fn is_scratch(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with('~')
        || name.starts_with('#')
        || [".swp", ".swx", ".tmp", ".bak"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Tells a channel about changes until it is dropped.
pub struct Watch {
    debouncer: Debouncer<notify::RecommendedWatcher, NoCache>,
    interest: Interest,
}

impl Watch {
    /// Begins.
    ///
    /// # Errors
    /// The system has no watches to give.
    pub fn start(interest: Interest, events: Sender<Message>) -> Result<Watch, Failure> {
        let handler = {
            let interest = interest.clone();
            move |result| {
                for message in told(&interest, result) {
                    let _ = events.send(message);
                }
            }
        };
        let debouncer = new_debouncer_opt(QUIET, None, handler, NoCache, notify::Config::default())
            .map_err(|error| cannot(&error))?;
        let mut watch = Watch {
            debouncer,
            interest,
        };
        watch.renew()?;
        Ok(watch)
    }

    /// Learns from what cargo has written beside the program which files it was built from.
    pub fn learn(&self, program: &Path) {
        // Without it, files that the code includes are not noticed, and all others are.
        if let Ok(dependencies) = std::fs::read_to_string(program.with_extension("d")) {
            *self.interest.inputs() = inputs_of(&dependencies);
        }
    }

    /// Watches folders that have appeared, or been replaced, since.
    ///
    /// # Errors
    /// The system has no watches left to give.
    pub fn renew(&mut self) -> Result<(), Failure> {
        for (folder, mode) in self.interest.folders() {
            match self.debouncer.watch(&folder, mode) {
                Ok(()) => {}
                // It went away meanwhile; its parent tells when it is back.
                Err(error)
                    if matches!(error.kind, notify::ErrorKind::PathNotFound)
                        || !folder.exists() => {}
                Err(error) => return Err(cannot(&error)),
            }
        }
        Ok(())
    }
}

fn cannot(error: &notify::Error) -> Failure {
    Failure::failed(format!("changes of files cannot be watched: {error}"))
}

/// What is worth telling.
fn told(interest: &Interest, result: DebounceEventResult) -> Vec<Message> {
    let Ok(events) = result else {
        // Some changes may have been missed: another round finds out.
        return vec![
            Message::FoldersChanged,
            Message::Event(Event::Changed(Vec::new())),
        ];
    };
    // Reading is what the compiler does.
    let changes = events
        .iter()
        .filter(|event| !matches!(event.kind, EventKind::Access(_) | EventKind::Other));
    let needs_rescan = events.iter().any(|event| event.need_rescan());
    let (mut files, mut folders) = (BTreeSet::new(), needs_rescan);
    for event in changes {
        let comes_or_goes = matches!(
            event.kind,
            EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        for path in &event.paths {
            // One that has gone may have been a folder.
            let is_folder = path.is_dir() || comes_or_goes && !path.exists();
            folders |= is_folder;
            // A folder that comes or goes takes all its files with it.
            let matters = match path.is_dir() {
                true => comes_or_goes && interest.is_of_sources(path),
                false => interest.matters(path),
            };
            if matters {
                files.insert(interest.shown(path));
            }
        }
    }
    let mut messages = Vec::new();
    if folders {
        messages.push(Message::FoldersChanged);
    }
    if !files.is_empty() || needs_rescan {
        messages.push(Message::Event(Event::Changed(files.into_iter().collect())));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest() -> Interest {
        Interest {
            roots: vec![
                "/home/me/shop".into(),
                "/home/me/lib".into(),
                "/home/me".into(),
            ],
            migrations: "/home/me/shop/migrations".into(),
            target: "/home/me/shop/target".into(),
            config: Some("/etc/shop.toml".into()),
            inputs: Arc::new(Mutex::new(inputs_of(
                "/t/migrate: /home/me/shop/src/a\\ b.txt /home/me/x",
            ))),
        }
    }

    #[test]
    fn what_a_build_or_a_run_reads_matters_and_what_they_write_does_not() {
        let interest = interest();
        for path in [
            "/home/me/shop/src/main.rs",
            "/home/me/shop/Cargo.toml",
            "/home/me/Cargo.lock",
            "/home/me/driftless.toml",
            "/home/me/lib/src/lib.rs",
            "/home/me/shop/migrations/notes.txt",
            "/home/me/shop/src/a b.txt",
            "/etc/shop.toml",
        ] {
            assert!(interest.matters(Path::new(path)), "{path}");
        }
        for path in [
            "/home/me/shop/app.db",
            "/home/me/shop/app.db-wal",
            "/home/me/shop/src/notes.txt",
            "/home/me/shop/target/debug/build/x/out.rs",
            "/home/me/shop/.git/x.rs",
            "/home/me/shop/migrations/.x.rs.swp",
            "/home/me/shop/migrations/x.rs~",
        ] {
            assert!(!interest.matters(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn folders_of_sources_are_told_from_what_is_built_or_hidden() {
        let interest = interest();
        let of_sources = |path: &str| interest.is_of_sources(Path::new(path));
        assert!(of_sources("/home/me/shop/src/deep") && of_sources("/home/me/shop/migrations"));
        assert!(
            !of_sources("/home/me/shop/target/debug") && !of_sources("/home/me/shop/.git/objects")
        );
        assert!(!of_sources("/home/me/shop/node_modules/x"));
    }
}
