//! Runs the story for real and compares what it prints with `story.txt`, which is also the place to read it.
//! The README is held to the same program.

use std::fs::File;
use std::path::Path;
use std::process::Command;

#[test]
fn the_story_is_told_as_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output.txt");
    // Standard output and errors go to one file, so that their order is that of a terminal.
    let output = File::create(&path).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_todo"))
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .status()
        .unwrap();
    let told = std::fs::read_to_string(&path).unwrap();
    assert!(status.success(), "{told}");

    let told: String = told
        .lines()
        // A slow machine reports its progress now and then.
        .filter(|line| !line.contains(" rows/s"))
        .map(|line| without_chance(line) + "\n")
        .collect();
    let reviewed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/story.txt");
    if std::env::var_os("STORY_IS_MEANT").is_some() {
        std::fs::write(&reviewed, &told).unwrap();
    }
    let expected = std::fs::read_to_string(&reviewed).unwrap();
    assert!(
        told == expected,
        "the story changed; if that is meant, run this again with STORY_IS_MEANT=1\n\n{told}"
    );
}

/// The README's configuration is read by the command line, which refuses what it does not know.
#[test]
fn the_configuration_of_the_readme_works() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let examples: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 6);
    for example in examples {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("app.db")).unwrap();
        std::fs::write(folder.path().join("driftless.toml"), example).unwrap();
        let mut status = Command::new(env!("CARGO_BIN_EXE_todo"));
        status
            .args(["migrate", "status"])
            .current_dir(folder.path())
            .env_remove("DATABASE_URL");
        if !example.contains("[database]") {
            status.env("DATABASE_URL", "sqlite://app.db");
        }
        let output = status.output().unwrap();
        // Whether there is a server is not the configuration's business.
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        let is_elsewhere = example.contains("postgres://") && said.contains("postgres");
        assert!(
            (output.status.success() || is_elsewhere) && !said.contains("driftless.toml"),
            "{example}\n{output:?}"
        );
    }
}

/// A line without what differs from run to run: the temporary folder, durations and the time of day.
fn without_chance(line: &str) -> String {
    let line = match (line.find("sqlite://"), line.find("todo.db")) {
        (Some(start), Some(end)) => format!("{}sqlite://{}", &line[..start], &line[end..]),
        _ => line.to_owned(),
    };
    match line.rsplit_once(", ") {
        Some((rest, last)) if last.ends_with(" s") => format!("{rest}, N s"),
        Some((rest, last)) if last.starts_with("20") && last.contains(':') => {
            format!("{rest}, DATE")
        }
        _ => line,
    }
}
