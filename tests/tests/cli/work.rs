//! Detached runs, and the worker that executes them.

use crate::shop::{Ended, Held, ITEMS, Shop};
use serde_json::Value;

const SECOND: &str = "20260102_000000_notes";

/// Every line of standard output, as an object.
fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn events(ended: &Ended) -> Vec<String> {
    let lines = lines(ended);
    let events = lines.iter().filter_map(|line| line["event"].as_str());
    events.map(str::to_owned).collect()
}

#[test]
fn a_detached_run_waits_for_a_worker_which_executes_it() {
    let shop = Shop::new();
    let up = shop.run("up --detach").expect(0);
    assert!(
        up.out
            .contains("is enqueued on sqlite://shop.db; `migrate work` executes it"),
        "{}",
        up.out
    );
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing is done yet");
    let status = shop.run("status").expect(0);
    assert!(
        status.out.contains("waiting for a worker"),
        "{}",
        status.out
    );

    let worked = shop.run("work --until-idle").expect(0);
    assert!(worked.out.contains("1 run driven"), "{}", worked.out);
    assert!(worked.err.contains("driving run "), "{}", worked.err);
    assert_eq!(shop.items_with_factor(100), ITEMS);
    assert!(shop.run("up").expect(0).out.contains("nothing to do"));
    let idle = shop.run("work --until-idle").expect(0);
    assert!(idle.out.contains("there was nothing to do"), "{}", idle.out);
}

#[test]
fn the_same_in_json_has_a_line_for_what_happens_and_a_last_one_with_a_status() {
    let shop = Shop::new();
    let up = shop.run("up --detach --json").expect(0);
    assert_eq!(up.json()["status"], "pending");
    let run_id = up.json()["run_id"].clone();
    assert!(run_id.is_string(), "{run_id}");

    let again = shop.run("up --detach --json").expect(0).json();
    assert_eq!(
        (&again["status"], &again["run_id"]),
        (&Value::from("pending"), &run_id),
        "the same plan is enqueued once"
    );

    let worked = shop.run("work --until-idle --json").expect(0);
    assert_eq!(
        events(&worked),
        [
            "run_started",
            "step_started",
            "step_completed",
            "step_started",
            "step_completed",
            "run_ended"
        ]
    );
    let last = worked.json();
    assert_eq!(
        (&last["status"], &last["run_id"], &last["driven"]),
        (&Value::from("completed"), &run_id, &Value::from(1))
    );
    assert_eq!(last["migrations"][1]["id"], SECOND);
    let idle = shop.run("work --until-idle --json").expect(0).json();
    assert_eq!(
        (&idle["status"], &idle["run_id"]),
        (&"noop".into(), &Value::Null)
    );
}

#[test]
fn a_worker_of_another_build_refuses_the_run_and_says_so() {
    let shop = Shop::new();
    shop.run("up --detach").expect(0);
    let refused = shop.run_edited("work --until-idle --json").expect(6);
    assert_eq!(events(&refused), ["refused"]);
    assert!(
        refused.err.contains("planned with other migrations"),
        "{}",
        refused.err
    );
    assert_eq!(refused.json()["refused"], 1);
    assert_eq!(shop.items_with_factor(1), ITEMS, "nothing was done");
    shop.run("work --until-idle").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
}

#[cfg(unix)]
#[test]
fn a_worker_that_is_asked_to_stop_finishes_its_batch_and_hands_the_run_back() {
    let shop = Shop::new();
    shop.run("up --detach --batch-size 100").expect(0);
    let mut worker = Held::start(&shop, "work --json");
    worker.terminate();
    worker.wait_for("finishing the batch in hand");
    worker.release(&shop);
    let ended = worker.wait().expect(0);
    assert_eq!(ended.json()["status"], "pending");
    assert_eq!(
        (shop.items_with_factor(100), shop.items_with_factor(1)),
        (5_100, 4_900),
        "the batch in hand was finished"
    );
    let worked = shop.run("work --until-idle").expect(0);
    assert!(worked.err.contains("resuming"), "{}", worked.err);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[cfg(unix)]
#[test]
fn a_worker_that_is_asked_twice_stops_at_once_and_loses_nothing() {
    let shop = Shop::new();
    shop.run("up --detach --batch-size 100").expect(0);
    let mut worker = Held::start(&shop, "work");
    worker.terminate();
    worker.wait_for("finishing the batch in hand");
    worker.terminate();
    worker.wait_for("stopped at once; nothing is lost");
    worker.wait().expect(4);
    assert_eq!(shop.items_with_factor(100), 5_000, "rolled back");
    std::fs::remove_file(shop.file("hold")).unwrap();
    shop.run("work --until-idle").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS, "exactly once");
}

#[cfg(unix)]
#[test]
fn a_worker_without_a_run_waits_for_one() {
    let shop = Shop::new();
    let mut worker = Held::start_free(&shop, "work");
    worker.wait_for("nothing to do; waiting for a run");
    shop.run("up --detach").expect(0);
    worker.wait_for(" completed");
    worker.wait_for("nothing to do");
    assert_eq!(shop.items_with_factor(100), ITEMS);
    worker.terminate();
    let ended = worker.wait().expect(0);
    assert!(ended.out.contains("1 run driven"), "{}", ended.out);
}

#[test]
fn more_than_one_worker_on_sqlite_is_an_error_that_says_why() {
    let shop = Shop::new();
    for line in [
        "up --workers 2",
        "work --workers 2",
        "down --steps 1 --workers 2",
    ] {
        let refused = shop.run(line).expect(2);
        assert!(
            refused
                .err
                .contains("SQLite lets one connection write at a time"),
            "{}",
            refused.err
        );
    }
    shop.run("up --workers 1").expect(0);
    assert_eq!(shop.items_with_factor(100), ITEMS);
}

#[test]
fn a_detached_run_that_fails_ends_the_worker_that_does_not_wait_with_1() {
    let shop = Shop::new();
    shop.run("up --detach").expect(0);
    shop.database()
        .execute_batch("DROP TABLE items; CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT)")
        .unwrap();
    let failed = shop.run("work --until-idle --json").expect(1);
    assert_eq!(failed.json()["status"], "failed");
    assert!(failed.err.contains("price"), "{}", failed.err);
}
