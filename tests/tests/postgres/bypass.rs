//! P11 on Postgres: `safe_bypass` where the server allows it and where it does not; foreign keys in every direction.

use driftless::{Migrator, Run, RunStatus};
use driftless_tests::{
    PostgresDatabase, TestStore, assert_says, assert_says_constraint, docs, fixtures,
};
use serde_json::{Value, json};

fn loud() -> String {
    let body = "INSERT INTO notes VALUES (NEW.id, 'trigger')";
    PostgresDatabase::trigger("loud", "docs", "AFTER UPDATE", body)
}

fn world(special: &[(u32, Value)]) -> String {
    docs::<PostgresDatabase>(6, special) + &loud()
}

#[tokio::test]
async fn p11_an_owner_who_may_not_bypass_is_told_the_triggers_and_the_choices_before_anything_is_written()
 {
    let db = PostgresDatabase::new(&world(&[]));
    let owner = db.role("owner", "");
    db.run(&format!(
        "ALTER TABLE docs OWNER TO {0}; ALTER TABLE notes OWNER TO {0}; GRANT CREATE ON SCHEMA public TO {0}",
        owner.name
    ));
    let migrator = Migrator::connect(&owner.url, &fixtures::puppet)
        .await
        .expect("connected");
    let error = match migrator.run(Run::up()).await {
        Err(error) => error.chain(),
        Ok(report) => report.error.expect("refused or failed"),
    };
    assert_says(&error, &["docs", "loud", "write_mode = \"normal\""]);
    assert_eq!(db.number("SELECT sum(value) FROM docs"), 21);
    // Without triggers there is nothing to bypass.
    db.run("DROP TRIGGER loud ON docs");
    let migrator = Migrator::connect(&owner.url, &fixtures::puppet)
        .await
        .expect("connected");
    let report = migrator.run(Run::up()).await.expect("not refused");
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(db.number("SELECT sum(value) FROM docs"), 210);
}

#[tokio::test]
async fn p11_a_trigger_that_fires_always_is_not_silently_left_to_fire() {
    let db = PostgresDatabase::new(&world(&[]));
    db.run("ALTER TABLE docs ENABLE ALWAYS TRIGGER loud");
    let report = db.migrate(&fixtures::puppet, Run::up()).await;
    let fired = db.number("SELECT count(*) FROM notes");
    match report.status {
        RunStatus::Completed => assert_eq!(fired, 0, "it fired"),
        _ => assert_says(&report.error.expect("why"), &["loud", "ALWAYS"]),
    }
}

#[tokio::test]
async fn p11_the_app_s_own_sessions_fire_its_triggers_during_and_after_the_run() {
    let db = PostgresDatabase::new(&world(&[(3, json!([{"sql": "SELECT pg_sleep(0.2)"}]))]));
    let url = db.url();
    let run = driftless_tests::run_beside(async move {
        Migrator::connect(&url, &fixtures::puppet)
            .await?
            .run(Run::up().batch_size(1))
            .await
    });
    crate::wait_until(
        &db,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'",
    );
    db.run("UPDATE docs SET seen = 'app' WHERE id = 6");
    let report = run.join().expect("no panic").expect("not refused");
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(db.rows("SELECT * FROM notes"), ["6|trigger"]);
}

#[tokio::test]
async fn p11_foreign_keys_hold_in_every_direction_with_triggers_bypassed() {
    for (setup, does, outcome) in [
        // Ours to another table, of one column and of two.
        (
            "ALTER TABLE docs ADD other int REFERENCES others",
            json!([{"set": ["other", 99]}]),
            Err("foreign key"),
        ),
        (
            "ALTER TABLE docs ADD other int REFERENCES others",
            json!([{"set": ["other", 1]}]),
            Ok("1"),
        ),
        (
            "ALTER TABLE docs ADD other int, ADD word text DEFAULT 'a', ADD FOREIGN KEY (other, word) REFERENCES others (id, word) MATCH SIMPLE",
            json!([{"set": ["other", 2]}]),
            Err("foreign key"),
        ),
        // Another's to us: the row that it points to is removed or changed.
        (
            "CREATE TABLE pointing (doc bigint REFERENCES docs ON DELETE RESTRICT); INSERT INTO pointing VALUES (4)",
            json!(["delete"]),
            Err("foreign key"),
        ),
        (
            "CREATE TABLE pointing (doc bigint REFERENCES docs); INSERT INTO pointing VALUES (4)",
            json!(["delete"]),
            Err("foreign key"),
        ),
        (
            "CREATE TABLE pointing (doc bigint REFERENCES docs ON DELETE CASCADE); INSERT INTO pointing VALUES (4), (5)",
            json!(["delete"]),
            Err("on delete cascade"),
        ),
        (
            "CREATE TABLE pointing (doc bigint REFERENCES docs ON DELETE SET NULL); INSERT INTO pointing VALUES (4)",
            json!(["delete"]),
            Err("on delete set null"),
        ),
        (
            "UPDATE docs SET code = 'k' || id; CREATE TABLE pointing (code text REFERENCES docs (code) ON UPDATE CASCADE); INSERT INTO pointing VALUES ('k4')",
            json!([{"set": ["code", "new"]}]),
            Err("on update cascade"),
        ),
        (
            "UPDATE docs SET code = 'k' || id; CREATE TABLE pointing (code text REFERENCES docs (code)); INSERT INTO pointing VALUES ('k4')",
            json!([{"set": ["code", "new"]}]),
            Err("foreign key"),
        ),
        // What is checked at the end of the transaction is checked.
        (
            "ALTER TABLE docs ADD other int REFERENCES others DEFERRABLE INITIALLY DEFERRED",
            json!([{"set": ["other", 99]}]),
            Err("foreign key"),
        ),
        (
            "ALTER TABLE docs ADD EXCLUDE (seen WITH =) WHERE (seen <> '')",
            json!([{"set": ["seen", "twice"]}]),
            Err("exclusion"),
        ),
    ] {
        let db = PostgresDatabase::new(&world(&[(4, does.clone())]));
        db.run("ALTER TABLE docs DROP CONSTRAINT docs_parent_fkey");
        db.run("CREATE TABLE others (id int PRIMARY KEY, word text, UNIQUE (id, word)); INSERT INTO others VALUES (1, 'a'), (2, 'b')");
        db.run("UPDATE docs SET seen = 'twice' WHERE id = 1; DELETE FROM notes");
        db.run(setup);
        db.run("DELETE FROM notes");
        let before = db.rows("SELECT * FROM docs ORDER BY id");
        println!("{setup}; {does}");
        let report = db.migrate(&fixtures::puppet, Run::up()).await;
        match outcome {
            Err(kind) => {
                assert_eq!(report.status, RunStatus::Failed, "{setup}: {report:?}");
                assert_says_constraint(&report.error.expect("why"), kind);
                assert_eq!(db.rows("SELECT * FROM docs ORDER BY id"), before);
            }
            Ok(left) => {
                assert_eq!(report.status, RunStatus::Completed, "{setup}: {report:?}");
                let sql = if setup.contains("pointing") {
                    "SELECT * FROM pointing"
                } else {
                    "SELECT other FROM docs WHERE id = 4"
                };
                assert_eq!(db.rows(sql), [left], "{setup}");
            }
        }
        assert_eq!(
            db.number("SELECT count(*) FROM notes"),
            0,
            "no trigger fired: {setup}"
        );
    }
}

#[tokio::test]
async fn p11_the_session_is_as_it_was_after_a_run() {
    let db = PostgresDatabase::new(&world(&[(
        3,
        json!([{"sql": "INSERT INTO notes SELECT 3, current_setting('session_replication_role')"}]),
    )]));
    db.up(&fixtures::puppet).await;
    db.run("UPDATE docs SET value = 0 WHERE id = 1");
    assert_eq!(
        db.rows("SELECT doc, seen FROM notes WHERE seen = 'trigger'"),
        ["1|trigger"]
    );
}
