//! Which commit a build is made from, so that history can say it.
//!
//! A release build records it, and is made again when another commit is checked out: what is deployed is to be found again. A
//! debug build is not, since every commit would rebuild the program; it asks git when it runs, where it was built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that tells a build which commit it is made from, for builds that cannot ask git.
pub(crate) const COMMIT: &str = "DRIFTLESS_COMMIT";

/// The commit that is checked out in a folder; `None` where there is no git or no commit.
fn commit(folder: &Path) -> Option<String> {
    ask(folder, &["rev-parse", "--verify", "--quiet", "HEAD"])
}

/// What a build script prints about it. `given` is what the environment says.
pub(crate) fn lines(folder: &Path, is_release: bool, given: Option<String>) -> Vec<String> {
    let mut lines = vec![format!("cargo::rerun-if-env-changed={COMMIT}")];
    let given = given.filter(|commit| !commit.trim().is_empty());
    let found = match given {
        None if is_release => {
            lines.extend(moves(folder));
            commit(folder)
        }
        given => given,
    };
    lines.extend(found.map(|commit| format!("cargo::rustc-env={COMMIT}={}", commit.trim())));
    lines
}

/// The file that git writes whenever another commit is checked out.
fn moves(folder: &Path) -> Option<String> {
    let path = ask(folder, &["rev-parse", "--git-path", "logs/HEAD"])?;
    let path: PathBuf = folder.join(path);
    path.is_file()
        .then(|| format!("cargo::rerun-if-changed={}", path.display()))
}

fn ask(folder: &Path, arguments: &[&str]) -> Option<String> {
    let asked = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output();
    let output = asked.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_build_says_its_commit_and_is_made_again_with_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
            let mut command = Command::new("git");
            command
                .arg("-C")
                .arg(folder.path())
                .args(who)
                .args(arguments);
            assert!(
                command.output().expect("git").status.success(),
                "{arguments:?}"
            );
        };
        git(&["init", "-q"]);
        let said = |release, given: Option<&str>| {
            lines(folder.path(), release, given.map(str::to_owned)).split_off(1)
        };
        assert_eq!(said(true, None), [""; 0], "no commit yet");
        git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        let first = commit(folder.path()).expect("a commit");
        let release = said(true, None);
        assert!(release[0].starts_with("cargo::rerun-if-changed=") && release[0].ends_with("HEAD"));
        assert_eq!(
            release[1],
            format!("cargo::rustc-env=DRIFTLESS_COMMIT={first}")
        );
        assert_eq!(
            said(false, None),
            [""; 0],
            "a debug build is not made again"
        );
        assert_eq!(
            said(false, Some("abc\n")),
            ["cargo::rustc-env=DRIFTLESS_COMMIT=abc"]
        );
        assert_eq!(
            said(true, Some("abc")),
            ["cargo::rustc-env=DRIFTLESS_COMMIT=abc"]
        );
        git(&["commit", "-q", "--allow-empty", "-m", "second"]);
        assert_ne!(commit(folder.path()), Some(first));
    }
}
