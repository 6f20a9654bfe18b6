//! `deploy`: the command, the run, and what strict and relaxed make of how they end.

use crate::shop::{Ended, ITEMS, Shop};
use serde_json::{Value, json};

const FIRST: &str = "20260101_000000_prices_in_cents";

fn config(shop: &Shop, text: &str) {
    std::fs::write(shop.file("driftless.toml"), text).unwrap();
}

/// The status of every step.
fn steps(object: &Value) -> Vec<(String, String)> {
    let steps = object["steps"].as_array().expect("steps");
    let word = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    steps
        .iter()
        .map(|step| (word(step, "step"), word(step, "status")))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(step, status): &(&str, &str)| (step.to_string(), status.to_string());
    expected.iter().map(pair).collect()
}

#[test]
fn the_command_runs_first_and_then_what_is_pending() {
    let shop = Shop::new();
    config(
        &shop,
        "[deploy]\ncommand = \"echo pushing; echo to-stderr >&2; touch pushed\"\n",
    );
    let deployed = shop.run("deploy").expect(0);
    assert!(deployed.out.starts_with("pushing\n"), "{}", deployed.out);
    assert!(deployed.err.contains("to-stderr"), "{}", deployed.err);
    assert!(
        deployed
            .out
            .contains("applied 2 migrations on sqlite://shop.db"),
        "{}",
        deployed.out
    );
    assert!(
        shop.file("pushed").exists(),
        "it runs beside driftless.toml"
    );
    assert_eq!(shop.items_with_factor(100), ITEMS);

    let again = shop.run("deploy --json").expect(0);
    let end = again.json();
    assert_eq!(end["status"], "noop");
    assert_eq!(
        steps(&end),
        pairs(&[
            ("command", "completed"),
            ("migrations", "skipped"),
            ("aggregates", "skipped")
        ])
    );
    assert!(
        again.err.contains("pushing"),
        "with --json the command's output is not among the objects: {}",
        again.err
    );
}

#[test]
fn a_command_that_fails_stops_the_deploy() {
    let shop = Shop::new();
    for (command, says) in [
        (
            "exit 7",
            "the command `exit 7` exited with 7; nothing was migrated",
        ),
        (
            "no-such-program",
            "exited with 127: the shell found no such program",
        ),
        ("kill -KILL $$", "was killed by signal SIGKILL"),
    ] {
        config(&shop, &format!("[deploy]\ncommand = \"{command}\"\n"));
        let failed = shop.run("deploy").expect(1);
        assert!(failed.err.contains(says), "{}", failed.err);
        let end = shop.run("deploy --json").expect(1).json();
        assert_eq!(
            (&end["status"], steps(&end)),
            (&json!("failed"), pairs(&[("command", "failed")]))
        );
        assert_eq!(shop.items_with_factor(1), ITEMS, "nothing was migrated");
    }
    shop.run("deploy --no-command").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
}

#[test]
fn strict_fails_on_drift_before_anything_is_pushed_and_relaxed_warns() {
    let shop = Shop::new();
    shop.run("up").expect(0);
    config(&shop, "[deploy]\ncommand = \"touch pushed\"\n");
    let strict = shop.run_edited("deploy --json").expect(3);
    assert_eq!(strict.json()["status"], "drift_blocked");
    assert!(
        !shop.file("pushed").exists(),
        "a deploy that is bound to fail pushes nothing"
    );

    let relaxed = shop
        .run_edited("deploy --json --no-migrations-strict")
        .expect(0);
    let end = relaxed.json();
    assert_eq!(end["status"], "drift_blocked", "the object says how it is");
    assert!(
        end["warnings"][0].as_str().unwrap().contains(FIRST),
        "{end}"
    );
    assert!(relaxed.err.contains("warning: "), "{}", relaxed.err);
    assert!(shop.file("pushed").exists());

    let allowed = shop
        .run_edited("deploy --json --migrations-allow-drift")
        .expect(0);
    assert_eq!(allowed.json()["status"], "noop");
}

#[test]
fn documents_set_aside_fail_a_strict_deploy() {
    let deploy = |flags: &str| {
        let db = driftless_tests::Database::new(
            "CREATE TABLE docs (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, signed_by TEXT);
             INSERT INTO docs (id, value) VALUES (1, 1), (2, 2), (3, 3);",
        );
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_hooked"))
            .args(["deploy", "--json", "--database-url", &db.url()])
            .args(flags.split_whitespace())
            .env_remove("DATABASE_URL")
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(db.folder())
            .output()
            .expect("the binary runs");
        assert_eq!(
            db.rows("SELECT signed_by FROM docs WHERE id = 1"),
            ["20260101_000000_tenfold"],
            "the app's hooks are called"
        );
        Ended::of(output)
    };
    let strict = deploy("").expect(1).json();
    assert_eq!(strict["migrations"][0]["quarantined"], 1, "{strict}");
    let error = strict["error"].as_str().unwrap();
    assert!(error.contains("1 document set aside"), "{error}");
    let relaxed = deploy("--no-migrations-strict").expect(0).json();
    assert!(
        relaxed["warnings"][0]
            .as_str()
            .unwrap()
            .contains("1 document set aside"),
        "{relaxed}"
    );
}

#[test]
fn a_migration_that_fails_fails_a_strict_deploy() {
    let shop = Shop::new();
    let spoil = "DROP TABLE items; CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT)";
    shop.database().execute_batch(spoil).unwrap();
    let strict = shop.run("deploy --json").expect(1);
    assert_eq!(strict.json()["status"], "failed");
    assert!(strict.err.contains("price"), "{}", strict.err);
    let relaxed = shop.run("deploy --json --no-migrations-strict").expect(0);
    assert_eq!(
        relaxed.json()["status"],
        "failed",
        "the object says how it is"
    );
    assert!(relaxed.err.contains("warning: "), "{}", relaxed.err);
}

#[test]
fn each_step_can_be_switched_off() {
    let shop = Shop::new();
    config(
        &shop,
        "[deploy]\ncommand = \"touch pushed\"\n[deploy.migrations]\nenabled = \"off\"\n",
    );
    let off = shop.run("deploy --aggregates off").expect(0);
    assert!(
        off.out
            .contains("migrations skipped (off (driftless.toml:4))"),
        "{}",
        off.out
    );
    assert!(shop.file("pushed").exists());
    assert_eq!(shop.items_with_factor(1), ITEMS);
    shop.run("deploy --no-command --migrations on").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
    let on = shop
        .run("deploy --no-command --migrations on --json")
        .expect(0)
        .json();
    assert_eq!(
        (&on["status"], &on["steps"][1]["status"]),
        (&json!("noop"), &json!("completed"))
    );
}

#[test]
fn leaving_it_to_a_worker_enqueues_and_returns() {
    let shop = Shop::new();
    let end = shop
        .run("deploy --json --no-migrations-wait")
        .expect(0)
        .json();
    assert_eq!(end["status"], "pending");
    assert_eq!(
        steps(&end),
        pairs(&[
            ("command", "skipped"),
            ("migrations", "enqueued"),
            ("aggregates", "skipped")
        ])
    );
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing is done yet");
    shop.run("work --until-idle").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
}

#[test]
fn a_protected_environment_is_not_deployed_to_unasked() {
    let shop = Shop::new();
    config(
        &shop,
        "[env.prod]\nurl = \"sqlite://shop.db\"\n[deploy]\ncommand = \"touch pushed\"\n",
    );
    let refused = shop.bare("deploy --prod").expect(2);
    assert!(
        refused.err.contains(
            "is protected, and there is no terminal to ask on; give --yes if this is meant"
        ),
        "{}",
        refused.err
    );
    assert!(!shop.file("pushed").exists());
    shop.bare("deploy --prod --yes").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
    assert!(shop.file("pushed").exists());
}
