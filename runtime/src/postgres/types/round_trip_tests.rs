//! What a real server holds comes back unchanged: random values of every type, read, written back, compared there.

use super::array::push_quoted;
use super::{ColumnType, Parameter, Scratch, TYPES_SQL, TypeFacts, decode, kind_of_result};
use crate::document::{record_from_row, to_value};
use crate::value::{Row as _, Value, ValueRef};
use fastrand::Rng;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};

/// Rows of each type in each round.
const ROWS: usize = 60;

/// They use the same names.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What the tests need beside Postgres' own types.
const SETUP: &str = "\
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS hstore;
DROP SCHEMA IF EXISTS round_trip CASCADE;
CREATE SCHEMA round_trip;
SET search_path = round_trip, public;
CREATE TYPE \"a mood\" AS ENUM ('good', 'so, \"so\"', 'NULL', '{');
CREATE DOMAIN mood_domain AS \"a mood\";
CREATE DOMAIN counted AS bigint CHECK (VALUE IS NULL OR VALUE > -5);
CREATE DOMAIN counted_further AS counted CHECK (VALUE IS NULL OR VALUE > -4);
CREATE DOMAIN some_numbers AS integer[] CHECK (cardinality(VALUE) < 1000);
CREATE TYPE pair AS (a integer, b text, c double precision, d timestamptz);
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);";

/// Raw bytes of a cell.
struct Raw(Option<Vec<u8>>);

impl<'r> FromSql<'r> for Raw {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, crate::error::BoxError> {
        Ok(Raw(Some(raw.to_vec())))
    }
    fn from_sql_null(_: &Type) -> Result<Self, crate::error::BoxError> {
        Ok(Raw(None))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

async fn connect() -> Client {
    let url = std::env::var("DRIFTLESS_TEST_POSTGRES_URL")
        .expect("DRIFTLESS_TEST_POSTGRES_URL names a server for tests");
    let config: tokio_postgres::Config = url.parse().expect("a Postgres URL");
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Tcp(host) => {
            let stream = tokio::net::TcpStream::connect((host.as_str(), port)).await;
            let stream = stream.expect("the server listens");
            let (client, connection) = config.connect_raw(stream, NoTls).await.expect("connects");
            tokio::spawn(connection);
            client
        }
        #[cfg(unix)]
        tokio_postgres::config::Host::Unix(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            let stream = tokio::net::UnixStream::connect(socket).await;
            let stream = stream.expect("the server listens");
            let (client, connection) = config.connect_raw(stream, NoTls).await.expect("connects");
            tokio::spawn(connection);
            client
        }
    }
}

/// Runs one unnamed statement, as the store does.
async fn query(client: &Client, sql: &str, parameters: &[&Parameter]) -> Vec<Row> {
    let typed: Vec<(&(dyn ToSql + Sync), Type)> = parameters
        .iter()
        .map(|parameter| (*parameter as &(dyn ToSql + Sync), parameter.sql_type()))
        .collect();
    let rows = client.query_typed(sql, &typed).await;
    rows.unwrap_or_else(|error| panic!("{sql}\n{error:?}"))
}

async fn script(client: &Client, sql: &str) {
    let done = client.batch_execute(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
}

/// The one number that a query returns.
async fn count(client: &Client, sql: &str, parameters: &[&Parameter]) -> i64 {
    query(client, sql, parameters).await[0].get(0)
}

fn between(random: &mut Rng, words: &[&str]) -> String {
    (*random.choice(words).expect("words")).into()
}

/// A text with everything in it that quoting may get wrong.
fn text(random: &mut Rng) -> String {
    const PIECES: &[&str] = &[
        "a", "B", " ", "'", "\"", "\\", "\\\\", ",", "{", "}", "NULL", "null", "\n", "\t", "ü",
        "日本", "🦀", "e\u{301}", "\u{1}", "\u{feff}", "$1", "%", ":", ";", "=", "[0:1]",
    ];
    (0..random.usize(0..6))
        .map(|_| between(random, PIECES))
        .collect()
}

fn digits(random: &mut Rng, most: usize) -> String {
    (0..random.usize(1..=most))
        .map(|_| random.digit(10))
        .collect()
}

fn numeric(random: &mut Rng) -> String {
    match random.u8(0..12) {
        0 => between(
            random,
            &[
                "NaN",
                "Infinity",
                "-Infinity",
                "0",
                "0.000",
                "-0.00",
                "1e-300",
                "1e300",
            ],
        ),
        1 => format!("{}{}", between(random, &["-", ""]), digits(random, 4000)),
        2 => format!(
            "0.{}{}",
            "0".repeat(random.usize(0..40)),
            digits(random, 40)
        ),
        3 => format!("{}0000", digits(random, 8)),
        _ => format!(
            "{}{}.{}",
            between(random, &["-", ""]),
            digits(random, 12),
            digits(random, 12)
        ),
    }
}

fn clock(random: &mut Rng) -> String {
    let fraction = match random.u8(0..3) {
        0 => String::new(),
        1 => format!(".{}", random.u8(0..10)),
        _ => format!(".{:06}", random.u32(0..1_000_000)),
    };
    format!(
        "{:02}:{:02}:{:02}{fraction}",
        random.u8(0..24),
        random.u8(0..60),
        random.u8(0..60)
    )
}

fn day(random: &mut Rng) -> (String, &'static str) {
    let (year, era) = match random.u8(0..8) {
        0 => (random.u32(1..4700), " BC"),
        1 => (random.u32(1..1000), ""),
        2 => (random.u32(10_000..294_000), ""),
        3 => (2000 + 100 * random.u32(0..9), ""),
        _ => (random.u32(1900..2100), ""),
    };
    (
        format!("{year:04}-{:02}-{:02}", random.u8(1..13), random.u8(1..29)),
        era,
    )
}

fn timestamp(random: &mut Rng, zone: &str, edges: &[&str]) -> String {
    if random.u8(0..10) == 0 {
        return between(random, edges);
    }
    let ((day, era), clock) = (day(random), clock(random));
    format!("{day} {clock}{zone}{era}")
}

fn offset(random: &mut Rng) -> String {
    let sign = between(random, &["+", "-"]);
    let offset = format!("{sign}{:02}:{:02}", random.u8(0..15), random.u8(0..60));
    if random.bool() {
        offset
    } else {
        format!("{offset}:{:02}", random.u8(0..60))
    }
}

fn interval(random: &mut Rng) -> String {
    match random.u8(0..8) {
        0 => between(
            random,
            &[
                "0",
                "-1 year -2 months -3 days -04:05:06.7",
                "1 day ago",
                "-178000000 years",
                "178000000 years",
                "2147483647 days",
                "-2147483648 days",
                "-2562047788:00:54.775807",
                "2562047788:00:54.775807",
                "-2147483648 months",
                "-0.000001 seconds",
            ],
        ),
        _ => {
            let signed = |random: &mut Rng, most: i64| {
                if random.u8(0..3) == 0 {
                    0
                } else {
                    random.i64(-most..=most)
                }
            };
            format!(
                "{} months {} days {} microseconds",
                signed(random, 30_000),
                signed(random, 900_000),
                signed(random, 90_000_000_000_000)
            )
        }
    }
}

fn json(random: &mut Rng, depth: u8) -> String {
    let string =
        |random: &mut Rng| serde_json::to_string(&text(random).replace('\u{1}', "")).expect("JSON");
    match random.u8(0..if depth == 0 { 5 } else { 8 }) {
        0 => string(random),
        1 => between(random, &["null", "true", "false"]),
        2 => between(
            random,
            &[
                "0",
                "-0",
                "1.10",
                "1e5",
                "123456789012345678901234567890.123456789",
                "-7",
                "0.1",
            ],
        ),
        3 => random.i64(..).to_string(),
        4 => between(
            random,
            &[
                "{}",
                "[]",
                "[ 1 , 2 ]",
                "\"x\"",
                " {\"b\" : 1, \"a\":2, \"b\":3} ",
            ],
        ),
        5 | 6 => format!("[{}, {}]", json(random, depth - 1), json(random, depth - 1)),
        _ => format!("{{{}: {}}}", string(random), json(random, depth - 1)),
    }
}

fn float(random: &mut Rng, narrow: bool) -> String {
    if random.u8(0..6) == 0 {
        return between(
            random,
            &[
                "NaN",
                "Infinity",
                "-Infinity",
                "-0",
                "0",
                "0.1",
                "1e-30",
                "1e30",
                "16777217",
                "0.3",
            ],
        );
    }
    loop {
        let (finite, text) = if narrow {
            let number = f32::from_bits(random.u32(..));
            (number.is_finite(), format!("{number:e}"))
        } else {
            let number = f64::from_bits(random.u64(..));
            (number.is_finite(), format!("{number:e}"))
        };
        if finite {
            return text;
        }
    }
}

fn bits(random: &mut Rng, length: usize) -> String {
    (0..length).map(|_| random.digit(2)).collect()
}

/// A value that is not NULL, as the type's own input function reads it.
fn value(of: &str, random: &mut Rng) -> String {
    let r = random;
    match of {
        "boolean" => between(r, &["t", "f"]),
        "smallint" => between(r, &["-32768", "32767", "0", "-1", "7"]),
        "integer" => {
            if r.bool() {
                r.i32(..).to_string()
            } else {
                between(r, &["-2147483648", "2147483647", "0"])
            }
        }
        "bigint" => {
            if r.bool() {
                r.i64(..).to_string()
            } else {
                between(r, &["-9223372036854775808", "9223372036854775807", "-1"])
            }
        }
        "oid" => r.u32(..).to_string(),
        "regclass" => between(r, &["pg_class", "pg_type"]),
        "real" => float(r, true),
        "double precision" => float(r, false),
        "numeric" => numeric(r),
        "numeric(12,4)" => format!("{}.{}", r.i32(-99_999_999..99_999_999), digits(r, 4)),
        "numeric(5,-2)" => (r.i32(-99_999..99_999) * 100).to_string(),
        "text" | "citext" | "text COLLATE loose" => text(r),
        "varchar(40)" => text(r).chars().take(40).collect(),
        "character(12)" => text(r).chars().take(12).collect(),
        "name" => text(r),
        "\"char\"" => between(r, &["a", "", "\"", "\\", ","]),
        "\"a mood\"" | "mood_domain" => between(r, &["good", "so, \"so\"", "NULL", "{"]),
        "bytea" => {
            let bytes: Vec<u8> = (0..r.usize(0..9)).map(|_| r.u8(..)).collect();
            let mut out = String::new();
            super::decode::write_bytes(&bytes, &mut out);
            out
        }
        "uuid" => uuid::Uuid::from_u128(r.u128(..)).to_string(),
        "inet" => between(
            r,
            &[
                "1.2.3.4",
                "10.1.2.3/8",
                "0.0.0.0/0",
                "::1",
                "2001:db8::ff00:42:8329/64",
                "::ffff:1.2.3.4",
                "1.2.3.4/31",
            ],
        ),
        "cidr" => between(r, &["10.0.0.0/8", "1.2.3.4/32", "2001:db8::/32"]),
        "macaddr" => between(r, &["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"]),
        "date" => {
            if r.u8(0..8) == 0 {
                between(
                    r,
                    &[
                        "infinity",
                        "-infinity",
                        "5874897-12-31",
                        "4714-11-24 BC",
                        "2000-02-29",
                        "0001-12-31 BC",
                        "0001-01-01",
                    ],
                )
            } else {
                let (day, era) = day(r);
                format!("{day}{era}")
            }
        }
        "time" => {
            if r.u8(0..8) == 0 {
                between(r, &["24:00:00", "00:00:00", "23:59:59.999999"])
            } else {
                clock(r)
            }
        }
        "timetz" => format!(
            "{}{}",
            if r.u8(0..8) == 0 {
                "24:00:00".into()
            } else {
                clock(r)
            },
            offset(r)
        ),
        "timestamp" | "timestamp(3)" => timestamp(
            r,
            "",
            &[
                "infinity",
                "-infinity",
                "294276-12-31 23:59:59.999",
                "4714-11-24 00:00:00 BC",
                "1999-12-31 23:59:59.999",
                "0001-12-31 23:59:59.5 BC",
            ],
        ),
        "timestamptz" => {
            let zone = offset(r);
            timestamp(
                r,
                &zone,
                &[
                    "infinity",
                    "-infinity",
                    "294276-12-31 23:59:59.999999+00",
                    "4714-11-24 00:00:00+00 BC",
                    "2000-01-01 00:00:00Z",
                ],
            )
        }
        "interval" => interval(r),
        "json" => json(r, 2),
        "jsonb" => json(r, 2).replace("\\u0000", ""),
        "bit(5)" => bits(r, 5),
        "varbit" => {
            let length = r.usize(0..70);
            bits(r, length)
        }
        "money" => format!("{}.{:02}", r.i32(..), r.u8(0..100)),
        "xml" => between(
            r,
            &[
                "<a b=\"c\">d &amp; e</a>",
                "text",
                "",
                "<?xml version=\"1.0\"?><a/>",
            ],
        ),
        "point" => format!("({},{})", float(r, false), float(r, false)),
        "box" => format!(
            "({},{}),({},{})",
            r.i16(..),
            r.i16(..),
            r.i16(..),
            r.i16(..)
        ),
        "polygon" => format!("(({},0.1),(1e300,{}))", r.i16(..), r.f64()),
        "tsvector" => between(
            r,
            &[
                "'a' 'b,c':1A,2 'it''s'",
                "",
                "'\\\\' '\"':3",
                "fat:2,4 cat:3B",
            ],
        ),
        "tsquery" => between(r, &["fat & (rat | !cat)", "'it''s' <-> b:*A"]),
        "int4range" => between(r, &["empty", "[1,5)", "(,)", "[3,)", "(,-7)"]),
        "nummultirange" => between(r, &["{}", "{[1.10,2),[3,4]}", "{(,)}"]),
        "tstzrange" => between(
            r,
            &[
                "[2020-01-01 00:00:00.5+00,2021-06-01 00:00:00+00)",
                "empty",
                "[,infinity)",
            ],
        ),
        "pair" => between(
            r,
            &[
                "(1,\"a\"\"b\\\\c,()\",0.1,\"2020-01-01 00:00:00+00\")",
                "(,,,)",
                "(-5,\"\",NaN,infinity)",
                "(1,NULL,-0,)",
            ],
        ),
        "hstore" => between(
            r,
            &["\"a\"=>\"1\", \"b\"=>NULL", "", "\"q\\\"\\\\\"=>\"NULL\""],
        ),
        "pg_lsn" => format!("{:X}/{:X}", r.u32(..), r.u32(..)),
        "jsonpath" => between(r, &["$.\"a\"[*]?(@.\"b\" == 1)", "strict $"]),
        "counted" | "counted_further" => r.i64(-3..i64::MAX).to_string(),
        "int2vector" => between(r, &["1 2 3", ""]),
        "some_numbers" => between(r, &["{}", "{1,NULL}", "[0:1]={1,2}", "{{1,2},{3,4}}"]),
        other => panic!("no values for {other}"),
    }
}

/// An array of them, of any shape.
fn array(of: &str, random: &mut Rng) -> String {
    let delimiter = if of == "box" { ';' } else { ',' };
    let shape: Vec<usize> = match random.u8(0..8) {
        0 => return "{}".into(),
        1 => vec![random.usize(1..4), random.usize(1..4)],
        2 => vec![1, 2, random.usize(1..3)],
        _ => vec![random.usize(1..6)],
    };
    let mut out = String::new();
    if random.u8(0..6) == 0 {
        for length in &shape {
            let first = random.i32(-3..4);
            out.push_str(&format!("[{first}:{}]", first + *length as i32 - 1));
        }
        out.push('=');
    }
    fn fill(of: &str, shape: &[usize], delimiter: char, random: &mut Rng, out: &mut String) {
        let Some((length, inner)) = shape.split_first() else {
            match random.u8(0..5) {
                0 => out.push_str("NULL"),
                // Spaces around an element of a json[] are not kept.
                _ if of == "json" => push_quoted(value(of, random).trim(), out),
                _ => push_quoted(&value(of, random), out),
            }
            return;
        };
        out.push('{');
        for index in 0..*length {
            if index > 0 {
                out.push(delimiter);
            }
            fill(of, inner, delimiter, random, out);
        }
        out.push('}');
    }
    fill(of, &shape, delimiter, random, &mut out);
    out
}

const TYPES: &[&str] = &[
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "oid",
    "regclass",
    "real",
    "double precision",
    "numeric",
    "numeric(12,4)",
    "numeric(5,-2)",
    "text",
    "citext",
    "text COLLATE loose",
    "varchar(40)",
    "character(12)",
    "name",
    "\"char\"",
    "\"a mood\"",
    "mood_domain",
    "bytea",
    "uuid",
    "inet",
    "cidr",
    "macaddr",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamp(3)",
    "timestamptz",
    "interval",
    "json",
    "jsonb",
    "bit(5)",
    "varbit",
    "money",
    "xml",
    "point",
    "box",
    "polygon",
    "tsvector",
    "tsquery",
    "int4range",
    "nummultirange",
    "tstzrange",
    "pair",
    "hstore",
    "pg_lsn",
    "jsonpath",
    "counted",
    "counted_further",
    "int2vector",
    "some_numbers",
];

/// How a session may be set up; reading and writing must not depend on it.
const SETTINGS: &[&str] = &[
    "",
    "SET datestyle = 'German, DMY'; SET intervalstyle = 'sql_standard'; SET timezone = 'America/St_Johns';
     SET bytea_output = 'escape'; SET array_nulls = on; SET standard_conforming_strings = on",
    "SET datestyle = 'SQL, MDY'; SET intervalstyle = 'postgres_verbose'; SET timezone = 'Asia/Kathmandu'",
];

async fn type_of_column(client: &Client, table: &str) -> ColumnType {
    let sql = format!("SELECT '{table}'::regclass::oid");
    let oid: u32 = query(client, &sql, &[]).await[0].get(0);
    let table = Parameter::untyped(&Value::Integer(oid.into())).expect("a parameter");
    let facts: Vec<TypeFacts> = query(client, TYPES_SQL, &[&table])
        .await
        .iter()
        .map(|row| TypeFacts {
            oid: row.get(0),
            name: row.get(1),
            typtype: row.get(2),
            base: row.get(3),
            element: row.get(4),
            array: row.get(5),
            sql_name: row.get(6),
        })
        .collect();
    let column = "SELECT atttypid, collisdeterministic IS FALSE FROM pg_attribute LEFT JOIN pg_collation AS c ON c.oid = attcollation
        WHERE attrelid = $1 AND attname = 'c'";
    let row = &query(client, column, &[&table]).await[0];
    let of = ColumnType::of(&facts, row.get(0)).expect("every type that is needed");
    if row.get(1) {
        of.with_loose_collation()
    } else {
        of
    }
}

/// Everything of the value and everything of its image is as it was.
async fn assert_unchanged(client: &Client, what: &str) {
    let changed = query(
        client,
        "SELECT before.c::text, after.c::text FROM t AS after JOIN before USING (id)
         WHERE before.c::text COLLATE \"C\" IS DISTINCT FROM after.c::text COLLATE \"C\" OR NOT (before::record *= after::record)",
        &[],
    )
    .await;
    for row in &changed {
        let (before, after): (Option<String>, Option<String>) = (row.get(0), row.get(1));
        eprintln!("{what}: {before:?} became {after:?}");
    }
    assert!(
        changed.is_empty(),
        "{what}: {} values changed",
        changed.len()
    );
}

async fn round_trip(client: &Client, column: &str, values: &[Option<String>]) {
    script(
        client,
        &format!("SET search_path = round_trip, public; DROP SCHEMA IF EXISTS elsewhere CASCADE; CREATE SCHEMA elsewhere; CREATE TABLE t (id integer, c {column})"),
    )
    .await;
    let cast = column.split(" COLLATE").next().unwrap_or(column);
    let rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(id, value)| match value {
            None => format!("({id}, NULL)"),
            Some(value) => format!("({id}, '{}'::{cast})", value.replace('\'', "''")),
        })
        .collect();
    let insert = format!(
        "INSERT INTO t VALUES {}; DROP TABLE IF EXISTS before; CREATE TABLE before AS TABLE t",
        rows.join(", ")
    );
    script(client, &insert).await;
    let of = type_of_column(client, "t").await;
    // A pooler may hand the next statement to a session with another search path.
    script(client, "ALTER TABLE before SET SCHEMA elsewhere; ALTER TABLE t SET SCHEMA elsewhere; SET search_path = elsewhere").await;
    let number = ColumnType {
        name: "integer".into(),
        oid: 23,
        array_oid: 1007,
        kind: super::Kind::Int4,
        has_equality: true,
        element: None,
        is_domain: false,
    };

    let read = format!("SELECT id, {} FROM t ORDER BY id", of.read_sql("c"));
    let read = query(client, &read, &[]).await;
    let cells: Vec<Option<Vec<u8>>> = read.iter().map(|row| row.get::<_, Raw>(1).0).collect();
    let values: Vec<Value> = cells
        .iter()
        .map(|cell| match cell {
            None => Value::Null,
            Some(raw) => decode(&of.kind, raw, &Scratch::default())
                .map(ValueRef::to_owned)
                .unwrap_or_else(|error| panic!("{column}: {}", error.chain())),
        })
        .collect();
    let ids: Vec<Value> = (0..).take(values.len()).map(Value::Integer).collect();
    let ids = Parameter::many(&number, ids.iter()).expect("ids");

    // All at once, guarded: nothing has changed in between, so that every row is found.
    let many = Parameter::many(&of, values.iter())
        .unwrap_or_else(|error| panic!("{column}: {}", error.chain()));
    let guard = Parameter::many_raw(&of, cells.iter().map(Option::as_deref)).expect("a guard");
    let update = format!(
        "WITH written AS (
            UPDATE t SET c = {} FROM unnest($1, $2, $3) AS u (id, new, guard) WHERE t.id = u.id AND {} RETURNING 1
         ) SELECT count(*) FROM written",
        of.many_sql("u.new"),
        of.same_sql("t.c", "u.guard"),
    );
    let found = count(client, &update, &[&ids, &many, &guard]).await;
    assert_eq!(
        found,
        values.len() as i64,
        "{column}: the guard missed rows of {values:?}"
    );
    assert_unchanged(client, column).await;

    // One after another; into a NULL, so that it is really written.
    script(client, "UPDATE t SET c = NULL").await;
    for (id, value) in values.iter().enumerate() {
        let one = Parameter::one(&of, value).expect("a parameter");
        query(
            client,
            &format!("UPDATE t SET c = $1 WHERE id = {id}"),
            &[&one],
        )
        .await;
    }
    assert_unchanged(client, &format!("{column}, one")).await;

    // Once another value is there, the guard sees it: every row holds the next row's value.
    let text = |table: &str| format!("{table}.c::text COLLATE \"C\"");
    let next = format!("t.id = (before.id + 1) % {}", values.len());
    script(
        client,
        &format!("UPDATE t SET c = before.c FROM before WHERE {next}"),
    )
    .await;
    let differ = format!(
        "SELECT count(*) FROM t JOIN before USING (id) WHERE {} IS DISTINCT FROM {}",
        text("t"),
        text("before")
    );
    let differ = count(client, &differ, &[]).await;
    let missed = format!(
        "SELECT count(*) FROM t JOIN unnest($1, $2) AS u (id, guard) ON t.id = u.id WHERE NOT ({})",
        of.same_sql("t.c", "u.guard")
    );
    assert_eq!(
        count(client, &missed, &[&ids, &guard]).await,
        differ,
        "{column}: the guard took a change for none"
    );
}

/// Like [`round_trip`], for each type and arrays of it, under each way to set a session up.
#[tokio::test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
async fn values_of_every_type_come_back_unchanged() {
    let seed = match std::env::var("DRIFTLESS_TEST_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => fastrand::u64(..),
    };
    eprintln!("DRIFTLESS_TEST_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let _alone = ONE_AT_A_TIME.lock().await;
    let client = connect().await;
    script(&client, SETUP).await;
    for settings in SETTINGS {
        script(&client, settings).await;
        for of in TYPES {
            let mut some = |make: &dyn Fn(&mut Rng) -> String| -> Vec<Option<String>> {
                (0..ROWS)
                    .map(|_| (random.u8(0..10) > 0).then(|| make(&mut random)))
                    .collect()
            };
            let values = some(&|random| value(of, random));
            round_trip(&client, of, &values).await;
            // Their arrays have no syntax, or are the one type whose arrays are made of spaces.
            if of.contains("COLLATE") || *of == "int2vector" {
                continue;
            }
            let arrays = some(&|random| array(of, random));
            round_trip(&client, &format!("{of}[]"), &arrays).await;
        }
    }
}

/// A row of one cell.
struct Single(Value);

impl crate::value::Row for Single {
    fn cell(&self, _: usize) -> crate::Result<ValueRef<'_>> {
        Ok(self.0.as_ref())
    }
    fn len(&self) -> usize {
        1
    }
    fn names(&self) -> Vec<String> {
        vec!["c".into()]
    }
}

/// The value of an expression as a query of raw SQL gets it.
async fn value_of(client: &Client, expression: &str) -> crate::Result<Value> {
    let rows = query(client, &format!("SELECT {expression} AS c"), &[]).await;
    let kind = kind_of_result(rows[0].columns()[0].type_())?;
    match rows[0].get::<_, Raw>(0).0 {
        None => Ok(Value::Null),
        Some(raw) => decode(&kind, &raw, &Scratch::default()).map(ValueRef::to_owned),
    }
}

/// Reads the expression as a `T`, sets it on a column of the type and expects the same value there.
async fn through<T>(client: &Client, of: &str, expression: &str) -> T
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    script(
        client,
        &format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT 0 AS id, ({expression})::{of} AS c;
        DROP TABLE IF EXISTS before; CREATE TABLE before AS TABLE t; UPDATE t SET c = NULL"
        ),
    )
    .await;
    let row = Single(
        value_of(client, &format!("({expression})::{of}"))
            .await
            .expect("a value"),
    );
    let (typed,): (T,) = record_from_row(&row, &row.names())
        .unwrap_or_else(|error| panic!("{expression}: {}", error.chain()));
    let value = to_value(&typed).expect("a cell");
    let column = type_of_column(client, "t").await;
    let one = Parameter::one(&column, &value).expect("a parameter");
    query(client, "UPDATE t SET c = $1", &[&one]).await;
    let what = format!("{expression} as {}", std::any::type_name::<T>());
    assert_unchanged(client, &what).await;
    // Values of another type must find their way, too, beside this one.
    let values = [Value::Null, value, Value::Null];
    let many = Parameter::many(&column, values.iter()).expect("a parameter");
    let update = format!(
        "UPDATE t SET c = {} FROM unnest($1) AS u (c) WHERE u.c IS NOT NULL",
        column.many_sql("u.c")
    );
    query(client, &update, &[&many]).await;
    assert_unchanged(client, &what).await;
    typed
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Rfc3339(#[serde(with = "time::serde::rfc3339")] time::OffsetDateTime);

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mood {
    Good,
}

#[tokio::test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
async fn the_types_people_use_are_read_and_written_as_they_are() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let client = &connect().await;
    script(client, SETUP).await;
    for instant in [
        "2026-01-02T03:04:05.678901Z",
        "2026-01-02T03:04:05Z",
        "1969-12-31T23:59:59.5Z",
        "0001-01-01T00:00:00Z",
    ] {
        let expression = format!("'{instant}'");
        let chrono: chrono::DateTime<chrono::Utc> =
            through(client, "timestamptz", &expression).await;
        assert_eq!(
            chrono,
            instant
                .parse::<chrono::DateTime<chrono::Utc>>()
                .expect("an instant")
        );
        let jiff: jiff::Timestamp = through(client, "timestamptz", &expression).await;
        assert_eq!(
            jiff,
            instant.parse::<jiff::Timestamp>().expect("an instant")
        );
        let _: Rfc3339 = through(client, "timestamptz", &expression).await;
        let _: chrono::DateTime<chrono::FixedOffset> =
            through(client, "timestamptz", &expression).await;
        let _: Vec<chrono::DateTime<chrono::Utc>> = through(
            client,
            "timestamptz[]",
            &format!("ARRAY[{expression}]::timestamptz[]"),
        )
        .await;
        let _: chrono::NaiveDateTime = through(client, "timestamp", &expression).await;
        let _: jiff::civil::DateTime = through(client, "timestamp", &expression).await;
        let _: chrono::NaiveDate = through(client, "date", &expression).await;
        let _: jiff::civil::Date = through(client, "date", &expression).await;
        let _: time::Date = through(client, "date", &expression).await;
        let clock = format!("{expression}::timestamp");
        let _: chrono::NaiveTime = through(client, "time", &clock).await;
        let _: jiff::civil::Time = through(client, "time", &clock).await;
        let _: time::Time = through(client, "time", &clock).await;
    }
    for interval in [
        "0",
        "1 year 2 months 3 days 04:05:06.789",
        "-1 year -2 months -3 days -04:05:06.789",
        "-3 days",
        "90 seconds",
    ] {
        let _: jiff::Span = through(client, "interval", &format!("'{interval}'")).await;
    }
    for interval in ["0", "25:00:00.000001", "-01:30:00.5"] {
        let _: jiff::SignedDuration = through(client, "interval", &format!("'{interval}'")).await;
    }
    let _: uuid::Uuid = through(client, "uuid", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'").await;
    let _: Vec<uuid::Uuid> =
        through(client, "uuid[]", "'{6ba7b810-9dad-11d1-80b4-00c04fd430c8}'").await;
    for number in [
        "0",
        "1.50",
        "-0.000000000001",
        "79228162514264337593543950335",
    ] {
        let decimal: rust_decimal::Decimal = through(client, "numeric", number).await;
        assert_eq!(decimal.to_string(), number);
        let _: Vec<Option<rust_decimal::Decimal>> =
            through(client, "numeric[]", &format!("ARRAY[{number}, NULL]")).await;
    }
    let _: std::net::IpAddr = through(client, "inet", "'192.168.0.1'").await;
    let _: std::net::IpAddr = through(client, "inet", "'::1'").await;
    assert_eq!(
        through::<Vec<i64>>(
            client,
            "bigint[]",
            "'{1,-9223372036854775808,9223372036854775807}'"
        )
        .await,
        [1, i64::MIN, i64::MAX]
    );
    assert_eq!(
        through::<Vec<i64>>(client, "bigint[]", "'{}'").await,
        Vec::<i64>::new()
    );
    assert_eq!(
        through::<Vec<u8>>(client, "integer[]", "'{1,255}'").await,
        [1, 255]
    );
    assert_eq!(
        through::<Vec<Vec<i32>>>(client, "integer[]", "'{{1,2},{3,4}}'").await,
        [[1, 2], [3, 4]]
    );
    let _: Vec<Option<String>> = through(
        client,
        "text[]",
        r#"ARRAY['a"b\c', NULL, 'NULL', '', '{x,y}', 'ü🦀', E'\n']"#,
    )
    .await;
    let _: Vec<bool> = through(client, "boolean[]", "'{t,f}'").await;
    let _: Vec<f64> = through(
        client,
        "double precision[]",
        "'{0.1,-0,1e300,5e-324,0.30000000000000004,2.2250738585072011e-308}'",
    )
    .await;
    let _: Vec<f32> = through(client, "real[]", "'{0.1,-0,1e30,1e-45,16777217}'").await;
    let _: f32 = through(client, "real", "'0.1'").await;
    let _: f64 = through(client, "real", "'0.1'").await;
    let _: Vec<Vec<u8>> = through(client, "bytea[]", r"ARRAY['\x00ff'::bytea, '']").await;
    assert_eq!(through::<Vec<u8>>(client, "bytea", "''").await, b"");
    assert_eq!(
        through::<Vec<u8>>(client, "bytea", r"'\x00ff'").await,
        [0, 255]
    );
    for json in [
        r#"{"a": [1, 2.5, null, {"b": "c"}]}"#,
        r#""text""#,
        r#""5""#,
        r#""{}""#,
        "5",
        "true",
        "0.1",
        "1.0",
        "[]",
        "[1, 2]",
        "[1, \"a\"]",
    ] {
        let _: serde_json::Value = through(client, "jsonb", &format!("'{json}'")).await;
        let _: Vec<serde_json::Value> =
            through(client, "jsonb[]", &format!("ARRAY['{json}'::jsonb]")).await;
    }
    assert_eq!(
        through::<String>(client, "jsonb", r#"'"text"'"#).await,
        "text"
    );
    assert_eq!(
        through::<Vec<u8>>(client, "jsonb", "'[1, 2]'").await,
        [1, 2]
    );
    assert_eq!(
        through::<Mood>(client, "jsonb", r#"'"good"'"#).await,
        Mood::Good
    );
    assert_eq!(
        through::<Mood>(client, "\"a mood\"", "'good'").await,
        Mood::Good
    );
    assert_eq!(through::<String>(client, "citext", "'Ab'").await, "Ab");
    assert_eq!(
        through::<Vec<String>>(
            client,
            "text[]",
            "(SELECT array_agg(x) FROM unnest(ARRAY['Ab'::citext]) AS x)"
        )
        .await,
        ["Ab"]
    );
    assert_eq!(
        through::<Option<i16>>(client, "smallint", "NULL").await,
        None
    );
    assert_eq!(through::<i64>(client, "counted", "7").await, 7);
    assert_eq!(through::<u32>(client, "oid", "4294967295").await, u32::MAX);

    let error = value_of(client, "'(1,2)'::point").await.unwrap_err();
    assert!(
        error.to_string().contains("point") && error.to_string().contains("::text"),
        "{error}"
    );
    let error = value_of(client, "ROW(1, 2)").await.unwrap_err();
    assert!(error.to_string().contains("::text"), "{error}");
}

/// Values that Postgres calls equal though the application changed one into the other.
const EQUAL_BUT_CHANGED: &[(&str, &str, &str)] = &[
    ("numeric", "1.0", "1.00"),
    ("numeric[]", "{1.0}", "{1.00}"),
    ("double precision", "0", "-0"),
    ("interval", "30 days", "1 month"),
    ("citext", "a", "A"),
    ("citext[]", "{a}", "{A}"),
    ("text COLLATE loose", "a", "A"),
    ("jsonb", "1.0", "1.00"),
    ("json", "[1]", "[ 1]"),
    ("box", "((0,0),(1,4))", "((0,0),(2,2))"),
    ("integer[]", "{1}", "[0:0]={1}"),
    ("text", "", "\u{1}"),
    ("inet", "10.0.0.1/8", "10.0.0.1/9"),
    ("timetz", "10:00:00+01", "09:00:00+00"),
];

#[tokio::test]
#[ignore = "needs DRIFTLESS_TEST_POSTGRES_URL"]
async fn the_guard_sees_a_change_between_equal_values() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let client = &connect().await;
    script(client, SETUP).await;
    for (column, before, after) in EQUAL_BUT_CHANGED {
        let cast = column.split(" COLLATE").next().unwrap_or(column);
        script(
            client,
            &format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id integer, c {column}); INSERT INTO t VALUES (0, '{before}'::{cast})"
            ),
        )
        .await;
        let of = type_of_column(client, "t").await;
        let read = query(client, &format!("SELECT {} FROM t", of.read_sql("c")), &[]).await;
        let raw = read[0].get::<_, Raw>(0).0;
        let guard = Parameter::many_raw(&of, [raw.as_deref()].into_iter()).expect("a guard");
        let same = format!(
            "SELECT count(*) FROM t, unnest($1) AS u (guard) WHERE {}",
            of.same_sql("t.c", "u.guard")
        );
        assert_eq!(count(client, &same, &[&guard]).await, 1, "{column}");
        script(client, &format!("UPDATE t SET c = '{after}'::{cast}")).await;
        assert_eq!(
            count(client, &same, &[&guard]).await,
            0,
            "{column}: {before} became {after}"
        );
    }
}
