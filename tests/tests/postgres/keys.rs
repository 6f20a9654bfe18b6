//! P9: the kinds of key that only Postgres has, and the order of its collations.

use driftless_tests::{PostgresDatabase, TestStore};

/// Each table, the type of its key, the key as an expression of `i`, and rows of its own.
const TABLES: [(&str, &str, &str, &str); 9] = [
    (
        "by_uuid",
        "uuid",
        "md5(i::text)::uuid",
        "('ffffffff-ffff-ffff-ffff-ffffffffffff'), ('00000000-0000-0000-0000-000000000000')",
    ),
    (
        "by_moment",
        "timestamptz",
        "'2024-02-29T23:59:59.999999Z'::timestamptz + i * interval '1 microsecond'",
        "('infinity'), ('-infinity'), ('4713-01-01 BC')",
    ),
    (
        "by_day",
        "date",
        "'2024-02-20'::date + i",
        "('infinity'), ('0044-03-15 BC')",
    ),
    (
        "by_numeric",
        "numeric",
        "i / 7.0",
        "('NaN'), ('Infinity'), ('-0.10'), ('123456789012345678901234567890.5')",
    ),
    (
        "by_collation",
        "text COLLATE \"de-x-icu\"",
        "chr(64 + i % 50) || chr(224 + i / 8)",
        "(''), ('ä'), ('a'), ('Z'), ('ß'), ('😀'), ('-'), ('it''s')",
    ),
    (
        "by_double",
        "float8",
        "i / 3.0",
        "('NaN'), ('Infinity'), ('-Infinity'), ('-0'), ('1e-320')",
    ),
    (
        "by_mood",
        "mood",
        "(enum_range(NULL::mood))[i - 9]",
        "('m5')",
    ),
    ("by_domain", "shortly", "'d' || i", "('x')"),
    (
        "by_small",
        "smallint",
        "(i * 160 - 16000)::smallint",
        "(32767), (-32768)",
    ),
];

fn script() -> String {
    let moods: Vec<String> = (10..=200)
        .rev()
        .chain([5])
        .map(|i| format!("'m{i}'"))
        .collect();
    let mut script = format!(
        "CREATE TYPE mood AS ENUM ({}); CREATE DOMAIN shortly AS varchar(10);",
        moods.join(", ")
    );
    for (table, kind, key, special) in TABLES {
        script += &format!(
            "CREATE TABLE {table} (k {kind} PRIMARY KEY, value bigint NOT NULL DEFAULT 1);
             INSERT INTO {table} SELECT {key}, i FROM generate_series(10, 200) AS i; INSERT INTO {table} (k) VALUES {special};\n"
        );
    }
    script
}

fn all(db: &PostgresDatabase, factor: i64) -> Vec<String> {
    let tables = TABLES.iter();
    tables
        .flat_map(|(table, ..)| {
            db.rows(&format!(
                "SELECT '{table}', k::text, value * {factor} FROM {table} ORDER BY k"
            ))
        })
        .collect()
}

#[test]
fn p9_every_kind_of_key_survives_as_a_cursor() {
    let db = PostgresDatabase::new(&script());
    let expected = all(&db, 10);
    loop {
        // Eight batches at a time, of seven: keys of every table are cursors that are read back.
        let mut child = crate::driver("keys_postgres", &db, "--wait-after 8");
        if child.try_await("waiting").is_none() {
            assert_eq!(child.finish(), "ended completed:");
            break;
        }
        child.kill();
    }
    assert_eq!(all(&db, 1), expected);
}

#[tokio::test]
async fn p9_a_table_without_a_primary_key_is_refused_with_a_way_out() {
    let db = PostgresDatabase::new("CREATE TABLE accounts (amount bigint)");
    let error = db
        .failure(
            &driftless_tests::fixtures::add_million,
            driftless::Run::up(),
        )
        .await;
    driftless_tests::assert_says(&error, &["accounts", "primary key"]);
}
