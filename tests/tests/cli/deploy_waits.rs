//! `deploy` in time: its command that hangs, its run that takes too long, and other runs that are in the way.

use crate::shop::{Held, ITEMS, Shop};
use serde_json::json;

const FIRST: &str = "20260101_000000_prices_in_cents";

fn config(shop: &Shop, text: &str) {
    std::fs::write(shop.file("driftless.toml"), text).unwrap();
}

/// The process whose id a command has written to a file, once it has.
#[cfg(unix)]
fn process_of(shop: &Shop, file: &str) -> nix::unistd::Pid {
    let id = std::fs::read_to_string(shop.file(file)).unwrap();
    nix::unistd::Pid::from_raw(id.trim().parse().unwrap())
}

/// Whether a process goes on.
#[cfg(unix)]
fn lives(process: nix::unistd::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // One that has ended and that nobody has asked about yet does nothing any more.
    nix::sys::signal::kill(process, None).is_ok() && !stat.contains(") Z ")
}

/// Waits until a process that was killed is gone.
#[cfg(unix)]
fn is_gone(process: nix::unistd::Pid) -> bool {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while lives(process) && std::time::Instant::now() < patience {
        std::thread::yield_now();
    }
    !lives(process)
}

/// A command that leaves its work to a child of its own, which says where it is and hangs.
#[cfg(unix)]
const HANGS: &str =
    "[deploy]\ncommand = \"sh -c 'echo $$ > child; echo hanging >&2; exec sleep 1000'; true\"\n";

#[cfg(unix)]
#[test]
fn a_request_to_stop_reaches_all_of_a_hanging_command() {
    let shop = Shop::new();
    config(&shop, HANGS);
    let mut deploy = Held::start_free(&shop, "deploy --json");
    deploy.wait_for("\nhanging\n");
    let child = process_of(&shop, "child");
    assert!(lives(child));
    deploy.terminate();
    let ended = deploy.wait().expect(4);
    assert_eq!(ended.json()["status"], "canceled");
    assert!(
        ended
            .err
            .contains("stopping the command (Ctrl-C again kills it)"),
        "{}",
        ended.err
    );
    assert!(is_gone(child), "no orphan is left");
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing was migrated");
}

#[cfg(unix)]
#[test]
fn a_second_request_kills_a_command_that_does_not_listen() {
    let shop = Shop::new();
    config(
        &shop,
        "[deploy]\ncommand = \"trap '' INT TERM; echo $$ > child; echo hanging >&2; while :; do sleep 1000; done\"\n",
    );
    let mut deploy = Held::start_free(&shop, "deploy --json");
    deploy.wait_for("\nhanging\n");
    let child = process_of(&shop, "child");
    deploy.terminate();
    deploy.wait_for("stopping the command");
    assert!(lives(child), "it does not listen");
    deploy.terminate();
    let ended = deploy.wait().expect(4);
    assert_eq!(ended.json()["status"], "canceled");
    assert!(is_gone(child), "no orphan is left");
}

#[cfg(unix)]
#[test]
fn a_command_that_takes_too_long_is_stopped_and_exits_5() {
    let shop = Shop::new();
    config(&shop, HANGS);
    let ended = shop.run("deploy --json --command-timeout-ms 500").expect(5);
    assert!(
        ended.err.contains(
            "took longer than command_timeout_ms = 500 and was stopped; nothing was migrated"
        ),
        "{}",
        ended.err
    );
    assert_eq!(ended.json()["steps"][0]["status"], "timed_out");
    assert!(is_gone(process_of(&shop, "child")), "no orphan is left");
}

#[test]
fn a_run_that_takes_too_long_here_is_canceled_after_its_batch_and_resumed_by_the_next() {
    let shop = Shop::new();
    let mut deploy = Held::start(
        &shop,
        "deploy --json --migrations-batch-size 100 --migrations-timeout-ms 300",
    );
    deploy.wait_for("time is up (timeout_ms): stopping after this batch");
    deploy.release(&shop);
    let ended = deploy.wait().expect(5);
    let end = ended.json();
    assert_eq!(end["status"], "canceled");
    assert!(
        end["error"].as_str().unwrap().contains(
            "did not end within timeout_ms = 300: it was canceled after the batch in hand"
        ),
        "{end}"
    );
    assert_eq!(
        (shop.items_with_factor(100), shop.items_with_factor(1)),
        (5_100, 4_900),
        "the batch in hand was finished"
    );
    let next = shop.run("deploy").expect(0);
    assert!(next.err.contains("resuming"), "{}", next.err);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn relaxed_warns_of_a_timeout_and_exits_0() {
    let shop = Shop::new();
    let mut deploy = Held::start(
        &shop,
        "deploy --json --no-migrations-strict --migrations-batch-size 100 --migrations-timeout-ms 300",
    );
    deploy.wait_for("time is up");
    deploy.release(&shop);
    let end = deploy.wait().expect(0).json();
    assert_eq!(end["status"], "canceled", "the object says how it is");
    assert!(
        end["warnings"][0]
            .as_str()
            .unwrap()
            .contains("did not end within timeout_ms = 300"),
        "{end}"
    );
}

#[test]
fn a_run_that_takes_too_long_elsewhere_goes_on_there() {
    let shop = Shop::new();
    let other = Held::start(&shop, "up --batch-size 100");
    let timed_out = shop
        .run("deploy --json --migrations-timeout-ms 300")
        .expect(5);
    let end = timed_out.json();
    assert_eq!(
        (&end["status"], &end["steps"][1]["status"]),
        (&json!("running"), &json!("left_running"))
    );
    let error = end["error"].as_str().unwrap();
    assert!(
        error.contains("timeout_ms = 300 (--migrations-timeout-ms) is over")
            && error.contains("goes on where it is executed"),
        "{error}"
    );
    other.release(&shop);
    other.wait().expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn two_deploys_at_once_are_one_run() {
    let shop = Shop::new();
    let first = Held::start(&shop, "deploy --json --migrations-batch-size 100");
    let mut second = Held::start_free(&shop, "deploy --json --migrations-poll-ms 20");
    second.wait_for("is already executed by");
    first.release(&shop);
    let (first, second) = (
        first.wait().expect(0).json(),
        second.wait().expect(0).json(),
    );
    assert_eq!(
        (&first["status"], &second["status"]),
        (&json!("completed"), &json!("completed"))
    );
    assert_eq!(first["run_id"], second["run_id"]);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
    let runs: i64 = shop
        .database()
        .query_row("SELECT count(*) FROM migration_run", [], |row| row.get(0))
        .unwrap();
    assert_eq!(runs, 1);
}

#[test]
fn a_run_with_another_plan_is_never_taken_for_ours() {
    let shop = Shop::new();
    config(&shop, "[deploy]\ncommand = \"touch pushed\"\n");
    let other = Held::start(&shop, &format!("up --to {FIRST} --batch-size 100"));
    for line in [
        "deploy",
        "deploy --no-migrations-strict",
        "deploy --no-migrations-wait",
    ] {
        let refused = shop.run(line).expect(6);
        assert!(
            refused.err.contains("is active with another plan")
                && refused
                    .err
                    .contains("nothing was pushed and nothing migrated"),
            "{}",
            refused.err
        );
    }
    assert!(!shop.file("pushed").exists());
    other.release(&shop);
    other.wait().expect(0);
    shop.run("deploy").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn another_plan_that_begins_while_the_command_runs_is_not_taken_for_ours_either() {
    let shop = Shop::new();
    config(
        &shop,
        "[deploy]\ncommand = \"echo pushing >&2; while [ ! -e go ]; do sleep 0.01; done\"\n",
    );
    let mut deploy = Held::start_free(&shop, "deploy --no-migrations-strict");
    deploy.wait_for("\npushing\n");
    let other = Held::start(&shop, &format!("up --to {FIRST} --batch-size 100"));
    std::fs::write(shop.file("go"), "").unwrap();
    let refused = deploy.wait().expect(6);
    assert!(
        refused.err.contains("is active with another plan"),
        "{}",
        refused.err
    );
    other.release(&shop);
    other.wait().expect(0);
}

#[test]
fn a_deploy_that_is_killed_is_gone_on_with_by_the_next() {
    let shop = Shop::new();
    let held = Held::start(&shop, "deploy --migrations-batch-size 100");
    held.kill();
    std::fs::remove_file(shop.file("hold")).unwrap();
    let next = shop.run("deploy --json").expect(0);
    assert_eq!(next.json()["status"], "completed");
    assert!(next.err.contains("resuming"), "{}", next.err);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[test]
fn times_that_cannot_be_meant_are_usage_errors() {
    let shop = Shop::new();
    config(
        &shop,
        "[deploy]\ncommand = \"touch pushed\"\n[deploy.migrations]\npoll_interval_ms = 2000\n",
    );
    for (flags, says) in [
        (
            "--migrations-timeout-ms 0",
            "timeout_ms = 0 (--migrations-timeout-ms) would be over before anything begins",
        ),
        (
            "--aggregates-poll-ms 0",
            "poll_interval_ms = 0 (--aggregates-poll-ms) would be over",
        ),
        (
            "--command-timeout-ms 0",
            "command_timeout_ms = 0 (--command-timeout-ms) would be over",
        ),
        (
            "--migrations-timeout-ms 1000",
            "poll_interval_ms = 2000 (driftless.toml:4) is longer than timeout_ms = 1000 (--migrations-timeout-ms)",
        ),
        ("--migrations-timeout-ms soon", "invalid value 'soon'"),
        ("--migrations-batch-size 0", "not in 1..=100000"),
        ("--migrations sometimes", "[possible values: auto, on, off]"),
        (
            "--migrations-wait --no-migrations-wait",
            "cannot be used with",
        ),
        ("--migration-wait", "--migrations-wait"),
    ] {
        let refused = shop.run(&format!("deploy {flags}")).expect(2);
        assert!(refused.err.contains(says), "{flags}: {}", refused.err);
    }
    assert!(!shop.file("pushed").exists());
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing ran");
    shop.run("deploy --migrations-timeout-ms 1000 --migrations-poll-ms 1000")
        .expect(0);
}
