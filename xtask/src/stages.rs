//! What `cargo xtask test` does, cheapest first.

use crate::summary::Summary;
use crate::workshop::{Outcome, Workshop, output, run, run_tests};
use crate::{interop, servers, tidy};

/// One thing to check.
pub struct Stage {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it checks.
    pub about: &'static str,
    /// Does it.
    pub run: fn(&Workshop, &mut Summary) -> Outcome,
}

/// Every stage, in order.
pub const STAGES: &[Stage] = &[
    Stage {
        name: "tidy",
        about: "house rules, as code",
        run: |workshop, _| tidy::check(&workshop.root),
    },
    Stage {
        name: "format",
        about: "rustfmt has nothing to change",
        run: |workshop, _| run(workshop.cargo(&["fmt", "--all", "--check"])),
    },
    Stage {
        name: "tree",
        about: "driftless-manifest reaches neither tokio nor a driver",
        run: |workshop, _| manifest_is_light(workshop),
    },
    Stage {
        name: "clippy",
        about: "no warning, with every feature, with the default ones and with none",
        run: |workshop, _| clippy(workshop),
    },
    Stage {
        name: "docs",
        about: "the documentation builds without a warning",
        run: |workshop, _| docs(workshop),
    },
    Stage {
        name: "servers",
        about: "PostgreSQL and PgBouncer are here, or are installed where that is allowed",
        run: |_, _| servers::install(),
    },
    Stage {
        name: "test",
        about: "every test of the workspace, its examples and its documentation",
        run: test,
    },
    Stage {
        name: "test-bare",
        about: "the runtime's tests without any feature",
        run: |workshop, summary| {
            let arguments = ["test", "-p", "driftless", "--no-default-features"];
            run_tests(workshop.cargo(&arguments), summary)
        },
    },
    Stage {
        name: "interop",
        about: "apps that use sqlx and diesel on SQLite build and run with driftless beside them",
        run: interop::apps,
    },
    Stage {
        name: "rusqlite-range",
        about: "the runtime works with the oldest and the newest rusqlite it accepts",
        run: interop::rusqlite_range,
    },
];

/// The invariant `manifest-is-light`.
fn manifest_is_light(workshop: &Workshop) -> Outcome {
    let tree = output(workshop.cargo(&[
        "tree",
        "--package=driftless-manifest",
        "--all-features",
        "--edges=normal,build",
        "--target=all",
        "--prefix=none",
        "--format={p}",
    ]))?;
    match heavy(&tree) {
        Some(package) => Err(format!(
            "driftless-manifest depends on {package}; every build script and macro would wait for it"
        )),
        None => Ok(()),
    }
}

/// The first package of a `cargo tree` that is a runtime or a database driver.
fn heavy(tree: &str) -> Option<&str> {
    const HEAVY: [&str; 10] = [
        "tokio",
        "async-",
        "rusqlite",
        "libsqlite3-sys",
        "postgres",
        "mysql",
        "sqlx",
        "diesel",
        "driftless v",
        "rustls",
    ];
    tree.lines().find(|package| {
        HEAVY
            .iter()
            .any(|heavy| package.starts_with(heavy) || package.contains(&format!("-{heavy}")))
    })
}

/// Clippy also holds the oldest supported Rust (`rust-version`): its `incompatible_msrv` lint knows since when every
/// function of the standard library exists. Only one toolchain is needed here; building with 1.89 itself would need a second.
fn clippy(workshop: &Workshop) -> Outcome {
    for which in [
        &["--workspace", "--all-features"][..],
        &["--package=driftless"],
        &["--package=driftless", "--no-default-features"],
    ] {
        let mut arguments = vec!["clippy", "--all-targets"];
        arguments.extend(which);
        arguments.extend(["--", "-D", "warnings"]);
        run(workshop.cargo(&arguments))?;
    }
    Ok(())
}

fn docs(workshop: &Workshop) -> Outcome {
    let mut command = workshop.cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run(command)
}

fn test(workshop: &Workshop, summary: &mut Summary) -> Outcome {
    let arguments = ["test", "--workspace", "--all-features", "--no-fail-fast"];
    let mut command = workshop.cargo(&arguments);
    command.arg("--").args(servers::left_out(summary));
    run_tests(command, summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_anywhere_in_the_tree_is_found() {
        let light = "driftless-manifest v0.1.0 (/x)\nserde v1.0.0\nsyn v3.0.10";
        assert_eq!(heavy(light), None);
        for package in ["tokio v1.0.0", "tokio-postgres v0.7.0", "rusqlite v0.41.1"] {
            assert_eq!(heavy(&format!("{light}\n{package}")), Some(package));
        }
    }
}
