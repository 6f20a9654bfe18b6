//! Only one crate in a build may link sqlite3. These stages prove that driftless leaves the choice to the app.

use crate::summary::Summary;
use crate::workshop::{Outcome, Workshop, run_tests};
use std::path::Path;

/// The apps, each a workspace of its own without a lock file: what cargo resolves for a newcomer is what is tested.
const APPS: [&str; 2] = ["sqlx-app", "diesel-app"];

/// The oldest rusqlite that `runtime/Cargo.toml` accepts. The other end of its range is whatever cargo resolves today.
const OLDEST_RUSQLITE: &str = "=0.32.1";

/// Builds and runs the apps of `tests/interop`.
pub fn apps(workshop: &Workshop, summary: &mut Summary) -> Outcome {
    for app in APPS {
        let manifest = format!("tests/interop/{app}/Cargo.toml");
        run_tests(
            workshop.cargo(&["test", "--manifest-path", &manifest]),
            summary,
        )?;
    }
    Ok(())
}

/// Runs the runtime's own tests against both ends of the accepted range, each in a package that is thrown away.
pub fn rusqlite_range(workshop: &Workshop, summary: &mut Summary) -> Outcome {
    for (name, version) in [("oldest", OLDEST_RUSQLITE), ("newest", "*")] {
        let folder = workshop.scratch(&format!("rusqlite-{name}"));
        let manifest = folder.join("Cargo.toml");
        let cannot =
            |error: std::io::Error| format!("{} cannot be written: {error}", manifest.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(cannot)?;
        }
        std::fs::create_dir_all(folder.join("src")).map_err(cannot)?;
        std::fs::write(folder.join("src/lib.rs"), "").map_err(cannot)?;
        std::fs::write(&manifest, package(&workshop.root, version)).map_err(cannot)?;
        let mut command = workshop.cargo(&["test", "--tests"]);
        command.current_dir(&folder);
        run_tests(command, summary)?;
    }
    Ok(())
}

/// A package that pins rusqlite and runs a test file of the runtime.
fn package(root: &Path, rusqlite: &str) -> String {
    let runtime = root.join("runtime");
    let test = runtime.join("tests/by_hand.rs");
    format!(
        r#"[package]
name = "rusqlite-range"
version = "0.0.0"
edition = "2024"

[workspace]

[features]
default = ["sqlite"]
sqlite = []

[dependencies]
driftless = {{ path = {runtime:?} }}
rusqlite = {{ version = "{rusqlite}", features = ["bundled"] }}
serde = {{ version = "1", features = ["derive"] }}
tempfile = "3"
tokio = {{ version = "1", features = ["rt-multi-thread", "macros"] }}

[[test]]
name = "by_hand"
path = {test:?}
"#
    )
}
