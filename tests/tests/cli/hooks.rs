//! Hooks given to the command line's builder run for the steps of that binary.

use crate::shop::Ended;
use driftless_tests::Database;
use serde_json::json;
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

#[test]
fn documents_set_aside_are_listed_tried_again_and_forgotten() {
    let db = Database::new(
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, signed_by TEXT);
         INSERT INTO docs (id, value) VALUES (1, 1), (2, 3), (3, 5);",
    );
    let run = |line: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_hooked"))
            .args(line.split_whitespace())
            .args(["--database-url", &db.url()])
            .env_remove("DATABASE_URL")
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(db.folder())
            .output()
            .expect("the binary runs");
        Ended::of(output)
    };
    let id = "20260101_000000_tenfold";
    assert_eq!(
        run("quarantine list --json").expect(0).json(),
        json!({"documents": []})
    );
    run("up").expect(0);
    let list = run("quarantine list").expect(0).out;
    for part in [
        "2 documents set aside on ",
        id,
        "docs [2]",
        "three is not allowed",
        "docs [3]",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let wrong = run("quarantine list --migration 20260101_000000_tenfol").expect(2);
    assert!(
        wrong
            .err
            .contains("did you mean `20260101_000000_tenfold`?"),
        "{}",
        wrong.err
    );
    let wrong = run(&format!("quarantine retry --migration {id} --key 9")).expect(2);
    assert!(
        wrong.err.contains("the keys are `[2]`, `[3]`"),
        "{}",
        wrong.err
    );
    let all = run("quarantine drop").expect(2);
    assert!(all.err.contains("--all"), "{}", all.err);

    db.run("UPDATE docs SET value = 4 WHERE id = 2");
    let retried = run("quarantine retry").expect(1);
    assert!(
        retried.out.contains("1 document done, 1 changed")
            && retried.err.contains("document [3] of docs failed again: "),
        "{}{}",
        retried.out,
        retried.err
    );
    assert_eq!(
        db.rows("SELECT value, signed_by FROM docs WHERE id = 2"),
        ["40|20260101_000000_tenfold"],
        "with the app's hooks"
    );
    let refused = run("quarantine drop --all --prod").expect(2);
    assert!(refused.err.contains("add --yes"), "{}", refused.err);
    assert_eq!(
        run(&format!("quarantine drop --migration {id} --key 3 --json"))
            .expect(0)
            .json(),
        json!({"dropped": 1})
    );
    let nothing = run("quarantine retry --json").expect(0).json();
    assert_eq!(nothing["status"], "noop");
}
