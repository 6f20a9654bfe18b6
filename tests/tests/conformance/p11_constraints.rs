//! P11: constraints hold in both write modes; hooks and triggers run in `normal` and are skipped in `safe_bypass`.

use driftless::{BoxError, Change, ChangeKind, Ctx, Event, Manifest, Run, RunStatus, WriteHooks};
use driftless_tests::{TestStore, assert_says, assert_says_constraint, docs, fixtures};
use serde_json::json;
use std::sync::{Arc, Mutex};

crate::exercise!(
    p11_triggers_fire_in_normal_and_not_in_safe_bypass_which_says_so,
    p11_foreign_keys_checks_and_unique_indexes_hold_in_both_modes,
    p11_foreign_key_actions_happen_in_both_modes,
    p11_hooks_amend_and_follow_up_in_normal_and_are_skipped_in_safe_bypass,
    p11_a_hook_that_refuses_fails_its_document_and_leaves_nothing,
);

/// Both write modes.
pub const MODES: [(&str, &Manifest); 2] = [
    ("safe_bypass", &fixtures::puppet),
    ("normal", &fixtures::puppet_normal),
];

async fn p11_triggers_fire_in_normal_and_not_in_safe_bypass_which_says_so<S: TestStore>() {
    for (mode, manifest) in MODES {
        let db = S::new(&docs::<S>(3, &[]));
        db.run(&S::trigger(
            "loud",
            "docs",
            "AFTER UPDATE",
            "INSERT INTO notes VALUES (NEW.id, 'trigger')",
        ));
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
            db.number("SELECT count(*) FROM notes"),
            bypassed.lock().expect("one thread").len(),
        );
        assert_eq!(
            (fired, told),
            if mode == "normal" { (3, 0) } else { (0, 1) },
            "{mode}"
        );
        // The app's own triggers are never touched.
        db.run("UPDATE docs SET value = 1 WHERE id = 1");
        assert_eq!(db.number("SELECT count(*) FROM notes"), fired + 1);
    }
}

async fn p11_foreign_keys_checks_and_unique_indexes_hold_in_both_modes<S: TestStore>() {
    for (mode, manifest) in MODES {
        for (does, says) in [
            (json!([{"set": ["parent", 4711]}]), "foreign key"),
            (json!([{"set": ["value", 13]}]), "check"),
            (json!([{"set": ["code", "taken"]}]), "unique"),
            (json!([{"set": ["value", null]}]), "not null"),
            (
                json!([{"sql": "UPDATE docs SET parent = 4711 WHERE id = 1"}]),
                "foreign key",
            ),
        ] {
            let db = S::new(&docs::<S>(5, &[(4, does)]));
            db.run("UPDATE docs SET code = 'taken' WHERE id = 1");
            let before = db.rows("SELECT * FROM docs ORDER BY id");
            let error = db.failure(manifest, Run::up()).await;
            assert_says(&error, &["document 4 of docs"]);
            assert_says_constraint(&error, says);
            assert_eq!(
                db.rows("SELECT * FROM docs ORDER BY id"),
                before,
                "{mode} {says}"
            );
        }
    }
}

async fn p11_foreign_key_actions_happen_in_both_modes<S: TestStore>() {
    for (mode, manifest) in MODES {
        let db = S::new(&docs::<S>(5, &[(2, json!(["delete"]))]));
        db.run("UPDATE docs SET parent = 2 WHERE id IN (1, 4)");
        let report = db.completed(manifest, Run::up()).await;
        assert_eq!(
            db.rows("SELECT id, value FROM docs ORDER BY id"),
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

async fn p11_hooks_amend_and_follow_up_in_normal_and_are_skipped_in_safe_bypass<S: TestStore>() {
    for (mode, manifest) in MODES {
        let does = json!([{"insert": [50, 5]}, {"add_to": [1, 1]}, {"remove": 3}]);
        let db = S::new(&docs::<S>(4, &[(2, does), (4, json!([]))]));
        let hooks = Marking::default();
        let migrator = db.migrator(manifest).await.hooks("DOCS", hooks.clone());
        let report = migrator.run(Run::up()).await.expect("not refused");
        assert_eq!(report.status, RunStatus::Completed, "{report:?}");
        let rows = db.rows("SELECT id, value, seen FROM docs ORDER BY id");
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

async fn p11_a_hook_that_refuses_fails_its_document_and_leaves_nothing<S: TestStore>() {
    let db = S::new(&docs::<S>(9, &[]));
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
    assert_eq!(db.number("SELECT sum(value) FROM docs"), 45);
}
