//! Which package is meant, and what cargo knows about it.

use crate::args::CargoWords;
use crate::report::Failure;
use cargo_metadata::{Metadata, MetadataCommand, Target};
use std::path::{Path, PathBuf};

/// The name of the binary that all commands go to.
pub const BINARY: &str = "migrate";

/// A package of the user's.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub root: PathBuf,
    /// Its `Cargo.toml`.
    pub manifest_path: PathBuf,
    /// The folder of its workspace; its own when it has none.
    pub workspace_root: PathBuf,
    /// Where cargo builds.
    pub target_folder: PathBuf,
    /// The folders of the packages on this machine that it depends on, directly or through others of its workspace.
    pub local_dependencies: Vec<PathBuf>,
    /// Its binaries: name and source.
    pub binaries: Vec<(String, PathBuf)>,
    /// Which of them `cargo run` runs.
    pub default_run: Option<String>,
    /// Its build script.
    pub build_script: Option<PathBuf>,
}

impl Package {
    /// The package that the line names, else the nearest one.
    ///
    /// # Errors
    /// No package, or several that may be meant; a `Cargo.toml` that cargo cannot read.
    pub fn find(words: &CargoWords) -> Result<Package, Failure> {
        let cargo_toml = match &words.manifest_path {
            Some(path) if path.is_file() => path.clone(),
            Some(path) => {
                return Err(Failure::usage(format!(
                    "there is no `{}`; correct --manifest-path",
                    path.display()
                )));
            }
            None => nearest_cargo_toml()?,
        };
        let metadata = metadata(&cargo_toml)?;
        let chosen =
            choose(&metadata, &cargo_toml, words.package.as_deref()).map_err(Failure::usage)?;
        Ok(Package::of(chosen, &metadata))
    }

    fn of(package: &cargo_metadata::Package, metadata: &Metadata) -> Package {
        let source = |target: &Target| {
            (
                target.name.clone(),
                target.src_path.clone().into_std_path_buf(),
            )
        };
        let manifest_path = package.manifest_path.clone().into_std_path_buf();
        Package {
            name: package.name.to_string(),
            root: manifest_path
                .parent()
                .map_or_else(PathBuf::new, Path::to_path_buf),
            manifest_path,
            workspace_root: metadata.workspace_root.clone().into_std_path_buf(),
            target_folder: metadata.target_directory.clone().into_std_path_buf(),
            local_dependencies: local_dependencies(package, metadata),
            binaries: package
                .targets
                .iter()
                .filter(|target| target.is_bin())
                .map(source)
                .collect(),
            default_run: package.default_run.clone(),
            build_script: package
                .targets
                .iter()
                .find(|target| target.is_custom_build())
                .map(|target| source(target).1),
        }
    }

    /// The source of the `migrate` binary.
    pub fn binary(&self) -> Option<&Path> {
        self.binaries
            .iter()
            .find(|(name, _)| name == BINARY)
            .map(|(_, source)| source.as_path())
    }

    /// Fails when there is no `migrate` binary.
    ///
    /// # Errors
    /// There is none.
    pub fn require_binary(&self) -> Result<(), Failure> {
        match self.binary() {
            Some(_) => Ok(()),
            None => Err(Failure::usage(format!(
                "the package `{}` has no program `{BINARY}`; run `cargo migrate create …` first, it wires everything",
                self.name
            ))),
        }
    }

    /// Whether `create` has been here.
    ///
    /// # Errors
    /// The package has a binary called `migrate` that is something else.
    pub fn is_wired(&self) -> Result<bool, Failure> {
        let Some(source) = self.binary() else {
            return Ok(false);
        };
        let text = std::fs::read_to_string(source).unwrap_or_default();
        if text.contains("driftless") {
            return Ok(true);
        }
        Err(Failure::usage(format!(
            "the package `{}` has a program `{BINARY}` already ({}) and it does not use driftless; give it another name, or call \
             `driftless::cli::main(&MIGRATIONS)` in it",
            self.name,
            source.display()
        )))
    }
}

/// The folders of path dependencies, those of dependencies in the same workspace included.
fn local_dependencies(package: &cargo_metadata::Package, metadata: &Metadata) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut packages = vec![package];
    while let Some(package) = packages.pop() {
        for path in package
            .dependencies
            .iter()
            .filter_map(|dependency| dependency.path.as_ref())
        {
            let path = path.as_std_path().to_path_buf();
            if found.contains(&path) {
                continue;
            }
            packages.extend(metadata.packages.iter().filter(|known| {
                known
                    .manifest_path
                    .parent()
                    .map(cargo_metadata::camino::Utf8Path::as_std_path)
                    == Some(path.as_path())
            }));
            found.push(path);
        }
    }
    found
}

/// The `Cargo.toml` in this folder or the nearest one above.
fn nearest_cargo_toml() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::failed(format!("the current folder cannot be read: {error}")))?;
    let found = here
        .ancestors()
        .map(|folder| folder.join("Cargo.toml"))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::usage(format!(
            "there is no Cargo.toml in `{}` or above it; go to a package, name one with --manifest-path, or begin one with `cargo init`",
            here.display()
        ))
    })
}

fn metadata(cargo_toml: &Path) -> Result<Metadata, Failure> {
    MetadataCommand::new()
        .manifest_path(cargo_toml)
        .no_deps()
        .exec()
        .map_err(|error| match error {
            cargo_metadata::Error::CargoMetadata { stderr } => {
                Failure::usage(stderr.trim().trim_start_matches("error: ").to_owned())
            }
            other => Failure::failed(format!("cargo cannot describe the package: {other}")),
        })
}

/// The package that is named; else that of the `Cargo.toml`; else, of a workspace, the only one there is or the only one
/// with a `migrate` binary.
fn choose<'m>(
    metadata: &'m Metadata,
    cargo_toml: &Path,
    name: Option<&str>,
) -> Result<&'m cargo_metadata::Package, String> {
    let packages = metadata.workspace_packages();
    let names = packages
        .iter()
        .map(|package| format!("`{}`", package.name))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(name) = name {
        let named = packages.into_iter().find(|package| package.name == name);
        return named.ok_or_else(|| {
            format!("there is no package `{name}` in this workspace; it has {names}")
        });
    }
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    let own = packages
        .iter()
        .find(|package| same(package.manifest_path.as_std_path()) == same(cargo_toml));
    let with_binary = || {
        let has_binary = |package: &&&cargo_metadata::Package| {
            package
                .targets
                .iter()
                .any(|target| target.is_bin() && target.name == BINARY)
        };
        only(packages.iter().filter(has_binary))
    };
    own.or_else(|| only(packages.iter()))
        .or_else(with_binary)
        .copied()
        .ok_or_else(|| format!("this workspace has several packages ({names}); name one with -p"))
}

/// The one thing there is.
fn only<T>(mut things: impl Iterator<Item = T>) -> Option<T> {
    let first = things.next()?;
    things.next().is_none().then_some(first)
}
