//! The servers that tests need and the Rust toolchain does not bring: installed when that is allowed, else said to be missing.

use crate::summary::Summary;
use crate::workshop::{Outcome, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs, the Debian package that has them, and the part of a test's name that says it needs them.
const NEEDED: [(&str, &str, &str); 2] = [
    ("initdb", "postgresql", "own_server::"),
    ("pgbouncer", "pgbouncer", "with_pgbouncer::"),
];

/// The part of a test's name that says it needs a server, be it one that a URL names.
const ANY_SERVER: &str = "on_postgres";

/// Installs what is missing, where that is possible without asking anybody.
pub fn install() -> Outcome {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, ..)| !is_there(program))
        .map(|(_, package, _)| *package)
        .collect();
    if missing.is_empty() {
        println!("PostgreSQL and PgBouncer are installed");
        return Ok(());
    }
    if !may_install() {
        println!(
            "missing: {}; install with: sudo apt-get install {0}",
            missing.join(" ")
        );
        println!("tests that need them will not run, and the summary counts them");
        return Ok(());
    }
    println!("installing {}", missing.join(" "));
    let mut update = Command::new("apt-get");
    run(update.args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--quiet", "--yes", "--no-install-recommends"]);
    run(install
        .args(missing)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// What to leave out of a test run, as arguments of the test programs; the summary is told why.
pub fn left_out(summary: &mut Summary) -> Vec<String> {
    let given = std::env::var_os("DRIFTLESS_TEST_POSTGRES_URL").is_some();
    let (names, reasons) = choose(given, is_there);
    for reason in reasons {
        summary.not_run_because(reason);
    }
    names
        .into_iter()
        .flat_map(|name| ["--skip".to_owned(), name.to_owned()])
        .collect()
}

/// Names to leave out, and why.
fn choose(
    url_given: bool,
    is_there: impl Fn(&str) -> bool,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let [(server, _, own), (bouncer, _, between)] = NEEDED;
    match (is_there(server), is_there(bouncer)) {
        (false, _) if !url_given => (
            vec![ANY_SERVER],
            vec!["there is no PostgreSQL: apt-get install postgresql pgbouncer"],
        ),
        // PgBouncer's tests start a server for it.
        (false, _) => (
            vec![own, between],
            vec![
                "a server is given by URL, which cannot be killed: apt-get install postgresql pgbouncer",
            ],
        ),
        (true, false) => (
            vec![between],
            vec!["there is no PgBouncer: apt-get install pgbouncer"],
        ),
        (true, true) => (vec![], vec![]),
    }
}

/// Whether a program is where Debian puts it or in the PATH.
fn is_there(program: &str) -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let debian = versions.into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .map(|entry| entry.path().join("bin"))
        .chain(std::env::split_paths(&path))
        .chain([PathBuf::from("/usr/sbin")])
        .any(|folder| folder.join(program).is_file())
}

/// Root on a Debian may; anybody else would have to be asked for a password.
fn may_install() -> bool {
    let root = Command::new("id").arg("-u").output();
    let root = root.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    root && Path::new("/usr/bin/apt-get").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_run_is_left_out_by_name_and_for_a_reason() {
        let choose = |url, there: &'static [&str]| choose(url, |program| there.contains(&program));
        assert_eq!(choose(false, &["initdb", "pgbouncer"]), (vec![], vec![]));
        assert_eq!(choose(true, &["initdb"]).0, ["with_pgbouncer::"]);
        assert_eq!(
            choose(true, &["pgbouncer"]).0,
            ["own_server::", "with_pgbouncer::"]
        );
        let (names, reasons) = choose(false, &["pgbouncer"]);
        assert_eq!(names, ["on_postgres"]);
        assert_eq!(reasons.len(), 1);
    }
}
