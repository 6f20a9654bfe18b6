//! P11: constraints hold in both write modes; hooks and triggers run in `normal` and are skipped in `safe_bypass`. And the
//! rule under all of it: a batch behaves as if its documents were processed one at a time.

use crate::assert_says;
use crate::p06_a_failed_batch::docs;
use driftless::{BoxError, Change, ChangeKind, Ctx, Event, Manifest, Run, RunStatus, WriteHooks};
use driftless_tests::{Database, Seed, TestStore, fixtures};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const MODES: [(&str, &Manifest); 2] = [
    ("safe_bypass", &fixtures::puppet),
    ("normal", &fixtures::puppet_normal),
];

#[tokio::test]
async fn p11_triggers_fire_in_normal_and_not_in_safe_bypass_which_says_so() {
    for (mode, manifest) in MODES {
        let db = Database::new(&docs(3, &[]));
        db.run("CREATE TRIGGER loud AFTER UPDATE ON docs BEGIN INSERT INTO notes VALUES (NEW.id, 'trigger'); END");
        let bypassed = Arc::new(Mutex::new(Vec::new()));
        let heard = bypassed.clone();
        let migrator = db.migrator(manifest).await.observer(move |event| {
            if let Event::StepStarted {
                bypassed_triggers, ..
            } = event
            {
                heard
                    .lock()
                    .expect("one thread")
                    .extend(bypassed_triggers.clone());
            }
        });
        let report = migrator.run(Run::up()).await.expect("not refused");
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        let (fired, told) = (
            db.value::<i64>("SELECT count(*) FROM notes"),
            bypassed.lock().expect("one thread").len(),
        );
        assert_eq!(
            (fired, told),
            if mode == "normal" { (3, 0) } else { (0, 1) },
            "{mode}"
        );
        // The app's own triggers are never touched.
        db.run("UPDATE docs SET value = 1 WHERE id = 1");
        assert_eq!(db.value::<i64>("SELECT count(*) FROM notes"), fired + 1);
    }
}

#[tokio::test]
async fn p11_foreign_keys_checks_and_unique_indexes_hold_in_both_modes_also_where_the_file_has_them_switched_off()
 {
    for (mode, manifest) in MODES {
        for (does, says) in [
            (json!([{"set": ["parent", 4711]}]), "FOREIGN KEY"),
            (json!([{"set": ["value", 13]}]), "CHECK"),
            (json!([{"set": ["code", "taken"]}]), "UNIQUE"),
            (json!([{"set": ["value", null]}]), "NOT NULL"),
            (
                json!([{"sql": "UPDATE docs SET parent = 4711 WHERE id = 1"}]),
                "FOREIGN KEY",
            ),
        ] {
            let db = Database::new(&docs(5, &[(4, does)]));
            db.run("UPDATE docs SET code = 'taken' WHERE id = 1; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
            let before = db.rows("SELECT * FROM docs");
            let error = db.failure(manifest, Run::up()).await;
            assert_says(&error, &["document 4 of docs", says]);
            assert_eq!(db.rows("SELECT * FROM docs"), before, "{mode} {says}");
        }
    }
}

#[tokio::test]
async fn p11_foreign_key_actions_happen_in_both_modes() {
    for (mode, manifest) in MODES {
        let db = Database::new(&docs(5, &[(2, json!(["delete"]))]));
        db.run("UPDATE docs SET parent = 2 WHERE id IN (1, 4)");
        let report = db.completed(manifest, Run::up()).await;
        assert_eq!(
            db.rows("SELECT id, value FROM docs"),
            ["3|30", "5|50"],
            "{mode}"
        );
        assert_eq!(
            report.processed, 4,
            "document 4 was gone before its turn: {mode}"
        );
    }
}

/// Remembers what it sees, adds a mark to every change, refuses the value 70.
#[derive(Clone, Default)]
struct Marking(Arc<Mutex<Vec<String>>>);

impl WriteHooks for Marking {
    fn before(&self, _ctx: &mut Ctx, change: &mut Change) -> Result<(), BoxError> {
        if change.kind() == ChangeKind::Patch {
            change.set("seen", "marked");
        }
        match change.get("value") {
            Some(driftless::Value::Integer(70)) => Err("70 is not for sale".into()),
            _ => Ok(()),
        }
    }

    fn after(&self, ctx: &mut Ctx, change: &Change) -> Result<(), BoxError> {
        let value: Option<String> = ctx.db().query_optional(
            "SELECT value || seen FROM docs WHERE id = $1",
            match change.key() {
                Some([driftless::Value::Integer(id)]) => *id,
                key => return Err(format!("{key:?}").into()),
            },
        )?;
        let line = format!("{:?} {:?} {value:?}", change.kind(), change.key());
        self.0.lock().expect("one thread").push(line);
        Ok(())
    }
}

#[tokio::test]
async fn p11_hooks_amend_and_follow_up_in_normal_and_are_skipped_in_safe_bypass() {
    for (mode, manifest) in MODES {
        let does = json!([{"insert": [50, 5]}, {"add_to": [1, 1]}, {"remove": 3}]);
        let db = Database::new(&docs(4, &[(2, does), (4, json!([]))]));
        let hooks = Marking::default();
        let migrator = db.migrator(manifest).await.hooks("DOCS", hooks.clone());
        let report = migrator.run(Run::up()).await.expect("not refused");
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        let rows = db.rows("SELECT id, value, seen FROM docs");
        let seen = hooks.0.lock().expect("one thread").join("\n");
        if mode == "normal" {
            assert_eq!(rows, ["1|11|marked", "2|2|", "4|4|", "50|5|"]);
            assert_eq!(
                seen,
                "Patch Some([Integer(1)]) Some(\"10marked\")\nInsert Some([Integer(50)]) Some(\"5\")\nPatch Some([Integer(1)]) Some(\"11marked\")\nDelete Some([Integer(3)]) None"
            );
        } else {
            assert_eq!(rows, ["1|11|", "2|2|", "4|4|", "50|5|"]);
            assert_eq!(seen, "", "{mode}");
        }
    }
}

#[tokio::test]
async fn p11_a_hook_that_refuses_fails_its_document_and_leaves_nothing() {
    let db = Database::new(&docs(9, &[]));
    let migrator = db
        .migrator(&fixtures::puppet_normal)
        .await
        .hooks("docs", Marking::default());
    let report = migrator.run(Run::up()).await.expect("not refused");
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert_says(
        &report.error.expect("why"),
        &["document 7 of docs", "a hook of docs", "70 is not for sale"],
    );
    assert_eq!(db.value::<i64>("SELECT sum(value) FROM docs"), 45);
}

const LAST: u32 = 40;

/// A table of documents, even numbers only, that do random things to each other.
fn random_world(chance: &mut fastrand::Rng) -> String {
    let mut script = docs(0, &[]);
    // A trigger that reaches the next document, and one that makes a removal felt.
    script += "CREATE TRIGGER ripple AFTER UPDATE OF value ON docs WHEN NEW.id % 8 = 0 BEGIN UPDATE docs SET seen = seen || NEW.value WHERE id = NEW.id + 4; END;
               CREATE TRIGGER wake AFTER DELETE ON docs BEGIN UPDATE docs SET value = value + 1 WHERE id = OLD.id + 2; END;";
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

#[tokio::test]
async fn p11_a_batch_behaves_as_if_documents_were_processed_one_at_a_time() {
    let seed = Seed::new();
    for world in 0..60 {
        // Every fourth world may fail at some document; then only what it says about that is compared.
        let script = random_world(&mut seed.world(world));
        let script = match world % 4 {
            0 => script,
            _ => script
                .replace("doubled_by_nobody", "code")
                .replace("[\"code\",1]", "[\"code\",null]"),
        };
        for (mode, manifest) in MODES {
            let mut one_at_a_time = None;
            for size in [1, 2, 3, 7, 1000] {
                let db = Database::small(&script);
                let report = db.migrate(manifest, Run::up().batch_size(size)).await;
                let left = match report.status {
                    RunStatus::Completed => [
                        db.rows("SELECT id, value, seen, parent FROM docs"),
                        db.rows("SELECT * FROM notes"),
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
