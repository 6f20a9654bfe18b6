//! Rebuilds that notice: in a throwaway package, a migration is added, edited and removed, and the next `cargo run`
//! shows it. Both forms: `watch` with `migrations!`, and `generate` with `include_migrations!`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FORMS: [(&str, &str, &str); 2] = [
    ("watch", "watch", "migrations!(\"migrations\")"),
    ("generate", "generate", "include_migrations!()"),
];

struct Package {
    root: PathBuf,
    name: String,
}

impl Package {
    fn new(form: &str, build: &str, manifest: &str) -> Package {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let name = format!("rebuild-{form}");
        let package = Package {
            root: Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name),
            name,
        };
        let _ = std::fs::remove_dir_all(&package.root);
        let show = |path: &str| workspace.join(path).display().to_string();
        package.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
                 [dependencies]\ndriftless = {{ path = {:?}, default-features = false }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
                 [build-dependencies]\ndriftless-manifest = {{ path = {:?} }}\n",
                package.name,
                show("runtime"),
                show("manifest"),
            ),
        );
        std::fs::copy(
            workspace.join("Cargo.lock"),
            package.root.join("Cargo.lock"),
        )
        .unwrap();
        package.write(
            "build.rs",
            &format!("fn main() {{\n    driftless_manifest::{build}(\"migrations\");\n}}\n"),
        );
        package.write(
            "src/main.rs",
            &format!(
                "static MIGRATIONS: driftless::Manifest = driftless::{manifest};\nfn main() {{\n    \
                 MIGRATIONS.iter().for_each(|migration| println!(\"{{}} {{}}\", migration.id, migration.description));\n}}\n"
            ),
        );
        package
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn migration(&self, id: &str, description: &str) {
        let text = format!(
            "//! {description}\nuse driftless::prelude::*;\n#[derive(serde::Deserialize)]\nstruct Todo {{\n    id: i64,\n}}\n\
             #[migration(table = \"todos\")]\nfn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {{\n    Ok(patch!(todo {{ id: todo.id }}))\n}}\n"
        );
        self.write(&format!("migrations/{id}.rs"), &text);
    }

    fn cargo(&self, command: &str) -> Output {
        // Cargo tells versions of a file apart by their time, which some file systems keep in whole seconds.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        Command::new(env!("CARGO"))
            .args([command, "--quiet", "--offline"])
            .current_dir(&self.root)
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("rebuild-target"),
            )
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap()
    }

    /// What the program prints: its migrations, a line each.
    fn run(&self) -> String {
        let output = self.cargo("run");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn fails(&self) -> String {
        let output = self.cargo("build");
        assert!(!output.status.success(), "it builds");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn added_edited_and_removed_migrations_are_noticed() {
    for (form, build, manifest) in FORMS {
        let package = Package::new(form, build, manifest);
        package.migration("20260101_000000_first", "First.");
        assert_eq!(package.run(), "20260101_000000_first First.\n", "{form}");

        package.migration("20260102_000000_second", "Second.");
        assert_eq!(
            package.run(),
            "20260101_000000_first First.\n20260102_000000_second Second.\n",
            "{form}: added"
        );

        package.migration("20260101_000000_first", "Edited.");
        assert_eq!(
            package.run(),
            "20260101_000000_first Edited.\n20260102_000000_second Second.\n",
            "{form}: edited"
        );

        package.migration("sub/20260103_000000_third", "Third.");
        assert!(
            package.run().ends_with("20260103_000000_third Third.\n"),
            "{form}: added in a new sub-folder"
        );
        package.migration("sub/20260104_000000_fourth", "Fourth.");
        assert!(
            package.run().ends_with("20260104_000000_fourth Fourth.\n"),
            "{form}: added in a known sub-folder"
        );

        std::fs::remove_file(package.root.join("migrations/20260102_000000_second.rs")).unwrap();
        std::fs::remove_dir_all(package.root.join("migrations/sub")).unwrap();
        assert_eq!(
            package.run(),
            "20260101_000000_first Edited.\n",
            "{form}: removed"
        );

        package.write(
            "migrations.lock",
            "# driftless migrations lock, version 9\n",
        );
        package.migration("20260101_000000_first", "With a lock.");
        assert!(
            package
                .fails()
                .contains("migrations.lock:1:1: the lock file is of version 9"),
            "{form}: lock file"
        );
        package.write(
            "migrations.lock",
            "# driftless migrations lock, version 1\n",
        );
        assert_eq!(
            package.run(),
            "20260101_000000_first With a lock.\n",
            "{form}: lock file edited"
        );
        std::fs::remove_file(package.root.join("migrations.lock")).unwrap();
        assert_eq!(
            package.run(),
            "20260101_000000_first With a lock.\n",
            "{form}: lock file removed"
        );

        package.write("migrations/notes.txt", "");
        package.write("migrations/20260105_000000_empty.rs", "");
        let message = package.fails();
        assert!(
            message.contains("migrations/notes.txt:1:1: `notes.txt` is not a migration"),
            "{form}: {message}"
        );
        assert!(
            message.contains("migrations/20260105_000000_empty.rs:1:1: this migration has no `up`"),
            "{form}: {message}"
        );
    }
}

#[test]
fn nothing_is_rebuilt_when_nothing_changed() {
    let package = Package::new("idle", "watch", "migrations!(\"migrations\")");
    package.migration("20260101_000000_first", "First.");
    package.run();
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--verbose"])
        .current_dir(&package.root)
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("rebuild-target"),
        )
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("Fresh rebuild-idle"), "{message}");
}
