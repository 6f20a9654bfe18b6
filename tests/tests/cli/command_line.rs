//! The command line as its users meet it: second processes, their exit codes, and every word they print.

use crate::shop::{Ended, Held, ITEMS, Shop};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};

const FIRST: &str = "20260101_000000_prices_in_cents";
const SECOND: &str = "20260102_000000_notes";

#[test]
fn up_status_down_and_nothing_to_do() {
    let shop = Shop::new();
    let status = shop.run("status").expect(0);
    assert!(
        status.out.contains(&format!("pending  {FIRST}")),
        "{}",
        status.out
    );

    let up = shop.run("up").expect(0);
    assert!(
        up.out
            .starts_with("applied 2 migrations on sqlite://shop.db:"),
        "{}",
        up.out
    );
    assert!(
        up.err
            .contains(&format!("applying {FIRST} (items, 10,000 documents)")),
        "{}",
        up.err
    );
    assert_eq!(shop.items_with_factor(100), ITEMS);
    assert!(shop.run("up").expect(0).out.contains("nothing to do"));

    let status = shop.run("status").expect(0);
    assert!(
        status.out.contains(&format!("applied  {SECOND}")),
        "{}",
        status.out
    );

    let down = shop.run(&format!("down --to {FIRST}")).expect(0);
    assert!(
        down.out.contains("rolled back 1 migration") && down.out.contains(SECOND),
        "{}",
        down.out
    );
    shop.run("down --steps 1").expect(0);
    assert_eq!(shop.items_with_factor(1), ITEMS);
    assert!(
        shop.run("down --steps 1")
            .expect(0)
            .out
            .contains("nothing to roll back")
    );
}

#[test]
fn json_is_one_object_per_line_with_the_keys_of_the_contract() {
    let shop = Shop::new();
    const RUN: [&str; 6] = [
        "direction",
        "drift",
        "error",
        "migrations",
        "run_id",
        "status",
    ];
    let up = shop.run("up --json").expect(0);
    assert_eq!(up.json_keys(), RUN);
    let line = up.json();
    assert_eq!(
        (&line["status"], &line["direction"]),
        (&json!("completed"), &json!("up"))
    );
    assert_eq!(
        line["migrations"][0],
        json!({"id": FIRST, "status": "completed", "processed": 10_000, "changed": 10_000, "quarantined": 0})
    );
    assert!(line["run_id"].is_string() && line["error"].is_null() && line["drift"] == json!([]));

    assert_eq!(shop.run("up --json").expect(0).json()["status"], "noop");
    let down = shop.run("down --steps 1 --json").expect(0).json();
    assert_eq!(
        (&down["status"], &down["direction"]),
        (&json!("completed"), &json!("down"))
    );

    let status = shop.run("status --json").expect(0);
    assert_eq!(
        status.json_keys(),
        [
            "active_run",
            "drift",
            "migrations",
            "pending",
            "runs",
            "status"
        ]
    );
    assert_eq!(
        (&status.json()["status"], &status.json()["pending"]),
        (&json!("idle"), &json!([SECOND]))
    );
    assert!(status.json()["migrations"][0].get("source").is_none());

    let check = shop.run("check --json").expect(0);
    assert_eq!(check.json_keys(), ["migrations", "problems"]);
    let keys = check.json()["migrations"][0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(
        keys.into_iter().collect::<Vec<_>>(),
        [
            "checksum",
            "description",
            "file",
            "has_down",
            "id",
            "locked",
            "tables"
        ]
    );

    assert_eq!(
        shop.run("cancel --json").expect(0).json(),
        json!({"result": "nothing_active", "run_id": null})
    );
    assert_eq!(
        shop.run("drift --json").expect(0).json(),
        json!({"drift": []})
    );
}

#[test]
fn a_dry_run_shows_a_sample_and_writes_nothing() {
    let shop = Shop::new();
    let dry = shop.run("up --dry-run").expect(0);
    assert!(
        dry.out.contains(&format!(
            "{FIRST} would visit 10,000 documents and change 10,000"
        )),
        "{}",
        dry.out
    );
    assert!(dry.out.contains("price: 2 → 200"), "{}", dry.out);
    assert_eq!(shop.items_with_factor(1), ITEMS);
    assert_eq!(
        shop.run("up --dry-run --json").expect(0).json()["status"],
        "dry_run"
    );
    let tables: i64 = shop
        .database()
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'migration%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(tables, 0, "not even our own tables");
}

/// Bad input: what is said, with which exit code, in words and in JSON; and nothing ran.
#[test]
fn bad_input_is_an_error_that_says_what_to_write() {
    let shop = Shop::new();
    let config = |text: &str| std::fs::write(shop.file("driftless.toml"), text).unwrap();
    let mut transcript = String::new();
    let mut say = |line: &str| {
        let words = shop.bare(line).expect(2);
        transcript.push_str(&format!("$ migrate {line}\n{}\n", words.err.trim_end()));
        assert_eq!(
            words.out, "",
            "results go to standard output, errors do not"
        );
        let object = shop.bare(&format!("{line} --json")).expect(2).json();
        assert_eq!(
            (&object["status"], &object["run_id"]),
            (&json!("failed"), &Value::Null)
        );
        let error = object["error"].as_str().expect("a text");
        assert!(
            words.err.contains(error.lines().next().unwrap()),
            "{error}\nis not what was said:\n{}",
            words.err
        );
    };
    say("up");
    say("up --frm x --database-url sqlite://shop.db");
    say("upp");
    say("up --to 20260101_000000_price_in_cents --database-url sqlite://shop.db");
    say("down --steps 1 --to x --database-url sqlite://shop.db");
    say("up --config nowhere.toml --database-url sqlite://shop.db");
    say("up --prod");
    config(
        "[database]\nurl = \"sqlite://shop.db\"\n\n[env.prod]\n[env.staging]\nurl = \"sqlite://staging.db\"\n",
    );
    say("up --prod");
    say("status --env stagin");
    say("up --env qa");
    config("[deploy.migrations]\nbach_size = 5\n");
    say("up --database-url sqlite://shop.db");
    config("[database]\nurl = \"sqlite://shop.db\n");
    say("up");
    config("[env.prod]\nurl_env = \"SHOP_PROD_URL\"\n");
    say("up --prod");
    say("up --database-url mongodb://localhost/shop");
    insta::assert_snapshot!(transcript);
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing ran");
}

#[test]
fn prod_never_falls_back_to_the_local_database() {
    let shop = Shop::new();
    std::fs::write(
        shop.file("driftless.toml"),
        "[database]\nurl = \"sqlite://shop.db\"\n",
    )
    .unwrap();
    let up = shop
        .program(env!("CARGO_BIN_EXE_shop"), "up --prod")
        .env("DATABASE_URL", "sqlite://shop.db")
        .output()
        .unwrap();
    let up = Ended::of(up).expect(2);
    assert!(
        up.err
            .contains("[env.prod]\nurl_env = \"PROD_DATABASE_URL\""),
        "{}",
        up.err
    );
    assert_eq!(shop.items_with_factor(1), ITEMS);
    shop.bare("up").expect(0);
    assert_eq!(
        shop.items_with_factor(100),
        ITEMS,
        "the file's own database is found beside it"
    );
}

#[test]
fn secrets_are_masked_in_every_output() {
    let shop = Shop::new();
    let urls = [
        "postgres://app:hunter2@localhost/shop",
        "sqlite://missing.db?password=hunter2",
        "hunter3://app:hunter2@h/x?token=hunter2",
    ];
    for url in urls {
        std::fs::write(
            shop.file("driftless.toml"),
            format!("[database]\nurl = \"{url}\"\n[env.prod]\nurl = \"{url}\"\n"),
        )
        .unwrap();
        for line in [
            "up",
            "up --prod",
            "down --steps 1",
            "status",
            "cancel",
            "drift",
            "up --json",
            "status --json",
        ] {
            let ended = shop.bare(line);
            assert_ne!(ended.code, 0, "{line} {url}");
            assert!(
                !ended.err.contains("hunter2") && !ended.out.contains("hunter2"),
                "{line} {url}:\n{}{}",
                ended.out,
                ended.err
            );
        }
    }
    for text in [
        "[database]\nurl = \"postgres://app:hunter2@h/x\nmore",
        "[database]\nurl = [\"postgres://app:hunter2@h/x\"]\n",
        "[env]\nprod = \"postgres://app:hunter2@h/x\"\n",
    ] {
        std::fs::write(shop.file("driftless.toml"), text).unwrap();
        assert!(!shop.bare("up").expect(2).err.contains("hunter2"));
    }
}

#[test]
fn drift_exits_3_and_shows_the_difference() {
    let shop = Shop::new();
    shop.run("up").expect(0);
    assert!(shop.run("drift").expect(0).out.contains("no drift"));

    let up = shop.run_edited("up").expect(3);
    assert!(
        up.err.contains("applied history differs from the code") && up.err.contains(FIRST),
        "{}",
        up.err
    );
    let drift = shop.run_edited("drift").expect(3);
    assert!(
        drift
            .out
            .contains("-    Ok(patch!(item { price: item.price * 100 }))"),
        "{}",
        drift.out
    );
    assert!(
        drift
            .out
            .contains("+    Ok(patch!(item { price: item.price * 1000 }))"),
        "{}",
        drift.out
    );
    assert!(drift.out.contains("2 migrations drifted"), "{}", drift.out);
    let status = shop.run_edited("status").expect(0);
    assert!(
        status.out.contains("applied, drifted") && status.out.contains("applied, missing"),
        "{}",
        status.out
    );

    let object = shop.run_edited("up --json").expect(3).json();
    assert_eq!(object["status"], "drift_blocked");
    let kinds: Vec<&Value> = object["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drift| &drift["kind"])
        .collect();
    assert_eq!(kinds, ["checksum_mismatch", "missing_from_manifest"]);
    assert_eq!(
        shop.run_edited("drift --json").expect(3).json()["drift"],
        object["drift"]
    );

    let allowed = Ended::of(
        shop.program(
            env!("CARGO_BIN_EXE_shop_edited"),
            "up --allow-drift --database-url sqlite://shop.db",
        )
        .args(["--reason", "a test"])
        .output()
        .unwrap(),
    );
    allowed.expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
}

#[test]
fn a_database_that_stays_locked_times_out_with_5() {
    let shop = Shop::new();
    let database = shop.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let up = shop.run("up --lock-timeout-ms 300 --json").expect(5);
    assert_eq!(up.json()["status"], "failed", "{}", up.out);
    database.execute_batch("ROLLBACK").unwrap();
    shop.run("up").expect(0);
}

#[test]
fn another_plan_exits_6_and_cancel_from_another_process_exits_4() {
    let shop = Shop::new();
    let held = Held::start(&shop, "up --batch-size 100 --pause-ms 50");
    let other = shop.run(&format!("up --to {FIRST}")).expect(6);
    assert!(other.err.contains("error: "), "{}", other.err);
    let status = shop.run("status").expect(0);
    assert!(status.out.contains("running"), "{}", status.out);
    assert_eq!(
        shop.run("status --json").expect(0).json()["status"],
        "running"
    );

    // It waits for the batch in hand, and gets in between two of the fifty that are left.
    let cancel = shop.start("cancel");
    held.release(&shop);
    let cancel = Ended::of(cancel.wait_with_output().unwrap()).expect(0);
    assert!(
        cancel.out.contains("will stop after its batch"),
        "{}",
        cancel.out
    );
    let ended = held.wait().expect(4);
    assert!(
        ended
            .err
            .contains(&format!("run `up` again to resume {FIRST} at ")),
        "{}",
        ended.err
    );
    let status = shop.run("status").expect(0);
    assert!(status.out.contains("% (canceled)"), "{}", status.out);

    assert!(shop.run("up").expect(0).err.contains("resuming"));
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[cfg(unix)]
#[test]
fn a_request_to_terminate_cancels_like_ctrl_c() {
    let shop = Shop::new();
    let mut held = Held::start(&shop, "up --batch-size 100 --json");
    held.terminate();
    held.wait_for("stopping after this batch");
    held.release(&shop);
    let ended = held.wait().expect(4);
    assert_eq!(ended.json()["status"], "canceled");
    assert_eq!(
        (shop.items_with_factor(100), shop.items_with_factor(1)),
        (5_100, 4_900)
    );
}

#[test]
fn watching_shows_the_status_again_and_again() {
    let shop = Shop::new();
    let mut watching = shop.start("status --watch --json");
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for line in lines.take(2) {
        let status: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(status["status"], "idle");
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}
