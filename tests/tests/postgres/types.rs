//! Reading a document and writing it back unchanged loses nothing, whatever the type; random rows, made by the server.

use driftless::Run;
use driftless_tests::{PostgresDatabase, Seed, TestStore, assert_says, fixtures};

/// Name, type, and an expression of `i` and `random()` for a value of it.
const COLUMNS: [(&str, &str, &str); 30] = [
    ("small", "smallint", "(random() * 65535 - 32768)::int"),
    (
        "whole",
        "integer",
        "(random() * 4294967295 - 2147483648)::bigint",
    ),
    (
        "big",
        "bigint",
        "(array[9223372036854775807, -9223372036854775808, 0, 9007199254740993, i])[1 + i % 5]",
    ),
    (
        "single",
        "real",
        "(array['NaN', 'Infinity', '-Infinity', '-0', '1e-45', '3.4028235e38', '0.1', random()::text])[1 + i % 8]::real",
    ),
    (
        "double",
        "float8",
        "(array['NaN', 'Infinity', '-Infinity', '-0', '5e-324', '1.7976931348623157e308', '0.1', random()::text])[1 + i % 8]::float8",
    ),
    (
        "exact",
        "numeric",
        "(array['NaN', 'Infinity', '-Infinity', '0.00', '-0.100', '12345678901234567890.123456789012345678901234567890', '1e-50', random()::text])[1 + i % 8]::numeric",
    ),
    ("price", "numeric(12,2)", "(random() * 1e9)::numeric(12,2)"),
    (
        "words",
        "text",
        "(array['', 'it''s \"\\ {,} NULL', 'größe 😀', E'\\n\\t\\x01', md5(random()::text)])[1 + i % 5]",
    ),
    ("limited", "varchar(40)", "md5(random()::text)"),
    ("padded", "char(8)", "left(md5(random()::text), i % 9)"),
    (
        "bytes",
        "bytea",
        "decode(left(md5(random()::text), 2 * (i % 17)), 'hex')",
    ),
    ("flag", "boolean", "random() < 0.5"),
    ("ident", "uuid", "md5(random()::text)::uuid"),
    (
        "day",
        "date",
        "(array['infinity', '-infinity', '0044-03-15 BC', '294276-12-31', '2024-02-29'])[1 + i % 5]::date",
    ),
    (
        "clock",
        "time",
        "(array['24:00', '00:00', '23:59:59.999999', '12:34:56.7'])[1 + i % 4]::time",
    ),
    (
        "clock_there",
        "timetz",
        "(array['24:00+00', '00:00:00.000001-15:59', '23:59:59+05:45'])[1 + i % 3]::timetz",
    ),
    (
        "moment",
        "timestamptz",
        "(array['infinity', '-infinity', '4713-01-01 BC', '294276-12-31 23:59:59.999999+00', '2024-02-29 12:00:00.000001+05:45'])[1 + i % 5]::timestamptz",
    ),
    (
        "local",
        "timestamp",
        "(array['infinity', '-infinity', '4713-01-01 BC', '294276-12-31 23:59:59.999999', '2024-02-29 12:00:00.1'])[1 + i % 5]::timestamp",
    ),
    (
        "span",
        "interval",
        "(array['1 year -2 months 3 days -04:05:06.789', '-178000000 years', '0', '1.000001 seconds', '13 months 40 days 25 hours'])[1 + i % 5]::interval",
    ),
    (
        "json_text",
        "json",
        "(array['{\"a\":1,\"b\":[null,true]}', '1.5', '[1,\"é\",-7]', '\"x\"'])[1 + i % 4]::json",
    ),
    (
        "json_tree",
        "jsonb",
        "(array['{\"b\": [1, {\"a\": null}]}', '1e300', '0.1', '\"\"'])[1 + i % 4]::jsonb",
    ),
    (
        "numbers",
        "integer[]",
        "(array['{}', '{1,NULL,3}', '{{1,2},{3,4}}'])[1 + i % 3]::int[]",
    ),
    (
        "strings",
        "text[]",
        "(array['{}', '{\"a,b\",\"NULL\",NULL,\"\"}', '{\"it''s \\\\ \\\"q\\\"\"}'])[1 + i % 3]::text[]",
    ),
    (
        "moments",
        "timestamptz[]",
        "array['infinity'::timestamptz, NULL, '2024-02-29 12:00:00.000001+00']",
    ),
    (
        "mood",
        "mood",
        "(array['happy', 'it''s, ok', 'Größe'])[1 + i % 3]::mood",
    ),
    ("short", "shortly", "left(md5(random()::text), 5)::shortly"),
    (
        "between",
        "int4range",
        "(array['empty', '(,5)', '[1,)', '[3,9)'])[1 + i % 4]::int4range",
    ),
    ("pair", "pair", "row(i, 'a \"b\", (c)')::pair"),
    (
        "address",
        "inet",
        "(array['::1', '10.0.0.0/8', '192.168.0.1'])[1 + i % 3]::inet",
    ),
    ("bits", "bit varying", "(i % 17)::bit(9)::bit varying"),
];

const ROWS: u32 = 240;

fn script(seed: u64) -> String {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, kind, _)| format!("{name} {kind}"))
        .collect();
    // Every seventh cell is NULL, each column at rows of its own.
    let values: Vec<String> = COLUMNS
        .iter()
        .enumerate()
        .map(|(at, (_, _, value))| format!("CASE WHEN (i + {at}) % 7 > 0 THEN {value} END"))
        .collect();
    format!(
        "CREATE TYPE mood AS ENUM ('happy', 'it''s, ok', 'Größe'); CREATE DOMAIN shortly AS text CHECK (length(VALUE) < 6);
         CREATE TYPE pair AS (n int, t text);
         CREATE TABLE samples (id bigint PRIMARY KEY, {}, touched int NOT NULL DEFAULT 0);
         SELECT setseed({});
         INSERT INTO samples SELECT i, {} FROM generate_series(1, {ROWS}) AS i;
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON samples FOR EACH ROW EXECUTE FUNCTION touch()",
        columns.join(", "),
        (seed % 1000) as f64 / 1000.0,
        values.join(", "),
    )
}

#[tokio::test]
async fn every_type_is_read_and_written_back_without_a_change() {
    let mut seed = Seed::new();
    for size in [1, 16, 1_000] {
        let db = PostgresDatabase::new(&script(seed.u64(..)));
        let names: Vec<String> = COLUMNS
            .iter()
            .map(|(name, ..)| format!("{name}::text"))
            .collect();
        // As text, and as the bytes that the server stores: -0 is not 0.
        let shown = format!("SELECT id, {} FROM samples ORDER BY id", names.join(", "));
        let stored = "SELECT id, md5(double_and_single) FROM (SELECT id, float8send(double)::text || float4send(single)::text AS double_and_single FROM samples) AS s ORDER BY id";
        let (before, bits) = (db.rows(&shown), db.rows(stored));
        let report = db
            .completed(&fixtures::types, Run::up().batch_size(size))
            .await;
        assert_eq!(report.changed, u64::from(ROWS), "all were really written");
        assert_eq!(
            db.rows("SELECT DISTINCT touched FROM samples"),
            ["1"],
            "once each"
        );
        for (after, before) in db.rows(&shown).iter().zip(&before) {
            assert_eq!(after, before, "batches of {size}");
        }
        assert_eq!(db.rows(stored), bits);
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_with_table_key_column_and_what_it_is() {
    for (kind, value, says) in [
        ("text", "'many'", "column amount holds text ('many')"),
        ("bigint", "NULL", "column amount holds NULL"),
        ("numeric", "1.5", "column amount holds"),
        ("boolean", "true", "column amount holds"),
    ] {
        let db = PostgresDatabase::new(&format!(
            "CREATE TABLE accounts (id bigint PRIMARY KEY, amount {kind}); INSERT INTO accounts VALUES (7, {value})"
        ));
        let error = db.failure(&fixtures::add_million, Run::up()).await;
        assert_says(
            &error,
            &["document 7 of accounts", says, "nothing was changed"],
        );
    }
}

#[tokio::test]
async fn a_value_that_the_column_does_not_take_is_named_and_changes_nothing() {
    for (kind, before) in [
        ("smallint", "5"),
        ("numeric(6,0)", "5"),
        ("char(3)", "5"),
        ("date", "'2024-01-01'"),
    ] {
        let db = PostgresDatabase::new(&format!(
            "CREATE TABLE accounts (id bigint PRIMARY KEY, amount {kind}); INSERT INTO accounts VALUES (1, {before})"
        ));
        let shown = db.rows("SELECT amount FROM accounts");
        let error = db.failure(&fixtures::add_million, Run::up()).await;
        assert_says(&error, &["document 1 of accounts", "amount"]);
        assert_eq!(db.rows("SELECT amount FROM accounts"), shown);
    }
}
