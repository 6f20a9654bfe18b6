//! Everything around the first migration: dependencies, build script, binary, configuration. Decided first as whole
//! texts, then written; nothing that is there is overwritten, only added to.

mod build_script;
mod dependencies;
mod stores;

use crate::args::Flags;
use crate::folder;
use crate::package::{BINARY, Package};
use crate::report::Failure;
use build_script::Edit;
use dependencies::Origin;
use std::path::{Path, PathBuf};

/// The source of the binary.
const BINARY_TEXT: &str = r#"//! Applies this package's data migrations: `cargo migrate up`.

static MIGRATIONS: driftless::Manifest = driftless::migrations!("FOLDER");

fn main() -> std::process::ExitCode {
    driftless::cli::main(&MIGRATIONS)
}
"#;

/// The first configuration: everything in it is a comment.
const CONFIGURATION_TEXT: &str = r#"# Where `cargo migrate` finds the databases. --database-url and DATABASE_URL win over this file.

# The local database: SQLite, whose path is relative to this file, or Postgres (feature `postgres` of driftless).
# [database]
# url = "sqlite://app.db"
# url = "postgres://user@localhost/app"

# `--prod` works on this one; the variable holds its URL, so that no password is written here.
# [env.prod]
# url_env = "PROD_DATABASE_URL"
"#;

/// What to write, and what is left to the user.
#[derive(Debug, Default)]
pub struct Wiring {
    /// Files with their new text, in the order in which they are told about.
    files: Vec<File>,
    /// What cannot be done here, in sentences that say how.
    pub by_hand: Vec<String>,
    /// Whether something already names the database.
    pub is_named: bool,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    text: String,
    is_new: bool,
    /// The file as messages name it, and what is done to it.
    told: String,
}

/// Decides what a package needs.
///
/// # Errors
/// A file that cannot be read or understood.
pub fn plan(package: &Package, flags: &Flags) -> Result<Wiring, Failure> {
    let urls = stores::urls(package, flags, &|name| std::env::var(name).ok());
    let mut wiring = Wiring {
        is_named: !urls.is_empty(),
        ..Wiring::default()
    };
    wiring.cargo_toml(package, stores::features(&urls))?;
    wiring.build_script(package)?;
    let binary = package.root.join("src/bin").join(format!("{BINARY}.rs"));
    wiring.create(
        package,
        binary,
        BINARY_TEXT.replace("FOLDER", folder::DEFAULT),
    );
    wiring.create(
        package,
        package.root.join("driftless.toml"),
        CONFIGURATION_TEXT.to_owned(),
    );
    Ok(wiring)
}

impl Wiring {
    /// Writes everything; gives back a line for each file.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn write(&self) -> Result<Vec<String>, Failure> {
        self.files
            .iter()
            .map(|file| file.write().map(|()| file.told.clone()))
            .collect()
    }

    fn cargo_toml(&mut self, package: &Package, stores: &[&str]) -> Result<(), Failure> {
        let workspace = package.workspace_root.join("Cargo.toml");
        let workspace = if workspace == package.manifest_path {
            None
        } else {
            std::fs::read_to_string(workspace).ok()
        };
        let text = read(&package.manifest_path)?;
        let request = dependencies::Request {
            origin: &Origin::of_this_build(),
            workspace: workspace.as_deref(),
            only_binary: match package.binaries.as_slice() {
                [(name, _)] if package.default_run.is_none() => Some(name),
                _ => None,
            },
            stores,
        };
        let (text, done) = dependencies::add(&text, &request).map_err(|problem| {
            Failure::usage(format!(
                "`{}` cannot be edited: {problem}",
                package.manifest_path.display()
            ))
        })?;
        if !done.is_empty() {
            let told = format!(
                "edited {}: {}",
                shown(&package.manifest_path, package),
                done.join(", ")
            );
            self.files.push(File {
                path: package.manifest_path.clone(),
                text,
                is_new: false,
                told,
            });
        }
        Ok(())
    }

    fn build_script(&mut self, package: &Package) -> Result<(), Failure> {
        let Some(path) = &package.build_script else {
            self.create(
                package,
                package.root.join("build.rs"),
                build_script::new(folder::DEFAULT),
            );
            return Ok(());
        };
        match build_script::add(&read(path)?, folder::DEFAULT) {
            Edit::Done(text) => {
                let told = format!("edited {}: watches the folder", shown(path, package));
                self.files.push(File {
                    path: path.clone(),
                    text,
                    is_new: false,
                    told,
                });
            }
            Edit::NotNeeded => {}
            Edit::ByHand(line) => self.by_hand.push(format!(
                "add this line to `main` in {}: {line}",
                shown(path, package)
            )),
        }
        Ok(())
    }

    /// A new file; one that is there stays as it is.
    fn create(&mut self, package: &Package, path: PathBuf, text: String) {
        if !path.exists() {
            let told = format!("created {}", shown(&path, package));
            self.files.push(File {
                path,
                text,
                is_new: true,
                told,
            });
        }
    }
}

impl File {
    fn write(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!(
                "`{}` cannot be written: {error}",
                self.path.display()
            ))
        };
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        if self.is_new {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&self.path)
                .map_err(failed)?;
            return std::io::Write::write_all(&mut file, self.text.as_bytes()).map_err(failed);
        }
        std::fs::write(&self.path, &self.text).map_err(failed)
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("`{}` cannot be read: {error}", path.display())))
}

/// A path relative to the package.
fn shown(path: &Path, package: &Package) -> String {
    path.strip_prefix(&package.root)
        .unwrap_or(path)
        .display()
        .to_string()
}
