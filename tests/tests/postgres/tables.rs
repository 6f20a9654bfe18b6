//! Tables of every make: in schemas, with names that SQL stumbles over, partitioned, with columns that the database fills in.

use driftless::Run;
use driftless_tests::{PostgresDatabase, TestStore, assert_says, docs, fixtures};

#[tokio::test]
async fn a_table_of_another_schema_and_one_with_an_odd_name_are_found() {
    let db = PostgresDatabase::new(
        r#"CREATE SCHEMA shop; CREATE SCHEMA "Odd ""Shop""";
           CREATE TABLE shop.todos (id bigint PRIMARY KEY, priority text);
           CREATE TABLE todos (id bigint PRIMARY KEY, priority text);
           CREATE TABLE "Odd ""Shop"""."to.do's" ("Id" bigint PRIMARY KEY, "Prio rity" text, "from" text);
           INSERT INTO shop.todos VALUES (1); INSERT INTO todos VALUES (2); INSERT INTO "Odd ""Shop"""."to.do's" VALUES (3, NULL, 'here')"#,
    );
    db.up(&fixtures::schemas).await;
    assert_eq!(db.rows("SELECT * FROM shop.todos"), ["1|shop"]);
    assert_eq!(
        db.rows("SELECT * FROM todos"),
        ["2|NULL"],
        "the one in public is another one"
    );
    assert_eq!(
        db.rows(r#"SELECT * FROM "Odd ""Shop"""."to.do's""#),
        ["3|odd|here and there"]
    );
    db.completed(&fixtures::schemas, Run::down().steps(1)).await;
    assert_eq!(
        db.rows(r#"SELECT * FROM "Odd ""Shop"""."to.do's""#),
        ["3|NULL|here"]
    );
}

#[tokio::test]
async fn a_name_without_a_schema_follows_the_search_path_of_the_role() {
    let db = PostgresDatabase::new(
        "CREATE SCHEMA shop; CREATE TABLE shop.accounts (id bigint PRIMARY KEY, amount bigint); INSERT INTO shop.accounts VALUES (1, 1)",
    );
    db.run(&format!(
        "ALTER DATABASE {} SET search_path = shop",
        db.name()
    ));
    db.up(&fixtures::add_million).await;
    assert_eq!(db.rows("SELECT amount FROM shop.accounts"), ["1000001"]);
    assert_eq!(db.rows("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'migration%' AND schemaname <> 'shop'"), ["0"]);
}

#[tokio::test]
async fn what_is_not_a_table_is_refused_with_what_to_name_instead() {
    for (schema, says) in [
        (
            "CREATE TABLE t (id int PRIMARY KEY, amount bigint); CREATE VIEW accounts AS SELECT * FROM t",
            "view",
        ),
        (
            "CREATE TABLE t (id int PRIMARY KEY, amount bigint); CREATE MATERIALIZED VIEW accounts AS SELECT * FROM t",
            "view",
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE accounts (id int, amount bigint) SERVER s",
            "foreign table",
        ),
    ] {
        let db = PostgresDatabase::new(schema);
        let error = db.failure(&fixtures::add_million, Run::up()).await;
        assert_says(&error, &["accounts", says]);
    }
}

#[tokio::test]
async fn a_missing_table_or_schema_is_named_with_the_one_that_may_be_meant() {
    let db = PostgresDatabase::new("CREATE TABLE account (id int PRIMARY KEY, amount bigint)");
    let error = db.failure(&fixtures::add_million, Run::up()).await;
    assert_says(&error, &["no table accounts", "did you mean account?"]);
    let error = db.failure(&fixtures::schemas, Run::up()).await;
    assert_says(&error, &["shop"]);
}

#[tokio::test]
async fn partitions_of_every_kind_are_one_table() {
    for (by, parts) in [
        (
            "RANGE (id)",
            "CREATE TABLE p1 PARTITION OF accounts FOR VALUES FROM (MINVALUE) TO (500); CREATE TABLE p2 PARTITION OF accounts FOR VALUES FROM (500) TO (MAXVALUE)",
        ),
        (
            "HASH (id)",
            "CREATE TABLE p1 PARTITION OF accounts FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE p2 PARTITION OF accounts FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        ),
        (
            "LIST (id)",
            "CREATE TABLE p1 PARTITION OF accounts FOR VALUES IN (7) ; CREATE TABLE p2 PARTITION OF accounts DEFAULT PARTITION BY RANGE (id); CREATE TABLE p3 PARTITION OF p2 DEFAULT",
        ),
    ] {
        let db = PostgresDatabase::new(&format!(
            "CREATE TABLE accounts (id bigint PRIMARY KEY, amount bigint) PARTITION BY {by}; {parts};
             INSERT INTO accounts SELECT i, i FROM generate_series(1, 1000) AS i"
        ));
        let report = db
            .completed(&fixtures::add_million, Run::up().batch_size(64))
            .await;
        assert_eq!((report.processed, report.changed), (1_000, 1_000), "{by}");
        assert_eq!(
            db.number("SELECT count(*) FROM accounts WHERE amount = id + 1000000"),
            1_000,
            "{by}"
        );
    }
}

#[tokio::test]
async fn rows_of_a_table_that_inherits_are_visited_once_or_the_table_is_refused() {
    let db = PostgresDatabase::new(
        "CREATE TABLE accounts (id bigint PRIMARY KEY, amount bigint); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (accounts);
         INSERT INTO accounts VALUES (1, 1); INSERT INTO child VALUES (1, 10), (2, 20)",
    );
    let report = db.migrate(&fixtures::add_million, Run::up()).await;
    let amounts = db.rows("SELECT amount FROM accounts ORDER BY amount");
    // Two rows may have one key there: whatever is done, no row is done twice and none of another key's.
    println!("{report:?} {amounts:?}");
    for amount in amounts {
        assert!(
            ["1", "10", "20", "1000001", "1000010", "1000020"].contains(&amount.as_str()),
            "{amount}"
        );
    }
}

#[tokio::test]
async fn columns_that_the_database_fills_in_are_read_and_writing_them_is_a_clear_error() {
    let generated = "CREATE TABLE accounts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cents bigint, amount bigint GENERATED ALWAYS AS (cents / 100) STORED); INSERT INTO accounts (cents) VALUES (100)";
    let db = PostgresDatabase::new(generated);
    let error = db.failure(&fixtures::add_million, Run::up()).await;
    assert_says(
        &error,
        &[
            "document 1 of accounts",
            "sets column amount",
            "accounts computes itself",
        ],
    );
    // A key that is always generated is no obstacle to patches.
    db.run("ALTER TABLE accounts DROP COLUMN amount; ALTER TABLE accounts RENAME COLUMN cents TO amount");
    db.up(&fixtures::add_million).await;
    assert_eq!(db.rows("SELECT * FROM accounts"), ["1|1000100"]);
    let db = PostgresDatabase::new(
        "CREATE TABLE accounts (id bigint PRIMARY KEY, amount bigint GENERATED ALWAYS AS IDENTITY); INSERT INTO accounts VALUES (1)",
    );
    let error = db.failure(&fixtures::add_million, Run::up()).await;
    assert_says(&error, &["document 1 of accounts", "amount"]);
}

#[tokio::test]
async fn a_generated_column_is_read_like_any_other() {
    let db = PostgresDatabase::new(&docs::<PostgresDatabase>(3, &[]));
    db.run("ALTER TABLE docs ADD CHECK (doubled = value * 2)");
    db.up(&fixtures::puppet).await;
    assert_eq!(
        db.rows("SELECT doubled FROM docs ORDER BY id"),
        ["20", "40", "60"]
    );
}
