//! What history keeps of code and of those who ran it.

use driftless::Run;
use driftless_tests::{TestStore, accounts, fixtures, stop_after};

crate::exercise!(
    a_large_source_is_kept_compressed_and_read_as_it_was,
    a_run_says_who_executed_it_where_and_with_which_program,
);

async fn a_large_source_is_kept_compressed_and_read_as_it_was<S: TestStore>() {
    let db = S::new(&accounts::<S>(1_000));
    stop_after(&db, &fixtures::long_source, Run::up(), 300).await;
    db.up(&fixtures::long_source).await;
    let stored = db.rows("SELECT source, length(source_deflate) FROM migration_state");
    let source = fixtures::long_source.iter().next().expect("one").source;
    let bytes: usize = stored[0].trim_start_matches('|').parse().expect("a length");
    assert!(bytes * 4 < source.len(), "{bytes} of {}", source.len());
    let status = db.migrator(&fixtures::long_source).await.status().await;
    assert_eq!(status.expect("status").migrations[0].source(), source);
}

async fn a_run_says_who_executed_it_where_and_with_which_program<S: TestStore>() {
    let db = S::new(&accounts::<S>(10));
    db.up(&fixtures::times100).await;
    let runs = db.rows(
        "SELECT length(manifest_digest), started_by LIKE user_name || '@' || host || ', process %', program, coalesce(git_commit, '') FROM migration_run",
    );
    let version = env!("CARGO_PKG_VERSION");
    let folder = env!("CARGO_MANIFEST_DIR");
    let git = std::process::Command::new("git")
        .args(["-C", folder, "rev-parse", "--verify", "--quiet", "HEAD"])
        .output();
    let commit = git.map(|git| String::from_utf8_lossy(&git.stdout).trim().to_owned());
    let commit = commit.unwrap_or_default();
    assert_eq!(
        runs,
        [format!(
            "64|1|driftless-tests {version}, driftless {version}|{commit}"
        )]
    );
}
