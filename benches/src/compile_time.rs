//! What `migrations!` costs: `cargo check` of 1,000 migrations through the macro, beside the same modules declared by hand.
//!
//! `cargo run --release -p driftless-benches --bin compile_time -- [--migrations N] [--rounds N]`
//! Both are binaries of one throwaway package that share every dependency; only the binary itself is checked anew, from
//! nothing, alternating.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const TARGET: f64 = 1.15;

fn main() -> Outcome<()> {
    let migrations = argument("--migrations")?.unwrap_or(1000);
    let rounds = argument("--rounds")?.unwrap_or(5);
    let folder = tempfile::tempdir()?;
    write_package(folder.path(), migrations)?;
    check(folder.path(), "by_hand")?;
    check(folder.path(), "by_macro")?;
    let (mut ratios, mut by_macro, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let hand = check_anew(folder.path(), "by_hand")?;
        let ours = check_anew(folder.path(), "by_macro")?;
        ratios.push(ours.as_secs_f64() / hand.as_secs_f64());
        by_hand.push(hand.as_secs_f64());
        by_macro.push(ours.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "cargo check of {migrations} migrations: {:.2} s through migrations!, {:.2} s declared by hand: {:.2} times ({:.2} to {:.2}; target {TARGET})",
        median(&mut by_macro),
        median(&mut by_hand),
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1],
    );
    Ok(())
}

fn write_package(root: &Path, migrations: u32) -> Outcome<()> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let manifest = format!(
        "[package]\nname = \"thousand\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         driftless = {{ path = {:?}, default-features = false }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n[workspace]\n",
        workspace.join("runtime")
    );
    std::fs::write(root.join("Cargo.toml"), manifest)?;
    std::fs::copy(workspace.join("Cargo.lock"), root.join("Cargo.lock"))?;
    std::fs::create_dir_all(root.join("src/bin"))?;
    std::fs::create_dir_all(root.join("migrations"))?;
    let mut modules = String::from("//! Declared by hand.\n#![allow(dead_code)]\n");
    for number in 0..migrations {
        let id = id(number);
        let path = root.join(format!("migrations/{id}.rs"));
        std::fs::write(&path, migration(number))?;
        modules.push_str(&format!("#[path = {path:?}]\nmod m{id};\n"));
    }
    modules.push_str("fn main() {}\n");
    std::fs::write(root.join("src/bin/by_hand.rs"), modules)?;
    let by_macro = "//! Through the macro.\nstatic MIGRATIONS: driftless::Manifest = driftless::migrations!(\"migrations\");\n\
                    fn main() { assert!(!MIGRATIONS.is_empty()); }\n";
    std::fs::write(root.join("src/bin/by_macro.rs"), by_macro)?;
    Ok(())
}

fn id(number: u32) -> String {
    format!(
        "20260101_{:02}{:02}{:02}_change_{number}",
        number / 3600,
        number / 60 % 60,
        number % 60
    )
}

/// A migration of usual length, each a little different.
fn migration(number: u32) -> String {
    format!(
        "//! Backfill the priority, variant {number}.\nuse driftless::prelude::*;\n\n\
         #[derive(serde::Deserialize)]\nstruct Todo {{\n    priority: Option<String>,\n    title: String,\n    effort: Option<i64>,\n}}\n\n\
         #[migration(table = \"todos\")]\nfn up(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {{\n    match todo.priority {{\n        None if todo.title.len() > {number} => Ok(patch!(todo {{ priority: \"high\", effort: {number} }})),\n        None => Ok(patch!(todo {{ priority: \"medium\" }})),\n        Some(_) => Ok(Patch::none()),\n    }}\n}}\n\n\
         #[migration(table = \"todos\")]\nfn down(_ctx: &mut Ctx, todo: Todo) -> Result<Patch> {{\n    Ok(match todo.effort {{\n        Some({number}) => patch!(todo {{ priority: None::<String> }}),\n        _ => Patch::none(),\n    }})\n}}\n"
    )
}

fn check_anew(root: &Path, binary: &str) -> Outcome<Duration> {
    let fingerprints = root.join("target/debug/.fingerprint");
    for entry in std::fs::read_dir(fingerprints)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("thousand-") {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    let started = Instant::now();
    check(root, binary)?;
    Ok(started.elapsed())
}

fn check(root: &Path, binary: &str) -> Outcome<()> {
    let status = Command::new(env!("CARGO"))
        .args([
            "check",
            "--quiet",
            "--bin",
            binary,
            "--target-dir",
            "target",
        ])
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(root)
        .stdin(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo check of {binary} failed").into())
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn argument(name: &str) -> Outcome<Option<u32>> {
    let value = std::env::args().skip_while(|word| word != name).nth(1);
    Ok(value.map(|value| value.parse()).transpose()?)
}
