//! `deploy`: the command, the run, and what strict and relaxed make of how they end.

use crate::shop::{ITEMS, Shop};
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
        refused
            .err
            .contains("is protected, and there is no terminal to ask on; give --yes"),
        "{}",
        refused.err
    );
    assert!(!shop.file("pushed").exists());
    shop.bare("deploy --prod --yes").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
    assert!(shop.file("pushed").exists());
}
