//! House rules that no other tool checks. A rule says what is wrong, in which file, and what to do instead.

use std::path::{Path, PathBuf};

/// Longer than this, a file has two jobs.
const LONGEST: usize = 500;

/// Files that may be longer than [`LONGEST`], each for a reason. One that has become shorter by far has to leave the list.
const LONG: [&str; 5] = [
    "manifest/src/diagnostic.rs", // every message of the scan, in one place
    "runtime/src/document/serialize.rs", // one method per serde type
    "runtime/src/postgres/session.rs", // every call of the trait, and the pipeline that they share
    "runtime/src/postgres/types/round_trip_tests.rs", // one example per type
    "runtime/src/postgres/types/tests.rs", // one example per type
];

/// A listed file that is shorter than this needs no exception any more.
const SHORT: usize = 400;

/// Folders of Rust files that are test input, not code of ours.
const INPUT: [&str; 5] = [
    "manifest/tests/corpus/",
    "manifest/tests/expand/",
    "ui-tests/fail/",
    "ui-tests/pass/",
    "ui-tests/fixtures/",
];

/// Checks every rule and reports all that are broken.
pub fn check(root: &Path) -> Result<(), String> {
    let mut broken = Vec::new();
    for path in files(root)? {
        let name = name(root, &path);
        if INPUT.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let read = || {
            std::fs::read_to_string(&path)
                .map_err(|error| format!("{name} cannot be read: {error}"))
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => broken.extend(rust(&name, &read()?)),
            Some("md") => broken.extend(links(&name, &read()?, |link| {
                path.parent()
                    .is_some_and(|folder| folder.join(link).exists())
            })),
            _ if name.ends_with("/Cargo.toml") => broken.extend(package(&name, &read()?)),
            _ => (),
        }
    }
    let changelog = std::fs::read_to_string(root.join("CHANGELOG.md")).unwrap_or_default();
    broken.extend(changelog_of(&changelog, env!("CARGO_PKG_VERSION")));
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("\n  {}", broken.join("\n  ")))
}

/// What is wrong with a Rust file.
fn rust(name: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    if !text.starts_with("//!") {
        broken.push(format!(
            "{name}: the first line is not `//!`; say what the file is for"
        ));
    }
    // Spelled in two halves, so that this file passes.
    for word in ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!(")) {
        if let Some(line) = text.lines().position(|line| calls(line, &word)) {
            broken.push(format!("{name}:{}: `{word}` is left over", line + 1));
        }
    }
    let lines = text.lines().count();
    match LONG.contains(&name) {
        false if lines > LONGEST => broken.push(format!(
            "{name}: {lines} lines, and {LONGEST} is the limit; split it, or list it in xtask/src/tidy.rs with the reason"
        )),
        true if lines < SHORT => broken.push(format!(
            "{name}: {lines} lines; take it off the list of long files in xtask/src/tidy.rs"
        )),
        _ => (),
    }
    broken
}

/// Whether a line calls a macro; a mention in a comment or in quotes is none.
fn calls(line: &str, word: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.find(word).is_some_and(|at| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '`' || c == '"')
    })
}

/// What is wrong with a package of the workspace.
fn package(name: &str, text: &str) -> Vec<String> {
    if text.contains("\n[workspace]") {
        return Vec::new();
    }
    [
        "description = ",
        "rust-version.workspace = true",
        "license.workspace = true",
        "[lints]\nworkspace = true",
    ]
    .into_iter()
    .filter(|needed| !text.contains(needed))
    .map(|needed| format!("{name}: `{}` is missing", needed.replace('\n', " ")))
    .collect()
}

/// Links of a Markdown file that lead to no file.
fn links(name: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|link| link.split('#').next().unwrap_or_default())
        .filter(|link| !link.is_empty() && !link.contains("://") && !exists(link))
        .map(|link| format!("{name}: there is no `{link}`"))
        .collect()
}

/// The changelog has a place for what is coming, or for the version of the workspace.
fn changelog_of(text: &str, version: &str) -> Option<String> {
    let has = |title: &str| {
        text.lines()
            .any(|line| line.starts_with(&format!("## [{title}]")))
    };
    (!has("Unreleased") && !has(version)).then(|| {
        format!(
            "CHANGELOG.md: there is neither an `## [Unreleased]` nor an `## [{version}]` section"
        )
    })
}

/// Every file of a folder, except what is built or hidden.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        match entry.file_type().map_err(cannot)?.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}

/// A path relative to the workspace, with `/` between its parts.
fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rust_file_says_what_it_is_for_and_leaves_nothing_unfinished() {
        assert_eq!(rust("a.rs", "//! A.\nfn a() {}\n"), Vec::<String>::new());
        assert_eq!(rust("a.rs", "fn a() {}\n").len(), 1);
        let unfinished = format!("//! A.\nfn a() {{\n    {}!()\n}}\n", "todo");
        assert_eq!(rust("a.rs", &unfinished), ["a.rs:3: `todo!(` is left over"]);
        let mentions = format!("//! A.\n// {0}!(\nlet a = \"{0}!(\"; not_{0}!();\n", "todo");
        assert_eq!(rust("a.rs", &mentions), Vec::<String>::new());
    }

    #[test]
    fn a_long_file_is_listed_and_a_listed_file_is_long() {
        let long = format!("//! A.\n{}", "\n".repeat(LONGEST));
        assert_eq!(rust("a.rs", &long).len(), 1);
        assert_eq!(rust(LONG[0], &long), Vec::<String>::new());
        assert_eq!(rust(LONG[0], "//! A.\n").len(), 1);
    }

    #[test]
    fn links_lead_somewhere() {
        let text = "[a](a.md#there) [b](b.md) [c](https://c) [d](#d)";
        let broken = links("x.md", text, |link| link == "a.md");
        assert_eq!(broken, ["x.md: there is no `b.md`"]);
    }

    #[test]
    fn the_changelog_knows_the_version_or_what_is_coming() {
        assert!(changelog_of("# Changelog\n", "0.1.0").is_some());
        assert!(changelog_of("## [0.1.0] - 2026-11-22\n", "0.1.0").is_none());
        assert!(changelog_of("## [Unreleased]\n", "0.1.0").is_none());
    }

    #[test]
    fn a_package_inherits_what_the_workspace_says() {
        let whole = "[package]\ndescription = \"\"\nrust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(package("a/Cargo.toml", whole), Vec::<String>::new());
        assert_eq!(package("a/Cargo.toml", "[package]\n").len(), 4);
        assert_eq!(
            package("a/Cargo.toml", "[package]\n\n[workspace]\n").len(),
            0
        );
    }
}
