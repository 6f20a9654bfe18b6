//! P11, the rule under it: a batch behaves as if its documents were processed one at a time, whatever they do to each other.

use crate::p11_constraints::MODES;
use driftless::{Run, RunStatus};
use driftless_tests::{Seed, TestStore, docs};
use serde_json::{Value, json};

crate::exercise!(p11_a_batch_behaves_as_if_documents_were_processed_one_at_a_time);

const LAST: u32 = 40;

/// A table of documents, even numbers only, that do random things to each other.
fn random_world<S: TestStore>(chance: &mut fastrand::Rng) -> String {
    let mut script = docs::<S>(0, &[]);
    // A trigger that reaches the next document, and one that makes a removal felt.
    script += &S::trigger(
        "ripple",
        "docs",
        "AFTER UPDATE OF value",
        "UPDATE docs SET seen = seen || NEW.value WHERE id = NEW.id + 4 AND NEW.id % 8 = 0",
    );
    script += &S::trigger(
        "wake",
        "docs",
        "AFTER DELETE",
        "UPDATE docs SET value = value + 1 WHERE id = OLD.id + 2",
    );
    let mut free: Vec<u32> = (0..=LAST).map(|n| n * 2 + 1).collect();
    chance.shuffle(&mut free);
    for id in (2..=LAST * 2).step_by(2) {
        let parent = match chance.u32(0..6) {
            0 if id > 2 => (chance.u32(1..id / 2) * 2).to_string(),
            _ => "NULL".into(),
        };
        let count = chance.usize(0..3);
        let does: Vec<Value> = (0..count).map(|_| random_act(chance, &mut free)).collect();
        let does = Value::from(does).to_string().replace('\'', "''");
        script += &format!(
            "INSERT INTO docs (id, value, does, parent) VALUES ({id}, {}, '{does}', {parent});\n",
            chance.u32(100..999)
        );
    }
    script
}

fn random_act(chance: &mut fastrand::Rng, free: &mut Vec<u32>) -> Value {
    let other = chance.u32(1..=LAST) * 2;
    match chance.u32(0..20) {
        0..=6 => json!("times10"),
        7..=9 => json!("note"),
        10 => json!({"add_to": [other, 3]}),
        11 => json!({"add": other}),
        12 => json!("add_sum"),
        13 => json!({"sql": format!("UPDATE docs SET seen = seen || 's' WHERE id = {other}")}),
        14 => json!({"remove": other}),
        15 => json!("delete"),
        16 => json!({"set": ["seen", "set"]}),
        17 => json!({"set": ["doubled_by_nobody", 1]}),
        18 => free
            .pop()
            .map_or(json!("note"), |id| json!({"insert": [id, id]})),
        _ => json!({"sql": format!("DELETE FROM docs WHERE id = {other}")}),
    }
}

async fn p11_a_batch_behaves_as_if_documents_were_processed_one_at_a_time<S: TestStore>() {
    let seed = Seed::new();
    for world in 0..u64::from(60 / S::PACE.min(5)) {
        // Every fourth world may fail at some document; then only what it says about that is compared.
        let script = random_world::<S>(&mut seed.world(world));
        let script = match world % 4 {
            0 => script,
            _ => script
                .replace("doubled_by_nobody", "code")
                .replace("[\"code\",1]", "[\"code\",null]"),
        };
        for (mode, manifest) in MODES {
            let mut one_at_a_time = None;
            for size in [1, 2, 3, 7, 1000] {
                let db = S::small(&script);
                let report = db.migrate(manifest, Run::up().batch_size(size)).await;
                let left = match report.status {
                    RunStatus::Completed => [
                        db.rows("SELECT id, value, seen, parent FROM docs ORDER BY id"),
                        db.rows("SELECT * FROM notes ORDER BY doc, seen"),
                        vec![format!(
                            "{} visited, {} changed",
                            report.migrations[0].processed, report.migrations[0].changed
                        )],
                    ]
                    .concat(),
                    _ => {
                        let error = report.error.expect("why");
                        let at = error.find("document").expect("a document");
                        vec![error[at..].split(" (").next().expect("its name").to_owned()]
                    }
                };
                let expected = one_at_a_time.get_or_insert_with(|| left.clone());
                assert_eq!(
                    &left, expected,
                    "world {world}, {mode}, batches of {size}, made by:\n{script}"
                );
            }
        }
    }
}
