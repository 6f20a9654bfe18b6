//! A throwaway project, and `cargo migrate` in it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A cargo project in a folder of its own.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder with these files and with this workspace's Cargo.lock, so that nothing is resolved or fetched anew.
    pub fn with(files: &[(&str, &str)]) -> Project {
        let project = Project {
            folder: tempfile::tempdir().unwrap(),
        };
        for (file, text) in files {
            project.write(file, text);
        }
        std::fs::copy(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"),
            project.path("Cargo.lock"),
        )
        .unwrap();
        project
    }

    /// What `cargo init` makes.
    pub fn new() -> Project {
        Project::with(&[
            ("Cargo.toml", &package("shop")),
            (
                "src/main.rs",
                "fn main() {\n    println!(\"the shop is open\");\n}\n",
            ),
        ])
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The files of the migrations folder, in order.
    pub fn migrations(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.path("migrations")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = folder
            .map(|entry| format!("migrations/{}", entry.unwrap().file_name().display()))
            .collect();
        names.sort();
        names
    }

    /// A program in the project, with nothing of the cargo that runs this test.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let ours = |name: &str| {
            name.starts_with("CARGO_PKG")
                || name.starts_with("CARGO_BIN")
                || name.starts_with("CARGO_MANIFEST")
        };
        for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        for name in ["DATABASE_URL", "CARGO", "NO_COLOR", "RUSTFLAGS"] {
            command.env_remove(name);
        }
        command
            .current_dir(self.folder.path())
            .env("CARGO_TARGET_DIR", target_folder())
            .stdin(Stdio::null());
        command
    }

    /// `cargo migrate …`, started as cargo starts it.
    pub fn migrate_command(&self, line: &str) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_cargo-migrate"));
        command.arg("migrate").args(line.split_whitespace());
        command
    }

    /// `cargo migrate …` to its end.
    pub fn migrate(&self, line: &str) -> Ended {
        self.end(self.migrate_command(line))
    }

    /// The project's own `migrate`, copied to where no other project's build replaces it.
    pub fn binary(&self) -> PathBuf {
        let _turn = Turn::take();
        let mut build = self.command("cargo");
        build.args(["build", "--quiet", "--bin", "migrate"]);
        Ended::of(build.output().unwrap()).expect(0);
        let copy = self.path("migrate-as-built");
        std::fs::copy(target_folder().join("debug/migrate"), &copy).unwrap();
        copy
    }

    /// Any command to its end.
    pub fn end(&self, mut command: Command) -> Ended {
        let _turn = Turn::take();
        Ended::of(command.output().unwrap())
    }
}

/// The smallest `Cargo.toml`.
pub fn package(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n"
    )
}

/// All projects build here, so that driftless is compiled once.
pub fn target_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects")
}

/// Every project's program has the same name, so one project at a time builds and runs it, also among processes.
pub struct Turn(#[expect(dead_code, reason = "held, not read")] File);

impl Turn {
    pub fn take() -> Turn {
        let file = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("turn")).unwrap();
        file.lock().unwrap();
        Turn(file)
    }
}

/// How a process ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Of a command that has ended.
    pub fn of(output: Output) -> Ended {
        Ended {
            code: output.status.code().expect("it was not killed"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The exit code, after a look at it in words.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    /// The last line of standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.out.lines().last().expect("there is a line")).unwrap()
    }
}
