//! Aggregates on SQLite: rows that are replaced without a DELETE, collations, triggers of the app's, values of any type.

use driftless::Backfill;
use driftless_tests::todos::{assert_right, build, with_aggregates};
use driftless_tests::{Database, TestStore, fixtures};

const TODOS: &str = "CREATE TABLE todos (id INTEGER PRIMARY KEY, project_id BIGINT, completed BOOLEAN, effort BIGINT, created_at TEXT,
        owner TEXT COLLATE NOCASE, title TEXT, code TEXT UNIQUE, slot INTEGER, day INTEGER);
    CREATE UNIQUE INDEX slots ON todos (slot, day) WHERE slot > 0;
    CREATE UNIQUE INDEX titles ON todos (title COLLATE NOCASE);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO todos SELECT i, i % 3, i % 2, i, 'day ' || i, 'Owner ' || (i % 4), 'todo ' || i, 'code ' || i, i, 1 FROM n;";

/// Writes that replace rows, and some that could have.
const REPLACING: [&str; 14] = [
    "REPLACE INTO todos (id, project_id, effort) VALUES (1, 2, 1000)",
    "INSERT OR REPLACE INTO todos (project_id, effort, code) VALUES (2, 2000, 'code 2')",
    "INSERT OR REPLACE INTO todos (id, project_id, code, title, slot, day) VALUES (3, 0, 'code 4', 'TODO 5', 6, 1)",
    "UPDATE OR REPLACE todos SET code = 'code 8' WHERE id = 7",
    "UPDATE OR REPLACE todos SET id = 10 WHERE id = 9",
    "UPDATE OR REPLACE todos SET title = 'Todo ' || (id + 1), slot = -id WHERE id BETWEEN 20 AND 30",
    "INSERT OR IGNORE INTO todos (id, project_id) VALUES (40, 1), (41, 1), (400, 1)",
    "UPDATE todos SET id = 401 WHERE id = 41",
    "INSERT INTO todos (id, project_id) VALUES (402, 1)",
    "INSERT INTO todos (id, code) VALUES (500, 'code 50') ON CONFLICT (code) DO UPDATE SET effort = 5, code = 'code new'",
    "INSERT INTO todos (id, code) VALUES (501, 'code 51') ON CONFLICT (code) DO NOTHING",
    "DELETE FROM todos WHERE code = 'code 51'",
    "REPLACE INTO todos SELECT id + 1, project_id, completed, effort, created_at, owner, NULL, code, NULL, NULL FROM todos WHERE id > 60",
    "REPLACE INTO todos (id, project_id) VALUES (-1, 1), (-1, 2)",
];

#[tokio::test]
async fn rows_that_are_replaced_are_not_counted_any_more() {
    for recursive in [false, true] {
        let db = Database::new(TODOS);
        db.run(&format!("PRAGMA recursive_triggers = {recursive}"));
        let migrator = with_aggregates(&db).await;
        let _ = build(&migrator, Backfill::new()).await;
        for write in REPLACING {
            eprintln!("recursive_triggers {recursive}: {write}");
            db.run(write);
            assert_right(&db, &migrator).await;
        }
    }
}

#[tokio::test]
async fn rows_that_are_replaced_while_a_build_stands_between_them_are_counted_once() {
    let db = Database::new(TODOS);
    let token = driftless::CancelToken::default();
    let stopper = token.clone();
    let migrator = with_aggregates(&db).await;
    let observed = migrator.clone().observer(move |event| match event {
        driftless::Event::AggregateBatch { processed, .. } if *processed == 50 => stopper.cancel(),
        _ => {}
    });
    let half = Backfill::new()
        .batch_size(25)
        .full_speed()
        .cancel_on(&token);
    let _ = observed.backfill(half).await.expect("canceled");
    for write in REPLACING {
        db.run(write);
    }
    // Behind the cursor by one before it, and the other way round.
    db.run("REPLACE INTO todos (id, code) SELECT 1, code FROM todos WHERE id > 80 LIMIT 1");
    db.run("REPLACE INTO todos (id, code) SELECT 1000, code FROM todos WHERE code NOT NULL ORDER BY id LIMIT 1");
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

#[tokio::test]
async fn triggers_of_the_app_that_write_to_the_same_rows_are_followed_in_any_order() {
    let db = Database::new(TODOS);
    db.run(
        "CREATE TRIGGER before_ours AFTER INSERT ON todos BEGIN UPDATE todos SET project_id = 9, effort = NULL WHERE id = NEW.id; END;
         CREATE TRIGGER moved AFTER UPDATE OF project_id ON todos WHEN NEW.effort > 10 BEGIN UPDATE todos SET effort = 10, owner = 'x' WHERE id = NEW.id; END;",
    );
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new()).await;
    db.run(
        "CREATE TRIGGER after_ours AFTER INSERT ON todos BEGIN UPDATE todos SET project_id = 8, created_at = 'day 0' WHERE id = NEW.id; END;
         CREATE TRIGGER cleared AFTER INSERT ON todos WHEN NEW.effort = 13 BEGIN DELETE FROM todos WHERE id = NEW.id; END;",
    );
    for write in [
        "INSERT INTO todos (id, project_id, effort) VALUES (200, 1, 100)",
        "INSERT INTO todos (id, project_id, effort) VALUES (201, 77, 13)",
        "REPLACE INTO todos (id, project_id, effort) VALUES (5, 3, 100), (200, 3, 50)",
        "UPDATE todos SET project_id = 4 WHERE id < 20",
    ] {
        db.run(write);
        assert_right(&db, &migrator).await;
    }
}

mod kinds {
    driftless::aggregate! {
        pub BY_KIND = "plain" by (kind) { count, sum(amount), max(kind) }
    }
}

#[tokio::test]
async fn groups_are_those_of_the_columns_own_collation_and_values_of_any_type_are_ordered() {
    let db = Database::new(
        "CREATE TABLE plain (kind, amount REAL);
         INSERT INTO plain VALUES (1, 0.5), (1.0, 0.25), ('1', 1), ('a', NULL), ('A', 2), (x'61', 3), (NULL, 4), (NULL, NULL);",
    );
    let migrator = db
        .migrator(&fixtures::times100)
        .await
        .aggregates(&[&kinds::BY_KIND]);
    let _ = build(&migrator, Backfill::new().batch_size(3)).await;
    db.run("INSERT INTO plain VALUES (2, 0.125), ('a', 7); UPDATE plain SET kind = 2.0 WHERE kind = 1; DELETE FROM plain WHERE kind = 'A'");
    let groups = migrator
        .aggregate(&kinds::BY_KIND)
        .groups(())
        .await
        .expect("READY");
    let said: Vec<String> = groups
        .iter()
        .map(|group| {
            let sum: Option<f64> = group.sum("amount").expect("a sum");
            format!(
                "{}|{}",
                group.count,
                sum.map_or("NULL".into(), |sum| format!("{sum:?}"))
            )
        })
        .collect();
    let is = db.rows("SELECT count(*), sum(amount) FROM plain GROUP BY kind ORDER BY kind");
    assert_eq!(said, is);
}
