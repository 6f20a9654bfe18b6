//! `aggregate backfill|rebuild|prune|status`, as a user and a script see them.

use crate::shop::{Ended, Shop};
use std::process::Stdio;

/// Runs the program that keeps aggregates, in the version that `counted` names.
fn counted(shop: &Shop, version: &str, line: &str) -> Ended {
    let line = format!("{line} --database-url sqlite://shop.db");
    let mut program = shop.program(env!("CARGO_BIN_EXE_counted"), &line);
    program.env("COUNTED", version).stdin(Stdio::null());
    Ended::of(program.output().unwrap())
}

#[test]
fn an_aggregate_is_built_looked_at_rebuilt_and_pruned() {
    let shop = Shop::new();
    let status = counted(&shop, "", "aggregate status").expect(0);
    assert!(status.out.contains("not built"), "{}", status.out);
    assert!(
        status
            .out
            .contains("`migrate aggregate backfill` builds it"),
        "{}",
        status.out
    );

    let built = counted(&shop, "", "aggregate backfill --batch-size 1000").expect(0);
    assert!(
        built
            .err
            .contains("building items_by_note (items, about 10,000 rows)"),
        "{}",
        built.err
    );
    assert!(
        built.out.contains("1 aggregate of sqlite://shop.db READY"),
        "{}",
        built.out
    );
    let status = counted(&shop, "", "aggregate status --json")
        .expect(0)
        .json();
    let status = &status["aggregates"][0];
    assert_eq!(status["name"], "items_by_note");
    assert_eq!(status["state"], "READY");
    assert_eq!(status["processed"], 10_000);

    let again = counted(&shop, "", "aggregate backfill").expect(0);
    assert!(
        again.out.contains("READY already; nothing to do"),
        "{}",
        again.out
    );
    let rebuilt = counted(&shop, "", "aggregate rebuild items_by_note --json")
        .expect(0)
        .json();
    assert_eq!(rebuilt["status"], "completed");
    assert_eq!(rebuilt["error"], serde_json::Value::Null);
    assert_eq!(rebuilt["aggregates"][0]["state"], "READY");

    // The migrations of the shop are safe_bypass ones.
    counted(&shop, "", "up").expect(0);
    let stale = counted(&shop, "", "aggregate status").expect(0);
    assert!(stale.out.contains("STALE"), "{}", stale.out);
    assert!(stale.out.contains("safe_bypass"), "{}", stale.out);
    counted(&shop, "", "aggregate backfill").expect(0);

    let undeclared = counted(&shop, "none", "aggregate status").expect(0);
    assert!(
        undeclared
            .out
            .contains("`migrate aggregate prune` removes it"),
        "{}",
        undeclared.out
    );
    let none = counted(&shop, "none", "aggregate backfill").expect(0);
    assert!(none.out.contains("declares no aggregates"), "{}", none.out);
    let pruned = counted(&shop, "none", "aggregate prune").expect(0);
    assert!(
        pruned.out.contains("pruned items_by_note"),
        "{}",
        pruned.out
    );
    let left: i64 = shop
        .database()
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%items_by_note%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    let pruned = counted(&shop, "none", "aggregate prune --json")
        .expect(0)
        .json();
    assert_eq!(pruned["status"], "noop");
    assert_eq!(pruned["pruned"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_built_fails_by_name_and_the_others_are_built() {
    let shop = Shop::new();
    let broken = counted(&shop, "broken", "aggregate backfill --json").expect(1);
    assert!(broken.err.contains("column nota"), "{}", broken.err);
    assert!(broken.err.contains("did you mean note?"), "{}", broken.err);
    let end = broken.json();
    assert_eq!(end["status"], "failed");
    assert_eq!(end["aggregates"][0]["state"], serde_json::Value::Null);
    assert_eq!(end["aggregates"][1]["state"], "READY");
    let unknown = counted(&shop, "", "aggregate backfill items_by_nota").expect(2);
    assert!(
        unknown.err.contains("this program declares items_by_note"),
        "{}",
        unknown.err
    );
    let zero = counted(&shop, "", "aggregate backfill --timeout-ms 0").expect(2);
    assert!(zero.err.contains("0 is not in 1.."), "{}", zero.err);
    let late = counted(
        &shop,
        "",
        "aggregate rebuild --timeout-ms 300 --batch-size 10 --pause-ms 100",
    )
    .expect(5);
    assert!(
        late.err.contains("not READY after 0.3 seconds"),
        "{}",
        late.err
    );
    let detached = counted(&shop, "", "aggregate backfill --detach").expect(0);
    assert!(
        detached.out.contains("left to a worker"),
        "{}",
        detached.out
    );
    let worked = counted(&shop, "", "work --until-idle").expect(0);
    assert!(
        worked.out.contains("1 build of aggregates"),
        "{}",
        worked.out
    );
}
