//! Aggregates on Postgres: TRUNCATE, isolation, rights, types, what is refused, and two apps in each other's way.

use driftless::{AggregateState, Backfill, Migrator, Run, RunStatus};
use driftless_tests::todos::{
    TODOS_BY_OWNER, TODOS_BY_PROJECT, aggregates_and, assert_right, build, states, todos,
    with_aggregates,
};
use driftless_tests::{App, PostgresDatabase, TestStore, assert_says, fixtures};

const READY: Option<AggregateState> = Some(AggregateState::Ready);
const STALE: Option<AggregateState> = Some(AggregateState::Stale);

#[tokio::test]
async fn truncate_copy_merge_and_writes_in_a_with_are_followed() {
    let db = PostgresDatabase::new(&todos::<PostgresDatabase>(100));
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new().batch_size(30)).await;
    for write in [
        "MERGE INTO todos USING (SELECT generate_series(90, 110) AS id) AS s ON s.id = todos.id
           WHEN MATCHED AND s.id < 95 THEN DELETE WHEN MATCHED THEN UPDATE SET effort = 7
           WHEN NOT MATCHED THEN INSERT (id, project_id, effort) VALUES (s.id, 2, 9)",
        "WITH gone AS (DELETE FROM todos WHERE id < 10 RETURNING *) INSERT INTO todos SELECT id + 1000, project_id, completed, effort FROM gone",
        "BEGIN; DELETE FROM todos WHERE id < 50; SAVEPOINT s; DELETE FROM todos; ROLLBACK TO s; COMMIT",
        "BEGIN; TRUNCATE todos; ROLLBACK",
        "TRUNCATE todos",
        "INSERT INTO todos (id, project_id) VALUES (1, 1)",
    ] {
        db.run(write);
        assert_right(&db, &migrator).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_is_older_than_the_cursor_fails_and_counts_nothing_twice() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let db = PostgresDatabase::new(&todos::<PostgresDatabase>(200));
        let token = driftless::CancelToken::default();
        let stopper = token.clone();
        let migrator = with_aggregates(&db).await;
        let observed = migrator.clone().observer(move |event| {
            if let driftless::Event::AggregateBatch { processed: 50, .. } = event {
                stopper.cancel();
            }
        });
        let half = Backfill::new()
            .batch_size(50)
            .full_speed()
            .cancel_on(&token);
        let _ = observed.backfill(half).await.expect("canceled");
        let other = db.connect();
        other.run(&format!(
            "BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM todos"
        ));
        let _ = build(&migrator, Backfill::new().batch_size(50)).await;
        // What its snapshot says of the cursor is long past.
        let refused = other
            .try_run("DELETE FROM todos WHERE id = 120")
            .expect_err("to be tried again");
        assert_eq!(
            refused.code().map(|code| code.code()),
            Some("40001"),
            "{refused:?}"
        );
        other.run("ROLLBACK");
        other.run(&format!(
            "BEGIN ISOLATION LEVEL {level}; DELETE FROM todos WHERE id = 120; COMMIT"
        ));
        assert_right(&db, &migrator).await;
    }
}

#[tokio::test]
async fn a_write_in_flight_is_waited_for_and_counted_once() {
    let db = PostgresDatabase::new(&todos::<PostgresDatabase>(100));
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new()).await;
    let other = db.connect();
    other.run("BEGIN; INSERT INTO todos (id, project_id, effort) VALUES (1000, 1, 5); DELETE FROM todos WHERE id = 3");
    let rebuild = migrator.backfill(Backfill::new().rebuild().full_speed());
    let commit = async {
        crate::wait_until(&db, crate::SOMEBODY_WAITS);
        other.run("COMMIT");
    };
    let (report, ()) = tokio::join!(rebuild, commit);
    assert_eq!(report.expect("not refused").status, RunStatus::Completed);
    assert_right(&db, &migrator).await;
}

#[tokio::test]
async fn an_app_needs_no_rights_on_our_tables_and_an_owner_none_to_bypass_our_triggers() {
    let db = PostgresDatabase::new(&todos::<PostgresDatabase>(100));
    let (owner, app) = (db.role("owner", ""), db.role("app", ""));
    db.run(&format!(
        "ALTER TABLE todos OWNER TO {0}; GRANT CREATE ON SCHEMA public TO {0};
         GRANT SELECT, INSERT, UPDATE, DELETE ON todos TO {1}",
        owner.name, app.name
    ));
    let migrator = Migrator::connect(&owner.url, &fixtures::todos_bypass)
        .await
        .expect("connected");
    let migrator = migrator.aggregates(&[&TODOS_BY_PROJECT, &TODOS_BY_OWNER]);
    let _ = build(&migrator, Backfill::new()).await;
    let app = App::connect(&app.url);
    app.run("SET search_path = pg_temp; INSERT INTO public.todos (id, project_id, effort) VALUES (1000, 1, 5); DELETE FROM public.todos WHERE id < 10");
    assert_right(&db, &migrator).await;
    let report = migrator
        .run(Run::up().full_speed())
        .await
        .expect("not refused");
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(states(&migrator).await, [STALE, STALE]);
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

#[tokio::test]
async fn where_a_trigger_of_the_apps_is_kept_from_firing_ours_are_too_and_that_is_known() {
    let db = PostgresDatabase::new(&todos::<PostgresDatabase>(100));
    let body = "INSERT INTO heard VALUES (NEW.id)";
    db.run(
        &("CREATE TABLE heard (id bigint);".to_owned()
            + &PostgresDatabase::trigger("loud", "todos", "AFTER UPDATE", body)),
    );
    let migrator = aggregates_and(&db, &fixtures::todos_bypass).await;
    let _ = build(&migrator, Backfill::new()).await;
    let report = migrator
        .run(Run::up().full_speed().workers(3))
        .await
        .expect("not refused");
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    assert_eq!(db.number("SELECT count(*) FROM heard"), 0);
    assert_eq!(states(&migrator).await, [STALE, STALE]);
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

mod typed {
    driftless::aggregate! {
        pub BY_MOOD = "shop.sales" by (mood, day, "count") {
            count, sum(price), avg(price), sum(weight), avg(pieces), min(at), max(at), max(price), min(mood), max(note)
        }
    }
    driftless::aggregate! {
        pub BY_TAG = "tagged" by (tag) { count }
    }
    driftless::aggregate! {
        pub SMALLEST_POINT = "tagged" by (place) { min(spot) }
    }
    driftless::aggregate! {
        pub OF_PARTS = "parts" by (id) { count }
    }
}

#[tokio::test]
async fn types_keep_their_meaning_and_sums_are_exact() {
    let db = PostgresDatabase::new(
        "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TABLE shop.sales (id uuid DEFAULT gen_random_uuid(), shard smallint, mood shop.mood, day date, \"count\" varchar(20),
            price numeric(20, 4), weight double precision, pieces smallint, at timestamptz, note text COLLATE \"C\", PRIMARY KEY (shard, id));
         INSERT INTO shop.sales (shard, mood, day, \"count\", price, weight, pieces, at, note)
         SELECT i % 5, (ARRAY['sad', 'ok', 'happy', NULL]::shop.mood[])[1 + i % 4], date '2026-01-01' + i % 3, 'c' || i % 2,
            CASE WHEN i % 9 > 0 THEN i * 12345678901.0001 END, i * 0.1, i % 100, timestamptz '2026-01-01 00:00Z' + i * interval '1.000001 hour', 'note ' || i
         FROM generate_series(1, 500) AS i;",
    );
    let migrator = db
        .migrator(&fixtures::times100)
        .await
        .aggregates(&[&typed::BY_MOOD]);
    let _ = build(&migrator, Backfill::new().batch_size(64)).await;
    db.run(
        "SET timezone = 'America/New_York'; SET datestyle = 'SQL, DMY'; SET extra_float_digits = -5;
         UPDATE shop.sales SET price = price + 0.0001, at = at + interval '1 day' WHERE shard = 1;
         DELETE FROM shop.sales WHERE at = (SELECT min(at) FROM shop.sales) OR note = (SELECT max(note) FROM shop.sales);
         UPDATE shop.sales SET mood = 'happy' WHERE mood = 'sad' AND shard = 2;
         RESET timezone; RESET datestyle; RESET extra_float_digits;",
    );
    let groups = migrator
        .aggregate(&typed::BY_MOOD)
        .groups(())
        .await
        .expect("READY");
    let said: Vec<String> = groups
        .iter()
        .map(|group| {
            let (mood, day, count): (Option<String>, String, String) = group.key().expect("a key");
            let price: Option<rust_decimal::Decimal> = group.sum("price").expect("a decimal");
            let average: Option<String> = group.avg("price").expect("text");
            let weight: f64 = group.sum("weight").expect("a float");
            let pieces: f64 = group.avg("pieces").expect("a float");
            let first: jiff::Timestamp = group.min("at").expect("a time");
            let most: Option<String> = group.max("price").expect("text");
            let note: String = group.max("note").expect("text");
            format!(
                "{}|{day}|{count}|{}|{}|{}|{weight:.6}|{pieces:?}|{}|{}|{note}",
                mood.unwrap_or("NULL".into()),
                group.count,
                price.map_or("NULL".into(), |price| price.to_string()),
                average.unwrap_or("NULL".into()),
                first.as_microsecond(),
                most.unwrap_or("NULL".into())
            )
        })
        .collect();
    let mut is = db.rows(
        "SELECT mood::text, day::text, \"count\", count(*), sum(price)::text, avg(price)::text, round(sum(weight)::numeric, 6)::text,
            avg(pieces)::float8, (extract(epoch FROM min(at)) * 1000000)::bigint, max(price)::text, max(note)
         FROM shop.sales GROUP BY mood, day, \"count\" ORDER BY sales.mood, sales.day, sales.\"count\"",
    );
    let mut said = said;
    said.sort();
    is.sort();
    assert_eq!(said, is);
    let day = jiff::civil::date(2026, 1, 2);
    let group = migrator
        .aggregate(&typed::BY_MOOD)
        .get(("happy", day, "c0"))
        .await;
    assert!(group.expect("READY").is_some());
}

#[tokio::test]
async fn what_postgres_cannot_keep_is_refused_with_the_reason() {
    let db = PostgresDatabase::new(
        "CREATE TABLE tagged (id bigint PRIMARY KEY, tag json, place int, spot point);
         CREATE TABLE parts (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);",
    );
    for (aggregate, says) in [
        (&*typed::BY_TAG, &["by_tag", "group tagged by"][..]),
        (
            &typed::SMALLEST_POINT,
            &["smallest_point", "smallest or largest \"spot\""],
        ),
        (&typed::OF_PARTS, &["parts is partitioned", "plain table"]),
    ] {
        let migrator = db
            .migrator(&fixtures::times100)
            .await
            .aggregates(&[aggregate]);
        let report = migrator.backfill(Backfill::new()).await.expect("reported");
        assert_eq!(report.status, RunStatus::Failed, "{report:?}");
        assert_says(report.error.as_deref().expect("a reason"), says);
    }
}

#[tokio::test]
async fn a_value_that_no_index_holds_makes_the_aggregate_stale_and_the_apps_write_succeeds() {
    let db = PostgresDatabase::new(&todos::<PostgresDatabase>(100));
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new()).await;
    // Random, so that compression does not make it short.
    db.run("INSERT INTO todos (id, project_id, created_at) SELECT 1000, 1, string_agg(gen_random_uuid()::text, '') FROM generate_series(1, 200)");
    assert_eq!(states(&migrator).await, [STALE, READY]);
    let error = migrator.aggregate(&TODOS_BY_PROJECT).get((1, true)).await;
    assert_says(
        &error.expect_err("STALE").chain(),
        &["too long for an index"],
    );
    let report = migrator.backfill(Backfill::new()).await.expect("reported");
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    db.run("DELETE FROM todos WHERE id = 1000");
    let _ = build(&migrator, Backfill::new()).await;
    assert_right(&db, &migrator).await;
}

#[tokio::test]
async fn a_column_that_an_aggregate_needs_is_not_dropped_by_mistake() {
    let db = PostgresDatabase::new(&todos::<PostgresDatabase>(10));
    let migrator = with_aggregates(&db).await;
    let _ = build(&migrator, Backfill::new()).await;
    let refused = db
        .app()
        .try_run("ALTER TABLE todos DROP COLUMN effort")
        .expect_err("refused");
    assert_says(&format!("{refused:?}"), &["migration_source_todos_by_"]);
    db.run("ALTER TABLE todos DROP COLUMN title");
    db.run("DELETE FROM todos WHERE id = 1");
    assert_right(&db, &migrator).await;
}
