//! `deploy`'s third step: aggregates are built, and built again after a migration has passed their triggers.

use crate::shop::{Ended, ITEMS, Shop};
use driftless::Migrator;
use serde_json::{Value, json};
use std::process::Stdio;

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations/shop");

driftless::aggregate! {
    /// As `stocked` declares it.
    pub ITEMS_BY_NOTE = "items" by (note) { count, sum(price) }
}

/// Runs a line of the binary that declares the aggregate.
fn run(shop: &Shop, line: &str) -> Ended {
    let line = format!("{line} --database-url sqlite://shop.db");
    let mut command = shop.program(env!("CARGO_BIN_EXE_stocked"), &line);
    Ended::of(command.stdin(Stdio::null()).output().unwrap())
}

/// The status of the third step, and the state of the aggregate.
fn third(end: &Value) -> (&Value, &Value) {
    let step = &end["steps"][2];
    assert_eq!(step["step"], "aggregates", "{end}");
    (&step["status"], &end["aggregates"][0]["state"])
}

/// How many items have this note, and what they cost together, as the aggregate says.
fn of_note(shop: &Shop, note: Option<&str>) -> Option<(i64, Option<i64>)> {
    let url = format!("sqlite://{}", shop.file("shop.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let migrator = Migrator::connect(&url, &MIGRATIONS).await.unwrap();
        let reader = migrator.aggregate(&ITEMS_BY_NOTE);
        let group = reader.get((note.map(str::to_owned),)).await.unwrap()?;
        Some((group.count.cast_signed(), group.sum("price").unwrap()))
    })
}

const SUM: i64 = ITEMS * (ITEMS + 1) / 2;

#[test]
fn what_a_migration_made_stale_is_built_again() {
    let shop = Shop::new();
    run(&shop, "aggregate backfill").expect(0);
    assert_eq!(of_note(&shop, None), Some((ITEMS, Some(SUM))));
    let deployed = run(&shop, "deploy --json").expect(0);
    let end = deployed.json();
    assert_eq!(third(&end), (&json!("completed"), &json!("READY")), "{end}");
    assert_eq!(end["status"], "completed");
    assert_eq!(of_note(&shop, None), None);
    assert_eq!(of_note(&shop, Some("none")), Some((ITEMS, Some(SUM * 100))));

    // The app's writes are kept up with.
    let script = "UPDATE items SET note = 'sold' WHERE id <= 10";
    shop.database().execute_batch(script).unwrap();
    assert_eq!(of_note(&shop, Some("sold")), Some((10, Some(5_500))));
    let again = run(&shop, "deploy").expect(0);
    assert!(again.out.contains("READY already"), "{}", again.out);
}

#[test]
fn a_trigger_that_was_dropped_by_hand_is_noticed_and_the_aggregate_built_again() {
    let shop = Shop::new();
    run(&shop, "deploy").expect(0);
    let database = shop.database();
    let triggers: Vec<String> = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'items'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(!triggers.is_empty());
    for trigger in triggers {
        let drop = format!("DROP TRIGGER \"{trigger}\"");
        database.execute_batch(&drop).unwrap();
    }
    database
        .execute_batch("DELETE FROM items WHERE id > 10")
        .unwrap();
    let end = run(&shop, "deploy --json").expect(0).json();
    assert_eq!(third(&end), (&json!("completed"), &json!("READY")), "{end}");
    assert_eq!(of_note(&shop, Some("none")), Some((10, Some(5_500))));
}

#[test]
fn an_aggregate_that_cannot_be_built_fails_a_strict_deploy_and_says_why() {
    let shop = Shop::new();
    run(&shop, "deploy --aggregates off").expect(0);
    let script = "ALTER TABLE items RENAME COLUMN price TO cost";
    shop.database().execute_batch(script).unwrap();
    let strict = run(&shop, "deploy --json").expect(1);
    let end = strict.json();
    assert_eq!(
        (&end["status"], third(&end).0),
        (&json!("failed"), &json!("failed"))
    );
    assert!(end["error"].as_str().unwrap().contains("price"), "{end}");
    let relaxed = run(&shop, "deploy --json --no-aggregates-strict").expect(0);
    let end = relaxed.json();
    assert_eq!(end["status"], "failed", "the object says how it is");
    assert!(
        end["warnings"][0].as_str().unwrap().contains("price"),
        "{end}"
    );
}

#[test]
fn a_build_that_takes_too_long_exits_5_and_the_next_goes_on() {
    let shop = Shop::new();
    let line = "deploy --json --aggregates-batch-size 1 --aggregates-timeout-ms 100";
    let timed_out = run(&shop, line).expect(5);
    let end = timed_out.json();
    assert_eq!(
        third(&end),
        (&json!("timed_out"), &json!("BUILDING")),
        "{end}"
    );
    let next = run(&shop, "deploy --json").expect(0).json();
    assert_eq!(third(&next).1, "READY");
    assert_eq!(of_note(&shop, Some("none")), Some((ITEMS, Some(SUM * 100))));
}

#[test]
fn a_worker_builds_what_is_left_to_it_after_the_migrations() {
    let shop = Shop::new();
    for line in [
        "deploy --json --no-migrations-wait",
        "deploy --json --no-migrations-wait --no-aggregates-wait",
    ] {
        let end = run(&shop, line).expect(0).json();
        assert_eq!(third(&end).0, "enqueued", "{end}");
    }
    run(&shop, "work --until-idle").expect(0);
    let end = run(&shop, "deploy --json").expect(0).json();
    assert_eq!(third(&end).1, "READY", "{end}");
    assert_eq!(of_note(&shop, Some("none")), Some((ITEMS, Some(SUM * 100))));
}

#[test]
fn one_that_is_not_declared_any_more_is_said() {
    let shop = Shop::new();
    run(&shop, "deploy").expect(0);
    let without = shop.run("deploy").expect(0);
    assert!(
        without.err.contains(
            "the aggregate items_by_note of items is kept up and not declared by this program"
        ) && without.err.contains("`aggregate prune` removes it"),
        "{}",
        without.err
    );
    let allowed = shop.run("deploy --aggregates-allow-drift").expect(0);
    assert!(!allowed.err.contains("not declared"), "{}", allowed.err);
}
