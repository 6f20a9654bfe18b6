//! Hooks given to the command line's builder run for the steps of that binary.

use driftless_tests::Database;
use std::process::Command;

#[test]
fn hooks_of_the_command_line_amend_what_a_normal_step_writes() {
    let db = Database::new(
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, signed_by TEXT);
         INSERT INTO docs (id, value) VALUES (1, 1), (2, 2);",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_hooked"))
        .args(["up", "--database-url", &db.url()])
        .env_remove("DATABASE_URL")
        .current_dir(db.folder())
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        db.rows("SELECT value, signed_by FROM docs"),
        ["10|20260101_000000_tenfold", "20|20260101_000000_tenfold"]
    );
}
