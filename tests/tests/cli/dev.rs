//! `dev --once`, which `cargo migrate dev` calls after each build: one pass, relaxed, on the local database.

use crate::shop::{Ended, Held, ITEMS, Shop};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const CONFIGURATION: &str = "[database]\nurl = \"sqlite://shop.db\"\n";

/// A shop whose file names its database and says this of `[dev.migrations]`.
fn shop_with(settings: &str) -> Shop {
    let shop = Shop::new();
    std::fs::write(
        shop.file("driftless.toml"),
        format!("{CONFIGURATION}[dev.migrations]\n{settings}"),
    )
    .unwrap();
    shop
}

fn events(ended: &Ended) -> Vec<String> {
    let lines = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines
        .filter_map(|line| line["event"].as_str().map(str::to_owned))
        .collect()
}

/// Items that a step refuses.
fn spoil(shop: &Shop) {
    shop.database()
        .execute(
            "UPDATE items SET price = 9223372036854775807 WHERE id = 7000",
            [],
        )
        .unwrap();
}

#[test]
fn one_pass_tells_what_happens_and_where_the_database_stands() {
    let shop = shop_with("");
    let pass = shop.bare("dev --once --json").expect(0);
    let end = pass.json();
    assert_eq!(
        (&end["status"], &end["applied"], &end["try_again"]),
        (&"completed".into(), &2.into(), &false.into())
    );
    assert_eq!(end["pending"], Value::Array(Vec::new()));
    let events = events(&pass);
    assert_eq!(
        events[..3],
        ["database", "run_started", "step_started"],
        "{events:?}"
    );
    assert!(pass.out.contains("sqlite://"), "{}", pass.out);
    assert_eq!(shop.items_with_factor(100), ITEMS);
    assert_eq!(
        shop.bare("dev --once --json").expect(0).json()["status"],
        "noop"
    );
}

#[test]
fn edited_history_is_let_pass_for_a_reason_that_is_kept_unless_the_file_says_otherwise() {
    let shop = shop_with("");
    shop.run("up --to 20260101_000000_prices_in_cents")
        .expect(0);
    // As if other code had been applied.
    shop.database()
        .execute("UPDATE migration_state SET checksum = 'v1:0'", [])
        .unwrap();
    let pass = shop.bare("dev --once --json").expect(0).json();
    assert_eq!(
        (&pass["status"], &pass["drift"][0]["kind"]),
        (&"completed".into(), &"checksum_mismatch".into()),
        "{pass}"
    );
    let reason: String = shop
        .database()
        .query_row(
            "SELECT reason FROM migration_run WHERE allow_drift",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(reason, "migrate dev");

    let shop = shop_with("allow_drift = false\n");
    shop.run("up --to 20260101_000000_prices_in_cents")
        .expect(0);
    assert_eq!(
        shop.run_edited("dev --once --json").expect(0).json()["status"],
        "drift_blocked"
    );
    let shop = shop_with("allow_drift = false\nstrict = true\n");
    shop.run("up --to 20260101_000000_prices_in_cents")
        .expect(0);
    assert_eq!(
        shop.run_edited("dev --once --json").expect(3).json()["strict"],
        true
    );
}

#[test]
fn a_failure_is_a_warning_unless_it_is_strict() {
    let shop = shop_with("");
    spoil(&shop);
    let pass = shop.bare("dev --once --json").expect(0).json();
    assert_eq!(
        (&pass["status"], &pass["try_again"]),
        (&"failed".into(), &false.into())
    );
    let shop = shop_with("strict = true\n");
    spoil(&shop);
    assert_eq!(
        shop.bare("dev --once --json").expect(1).json()["strict"],
        true
    );
}

#[test]
fn it_is_switched_off_left_to_a_worker_or_limited_in_time_by_the_file() {
    let shop = shop_with("enabled = \"off\"\n");
    let pass = shop.bare("dev --once --json").expect(0).json();
    assert_eq!(pass["pending"].as_array().map(Vec::len), Some(2), "{pass}");

    let shop = shop_with("wait = false\n");
    assert_eq!(
        shop.bare("dev --once --json").expect(0).json()["status"],
        "pending"
    );
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing is done yet");

    let shop = shop_with("timeout_ms = 300\npoll_interval_ms = 100\nbatch_size = 100\n");
    let mut held = Held::start(&shop, "dev --once --json");
    held.wait_for("time is over; stopping after this batch");
    held.release(&shop);
    let pass = held.wait().expect(0).json();
    assert_eq!(pass["status"], "canceled");
    assert!(
        pass["error"].as_str().unwrap().contains("timeout_ms = 300"),
        "{pass}"
    );
}

#[test]
fn other_databases_than_the_local_one_are_refused() {
    let shop = Shop::new();
    std::fs::write(
        shop.file("driftless.toml"),
        format!("{CONFIGURATION}[env.prod]\nurl = \"sqlite://prod.db\"\n[env.qa]\nurl = \"sqlite://shop.db\"\n"),
    )
    .unwrap();
    for line in ["dev --prod", "dev --once --prod", "dev --once --env qa"] {
        let refused = shop.bare(line).expect(2);
        assert!(
            refused.err.contains("works on the local database only"),
            "{}",
            refused.err
        );
    }
    // The URL of production, named as if it were local.
    let prod = format!("sqlite://{}", shop.file("prod.db").display());
    let refused = shop
        .bare(&format!("dev --once --database-url {prod}"))
        .expect(2);
    assert!(
        refused.err.contains("is the database of [env.prod]"),
        "{}",
        refused.err
    );
    shop.bare("dev --once").expect(0);
}

#[test]
fn what_is_away_or_busy_is_to_be_tried_again_and_a_mistake_is_not() {
    let shop = shop_with("");
    let pass = |url: &str| {
        shop.bare(&format!("dev --once --json --database-url {url}"))
            .expect(0)
            .json()
    };
    assert_eq!(pass("sqlite://nowhere.db")["try_again"], true);
    assert_eq!(
        pass("postgres://app@127.0.0.1:1/shop?connect_timeout=2")["try_again"],
        true
    );
    let mistake = shop
        .bare("dev --once --json --database-url nonsense")
        .expect(2)
        .json();
    assert_eq!(mistake["try_again"], false);
    // Somebody else's run with another plan.
    shop.run("up --detach --to 20260101_000000_prices_in_cents")
        .expect(0);
    let waits = pass("sqlite://shop.db");
    assert_eq!(
        (&waits["status"], &waits["try_again"]),
        (&"failed".into(), &true.into()),
        "{waits}"
    );
}

#[test]
fn it_stops_after_the_batch_when_whoever_started_it_is_gone() {
    let shop = shop_with("batch_size = 100\n");
    std::fs::write(shop.file("hold"), "").unwrap();
    let line = "dev --once --until-input-ends --json";
    let mut command = shop.program(env!("CARGO_BIN_EXE_shop"), line);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut pass = command.spawn().unwrap();
    let mut input = pass.stdin.take().unwrap();
    input.write_all(b"anything\n").unwrap();
    let errors = BufReader::new(pass.stderr.take().unwrap());
    let mut errors = errors.lines().map_while(Result::ok);
    assert!(errors.any(|line| line.contains("holding")));
    // Read on, so that it never waits for us.
    let errors = std::thread::spawn(move || errors.count());
    drop(input);
    std::fs::remove_file(shop.file("hold")).unwrap();
    let output = pass.wait_with_output().unwrap();
    errors.join().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        out.lines()
            .last()
            .unwrap()
            .contains("\"status\":\"canceled\""),
        "{out}"
    );
    assert_eq!(
        shop.items_with_factor(100) + shop.items_with_factor(1),
        ITEMS
    );
    shop.run("up").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}
