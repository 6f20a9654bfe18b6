//! The edges of every kind, without a server; `round_trip_tests` asks one.

use super::array::{BinaryArray, push_quoted};
use super::datetime::interval_for_postgres;
use super::decode::write_real;
use super::{ColumnType, Kind, Parameter, Scratch, TypeFacts, decode};
use crate::value::{Value, ValueRef};
use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql};

fn decoded(kind: &Kind, raw: &[u8]) -> Value {
    let scratch = Scratch::default();
    let first = decode(kind, raw, &scratch).expect("a value").to_owned();
    // Asked again, the cell says the same; as text, because NaN is not equal to itself.
    let again = decode(kind, raw, &scratch).expect("a value").to_owned();
    assert_eq!(format!("{again:?}"), format!("{first:?}"));
    first
}

fn text(kind: &Kind, raw: &[u8]) -> String {
    match decoded(kind, raw) {
        Value::Text(text) => text,
        other => panic!("{other:?} is not text"),
    }
}

fn of(kind: Kind) -> ColumnType {
    ColumnType {
        name: "a_type".into(),
        oid: 1_000_001,
        array_oid: 1_000_002,
        has_equality: kind.has_equality(),
        kind,
        element: None,
        is_domain: false,
    }
}

fn array_of(kind: Kind) -> ColumnType {
    let mut array = of(Kind::Array(Box::new(kind.clone())));
    array.element = Some(Box::new(of(kind)));
    array
}

/// Format and body of a parameter.
fn sent(parameter: &Parameter) -> (char, Option<Vec<u8>>) {
    let mut out = BytesMut::new();
    let sql_type = parameter.sql_type();
    let is_null = parameter.to_sql_checked(&sql_type, &mut out).expect("sent");
    let format = match parameter.encode_format(&sql_type) {
        Format::Text => 't',
        Format::Binary => 'b',
    };
    match is_null {
        IsNull::Yes => (format, None),
        IsNull::No => (format, Some(out.to_vec())),
    }
}

fn sent_text(of: &ColumnType, value: &Value) -> String {
    let (format, body) = sent(&Parameter::one(of, value).expect("a parameter"));
    assert_eq!(format, 't');
    String::from_utf8(body.expect("a body")).expect("text")
}

fn refusal(of: &ColumnType, value: &Value) -> String {
    Parameter::one(of, value).expect_err("a refusal").chain()
}

fn json(text: &str) -> Value {
    Value::Json(text.into())
}

/// An array as it is on the wire.
fn raw_array(shape: &[(i32, i32)], cells: &[Option<&[u8]>]) -> Vec<u8> {
    let mut raw = Vec::new();
    raw.extend((shape.len() as i32).to_be_bytes());
    raw.extend([0; 8]);
    for (length, first) in shape {
        raw.extend(length.to_be_bytes());
        raw.extend(first.to_be_bytes());
    }
    for cell in cells {
        match cell {
            None => raw.extend((-1_i32).to_be_bytes()),
            Some(cell) => {
                raw.extend((cell.len() as i32).to_be_bytes());
                raw.extend_from_slice(cell);
            }
        }
    }
    raw
}

#[test]
fn numbers_keep_every_bit() {
    assert_eq!(
        decoded(&Kind::Int2, &i16::MIN.to_be_bytes()),
        Value::Integer(-32768)
    );
    assert_eq!(
        decoded(&Kind::Int4, &i32::MIN.to_be_bytes()),
        Value::Integer(i32::MIN.into())
    );
    assert_eq!(
        decoded(&Kind::Int8, &i64::MIN.to_be_bytes()),
        Value::Integer(i64::MIN)
    );
    assert_eq!(
        decoded(&Kind::Oid, &u32::MAX.to_be_bytes()),
        Value::Integer(u32::MAX.into())
    );
    for number in [
        0.1_f32,
        -0.0,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        f32::MAX,
        f32::INFINITY,
    ] {
        let value = decoded(&Kind::Float4, &number.to_be_bytes());
        let sent = sent(&Parameter::one(&of(Kind::Float4), &value).expect("a parameter"));
        assert_eq!(sent, ('b', Some(number.to_be_bytes().to_vec())));
    }
    let value = decoded(&Kind::Float8, &(-0.0_f64).to_be_bytes());
    assert!(matches!(value, Value::Real(zero) if zero.is_sign_negative()));
    let nan = decoded(&Kind::Float8, &f64::NAN.to_be_bytes());
    assert!(matches!(nan, Value::Real(number) if number.is_nan()));
}

#[test]
fn floats_as_text_are_what_postgres_reads() {
    let written = |number| {
        let mut out = String::new();
        write_real(number, &mut out);
        out
    };
    assert_eq!(written(f64::NAN), "NaN");
    assert_eq!(written(f64::NEG_INFINITY), "-Infinity");
    assert_eq!(written(-0.0), "-0");
    assert_eq!(written(0.1), "0.1");
    assert_eq!(written(5e-324), "5e-324");
    assert_eq!(written(f64::MAX), "1.7976931348623157e308");
}

/// A float4 column does not take what it would turn into infinity or zero: the server is given the text, and refuses.
#[test]
fn a_number_too_large_for_a_float4_is_left_to_the_server() {
    assert_eq!(sent_text(&of(Kind::Float4), &Value::Real(1e300)), "1e300");
    assert_eq!(sent_text(&of(Kind::Float4), &Value::Real(1e-300)), "1e-300");
}

#[test]
fn integers_that_do_not_fit_are_refused_with_the_range() {
    let refused = refusal(&of(Kind::Int2), &Value::Integer(40_000));
    assert_eq!(
        refused,
        "40000 does not fit a column of type smallint, which holds -32768 to 32767"
    );
    assert!(
        refusal(&of(Kind::Int4), &Value::Integer(1 << 40)).contains("-2147483648 to 2147483647")
    );
    assert!(refusal(&of(Kind::Oid), &Value::Integer(-1)).contains("0 to 4294967295"));
}

fn numeric(weight: i16, sign: u16, scale: u16, groups: &[u16]) -> String {
    let mut raw = Vec::new();
    raw.extend((groups.len() as u16).to_be_bytes());
    raw.extend(weight.to_be_bytes());
    raw.extend(sign.to_be_bytes());
    raw.extend(scale.to_be_bytes());
    raw.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    text(&Kind::Numeric, &raw)
}

#[test]
fn a_numeric_keeps_its_scale_and_all_its_digits() {
    assert_eq!(numeric(0, 0, 0, &[]), "0");
    assert_eq!(numeric(0, 0, 3, &[]), "0.000");
    assert_eq!(numeric(0, 0, 2, &[1, 5000]), "1.50");
    assert_eq!(numeric(0, 0x4000, 4, &[1, 5000]), "-1.5000");
    assert_eq!(numeric(1, 0, 0, &[1]), "10000");
    assert_eq!(numeric(1, 0, 1, &[12, 34, 5000]), "120034.5");
    assert_eq!(numeric(-1, 0, 5, &[1, 2000]), "0.00012");
    assert_eq!(numeric(-3, 0, 12, &[7]), "0.000000000007");
    assert_eq!(numeric(0, 0xC000, 0, &[]), "NaN");
    assert_eq!(numeric(0, 0xD000, 0x20, &[]), "Infinity");
    assert_eq!(numeric(0, 0xF000, 0x20, &[]), "-Infinity");
    let largest = numeric(32767, 0, 16383, &[9999]);
    assert_eq!(largest.len(), 131_072 + 1 + 16_383);
    assert!(largest.starts_with("99990"));
}

fn date(days: i32) -> String {
    text(&Kind::Date, &days.to_be_bytes())
}

#[test]
fn dates_reach_from_4714_bc_to_5874897() {
    assert_eq!(date(0), "2000-01-01");
    assert_eq!(date(-1), "1999-12-31");
    assert_eq!(date(59), "2000-02-29");
    assert_eq!(date(9498), "2026-01-02");
    assert_eq!(date(-730_119), "0001-01-01");
    assert_eq!(date(-730_120), "0001-12-31 BC");
    assert_eq!(date(-2_451_545), "4714-11-24 BC");
    assert_eq!(date(2_145_031_948), "5874897-12-31");
    assert_eq!(date(i32::MAX), "infinity");
    assert_eq!(date(i32::MIN), "-infinity");
}

#[test]
fn timestamps_have_a_fraction_only_when_there_is_one() {
    let stamp = |kind: &Kind, micros: i64| text(kind, &micros.to_be_bytes());
    assert_eq!(stamp(&Kind::Timestamp, 0), "2000-01-01T00:00:00");
    assert_eq!(stamp(&Kind::Timestamp, -1), "1999-12-31T23:59:59.999999");
    assert_eq!(
        stamp(&Kind::TimestampTz, 820_638_245_678_901),
        "2026-01-02T03:04:05.678901Z"
    );
    assert_eq!(
        stamp(&Kind::TimestampTz, -63_082_281_600_000_000 - 1),
        "0001-12-31T23:59:59.999999Z BC"
    );
    assert_eq!(
        stamp(&Kind::Timestamp, 9_223_371_331_199_999_999),
        "294276-12-31T23:59:59.999999"
    );
    assert_eq!(stamp(&Kind::Timestamp, i64::MAX), "infinity");
    assert_eq!(stamp(&Kind::TimestampTz, i64::MIN), "-infinity");
}

#[test]
fn a_day_has_24_hours_and_a_zone_has_seconds() {
    let clock = |micros: i64| text(&Kind::Time, &micros.to_be_bytes());
    assert_eq!(clock(0), "00:00:00.000000");
    assert_eq!(clock(86_400_000_000), "24:00:00.000000");
    assert_eq!(clock(11_045_678_901), "03:04:05.678901");
    let zoned = |west: i32| {
        let raw = [0_i64.to_be_bytes().as_slice(), &west.to_be_bytes()].concat();
        text(&Kind::TimeTz, &raw)
    };
    assert_eq!(zoned(0), "00:00:00.000000+00:00");
    assert_eq!(zoned(-5400), "00:00:00.000000+01:30");
    assert_eq!(zoned(5401), "00:00:00.000000-01:30:01");
}

fn interval(months: i32, days: i32, micros: i64) -> String {
    let raw = [
        micros.to_be_bytes().as_slice(),
        &days.to_be_bytes(),
        &months.to_be_bytes(),
    ]
    .concat();
    text(&Kind::Interval, &raw)
}

#[test]
fn intervals_keep_the_signs_of_their_parts() {
    assert_eq!(interval(0, 0, 0), "PT0S");
    assert_eq!(interval(14, 3, 14_706_789_000), "P1Y2M3DT4H5M6.789S");
    assert_eq!(interval(-14, -3, -14_706_789_000), "-P1Y2M3DT4H5M6.789S");
    assert_eq!(interval(14, -3, 0), "P1Y2M-3D");
    assert_eq!(interval(1, 0, -500_000), "P1MT-0.5S");
    assert_eq!(interval(0, 1, -3_600_000_001), "P1DT-1H-0.000001S");
    assert_eq!(
        interval(i32::MIN, i32::MIN, i64::MIN + 1),
        "-P178956970Y8M2147483648DT2562047788H54.775807S"
    );
    assert_eq!(interval(i32::MAX, i32::MAX, i64::MAX), "infinity");
    assert_eq!(interval(i32::MIN, i32::MIN, i64::MIN), "-infinity");
}

#[test]
fn the_sign_of_an_interval_moves_to_its_numbers() {
    let turned = |text| {
        interval_for_postgres(text)
            .expect("an interval")
            .into_owned()
    };
    assert_eq!(turned("-P1Y2M3DT4H5M6.789S"), "P-1Y-2M-3DT-4H-5M-6.789S");
    assert_eq!(turned("-PT0.5S"), "PT-0.5S");
    assert_eq!(turned("+P1D"), "P1D");
    assert_eq!(turned("-3 days"), "-3 days");
    assert_eq!(turned("P1Y-2M"), "P1Y-2M");
    assert!(interval_for_postgres("-P1Y-2M").is_err());
}

#[test]
fn addresses_show_their_network_only_when_they_have_one() {
    assert_eq!(
        text(&Kind::Inet, &[2, 32, 0, 4, 192, 168, 0, 1]),
        "192.168.0.1"
    );
    assert_eq!(text(&Kind::Inet, &[2, 8, 0, 4, 10, 1, 2, 3]), "10.1.2.3/8");
    let mut raw = vec![3, 128, 0, 16];
    raw.extend([0; 15]);
    raw.push(1);
    assert_eq!(text(&Kind::Inet, &raw), "::1");
}

#[test]
fn arrays_are_sequences_with_null_elements_and_dimensions() {
    let numbers = Kind::Array(Box::new(Kind::Int4));
    let [one, two] = [1_i32.to_be_bytes(), 2_i32.to_be_bytes()];
    let [one, two] = [Some(one.as_slice()), Some(two.as_slice())];
    assert_eq!(decoded(&numbers, &raw_array(&[], &[])), json("[]"));
    assert_eq!(
        decoded(&numbers, &raw_array(&[(3, 1)], &[one, None, two])),
        json("[1,null,2]")
    );
    assert_eq!(
        decoded(
            &numbers,
            &raw_array(&[(2, 1), (2, 1)], &[one, two, two, None])
        ),
        json("[[1,2],[2,null]]")
    );
    assert_eq!(
        decoded(
            &numbers,
            &raw_array(&[(2, 1), (1, 1), (2, 1)], &[one, two, two, one])
        ),
        json("[[[1,2]],[[2,1]]]")
    );
    assert_eq!(
        text(&numbers, &raw_array(&[(2, 0)], &[one, None])),
        "[0:1]={\"1\",NULL}"
    );
}

#[test]
fn what_json_cannot_say_of_an_array_stays_as_postgres_says_it() {
    let array = |kind: Kind, shape: &[(i32, i32)], cells: &[Option<&[u8]>]| {
        decoded(&Kind::Array(Box::new(kind)), &raw_array(shape, cells))
    };
    let nan = f64::NAN.to_be_bytes();
    let half = 0.5_f64.to_be_bytes();
    assert_eq!(
        array(Kind::Float8, &[(2, 1)], &[Some(&nan), Some(&half)]),
        json(r#"["NaN",0.5]"#)
    );
    assert_eq!(
        array(Kind::Json, &[(2, 1)], &[Some(b"{\"a\": 1.0}"), None]),
        json(r#"[{"a": 1.0},null]"#)
    );
    assert_eq!(
        array(Kind::Json, &[(2, 1)], &[Some(b"null"), None]),
        Value::Text(r#"{"null",NULL}"#.into())
    );
    assert_eq!(
        array(Kind::Jsonb, &[(1, 1)], &[Some(b"\x01null")]),
        Value::Text(r#"{"null"}"#.into())
    );
    assert_eq!(
        array(Kind::Jsonb, &[(1, 1), (1, 1)], &[Some(b"\x01[1]")]),
        Value::Text(r#"{{"[1]"}}"#.into())
    );
    assert_eq!(
        array(Kind::Bytes, &[(2, 1)], &[Some(b"\0\xff"), Some(b"")]),
        json("[[0,255],[]]")
    );
}

#[test]
fn elements_of_text_arrays_are_quoted_whatever_they_hold() {
    let texts = array_of(Kind::Text);
    assert_eq!(
        sent_text(
            &texts,
            &json(r#"["a\"b\\c", null, "NULL", "", "{x,y}", "ü🦀", "\n", 5, true]"#)
        ),
        "{\"a\\\"b\\\\c\",NULL,\"NULL\",\"\",\"{x,y}\",\"ü🦀\",\"\n\",\"5\",\"true\"}"
    );
    assert_eq!(sent_text(&texts, &json("[]")), "{}");
    assert_eq!(
        sent_text(&texts, &json(r#"[["a"],["b"]]"#)),
        r#"{{"a"},{"b"}}"#
    );
    let mut out = String::new();
    push_quoted("\\\"", &mut out);
    assert_eq!(out, r#""\\\"""#);
}

#[test]
fn sequences_find_their_way_into_arrays_of_other_things() {
    assert_eq!(
        sent_text(&array_of(Kind::Int4), &Value::Bytes(vec![1, 255])),
        "{1,255}"
    );
    assert_eq!(
        sent_text(&array_of(Kind::Bytes), &json("[[0,255],[]]")),
        r#"{"\\x00ff","\\x"}"#
    );
    assert_eq!(
        sent_text(
            &array_of(Kind::Jsonb),
            &json(r#"[{"a": [1]}, [1, 2], "x", null]"#)
        ),
        r#"{"{\"a\": [1]}","[1, 2]","\"x\"",NULL}"#
    );
    assert_eq!(
        sent_text(&array_of(Kind::Interval), &json(r#"["-P1D"]"#)),
        r#"{"P-1D"}"#
    );
    assert_eq!(
        sent_text(&array_of(Kind::Int4), &Value::Text("[0:1]={1,2}".into())),
        "[0:1]={1,2}"
    );
    assert!(refusal(&array_of(Kind::Int4), &json(r#"{"a":1}"#)).contains("only a sequence"));
}

/// What a `String` or a `serde_json::Value` was read as from a JSON column is what it is there after it is written.
#[test]
fn text_on_a_json_column_is_a_json_string() {
    let body = |value| {
        sent(&Parameter::one(&of(Kind::Json), &value).expect("a parameter"))
            .1
            .expect("a body")
    };
    assert_eq!(body(Value::Text("5".into())), b"\"5\"");
    assert_eq!(body(Value::Text("{\"a\":1}".into())), br#""{\"a\":1}""#);
    assert_eq!(body(json("{\"a\":1}")), b"{\"a\":1}");
    assert_eq!(body(Value::Real(1.0)), b"1.0");
    assert_eq!(body(Value::Boolean(true)), b"true");
    assert_eq!(body(Value::Bytes(vec![1, 2])), b"[1,2]");
    let jsonb = Parameter::one(&of(Kind::Jsonb), &json("[]")).expect("a parameter");
    assert_eq!(sent(&jsonb), ('b', Some(b"\x01[]".to_vec())));
    assert!(refusal(&of(Kind::Json), &Value::Real(f64::NAN)).contains("no such number"));
}

#[test]
fn bytes_go_where_bytes_are_kept() {
    let bytes = of(Kind::Bytes);
    let sent = |value: &Value| sent(&Parameter::one(&bytes, value).expect("a parameter"));
    assert_eq!(sent(&json("[]")), ('b', Some(vec![])));
    assert_eq!(sent(&Value::Bytes(vec![0])), ('b', Some(vec![0])));
    assert_eq!(
        sent(&Value::Text("\\x00".into())),
        ('t', Some(b"\\x00".to_vec()))
    );
    assert!(refusal(&bytes, &json("{}")).contains("column of bytes"));
    assert!(refusal(&of(Kind::Text), &Value::Bytes(vec![1])).contains("neither bytea"));
}

#[test]
fn a_nul_character_is_refused_everywhere() {
    let nul = Value::Text("a\0b".into());
    for kind in [
        Kind::Text,
        Kind::AsText,
        Kind::Date,
        Kind::Interval,
        Kind::Array(Box::new(Kind::Text)),
    ] {
        assert!(refusal(&of(kind), &nul).contains("NUL character at byte 1"));
    }
    assert!(refusal(&array_of(Kind::Text), &json(r#"["\u0000"]"#)).contains("NUL"));
    assert!(Parameter::untyped(&nul).is_err());
}

#[test]
fn an_untyped_parameter_is_text_without_a_type() {
    let parameter = Parameter::untyped(&Value::Bytes(vec![0, 255])).expect("a parameter");
    assert_eq!(parameter.sql_type().oid(), 0);
    assert_eq!(sent(&parameter), ('t', Some(b"\\x00ff".to_vec())));
    let real = Parameter::untyped(&Value::Real(0.1)).expect("a parameter");
    assert_eq!(sent(&real), ('t', Some(b"0.1".to_vec())));
    assert_eq!(
        sent(&Parameter::untyped(&Value::Null).expect("a parameter")),
        ('t', None)
    );
}

#[test]
fn many_values_are_binary_as_long_as_each_of_them_is() {
    let numbers = of(Kind::Int4);
    let values = [Value::Integer(1), Value::Null, Value::Integer(-1)];
    let many = Parameter::many(&numbers, values.iter()).expect("a parameter");
    assert_eq!(many.sql_type().oid(), numbers.array_oid);
    let (format, body) = sent(&many);
    assert_eq!(format, 'b');
    let array = Kind::Array(Box::new(Kind::Int4));
    assert_eq!(decoded(&array, &body.expect("a body")), json("[1,null,-1]"));

    let values = [Value::Integer(1), Value::Null, Value::Text("\"2".into())];
    let many = Parameter::many(&numbers, values.iter()).expect("a parameter");
    assert_eq!(sent(&many), ('t', Some(br#"{"1",NULL,"\"2"}"#.to_vec())));
    let none = Parameter::many(&numbers, [].iter()).expect("a parameter");
    assert_eq!(decoded(&array, &sent(&none).1.expect("a body")), json("[]"));
}

/// `unnest` would make one row of each element.
#[test]
fn many_arrays_are_texts_that_the_statement_casts() {
    let arrays = array_of(Kind::Int4);
    let values = [json("[1,2]"), Value::Null];
    let many = Parameter::many(&arrays, values.iter()).expect("a parameter");
    assert_eq!(many.sql_type().oid(), 1009);
    let texts = Kind::Array(Box::new(Kind::Text));
    assert_eq!(
        decoded(&texts, &sent(&many).1.expect("a body")),
        json(r#"["{\"1\",\"2\"}",null]"#)
    );
    assert_eq!(arrays.many_sql("u.c"), "u.c::a_type");
}

#[test]
fn a_value_that_was_not_written_leaves_nothing_in_the_array() {
    let mut array = BinaryArray::new(23);
    let refused = array.push(|out| {
        out.push(1);
        Ok(false)
    });
    assert!(!refused.expect("no failure"));
    let empty = array.finish();
    assert_eq!(
        decoded(&Kind::Array(Box::new(Kind::Int4)), &empty),
        json("[]")
    );
}

fn fact(oid: u32, name: &str, typtype: &str, base: u32, element: u32, array: u32) -> TypeFacts {
    TypeFacts {
        oid,
        name: name.into(),
        typtype: typtype.into(),
        base,
        element,
        array,
        sql_name: name.into(),
    }
}

#[test]
fn a_domain_is_its_base_type_and_an_enum_is_text() {
    let facts = [
        fact(23, "integer", "b", 0, 0, 1007),
        fact(1007, "integer[]", "b", 0, 23, 0),
        fact(90_001, "counted", "d", 23, 0, 90_002),
        fact(90_003, "further", "d", 90_001, 0, 90_004),
        fact(90_005, "numbers", "d", 1007, 0, 90_006),
        fact(90_006, "numbers[]", "b", 0, 90_005, 0),
        fact(90_007, "mood", "e", 0, 0, 90_008),
        fact(90_009, "citext", "b", 0, 0, 90_010),
        fact(603, "box", "b", 0, 0, 0),
        fact(1020, "box[]", "b", 0, 603, 0),
        fact(90_011, "pair", "c", 0, 0, 90_012),
        fact(90_013, "moods", "d", 90_007, 0, 90_014),
    ];
    let find = |oid| ColumnType::of(&facts, oid).expect("a type");
    assert_eq!(
        (find(90_003).kind, find(90_003).oid, find(90_003).array_oid),
        (Kind::Int4, 23, 1007)
    );
    assert_eq!(find(90_005).kind, Kind::Array(Box::new(Kind::Int4)));
    assert_eq!(find(90_006).kind, Kind::AsText);
    assert_eq!(
        (find(90_007).kind, find(90_007).has_equality),
        (Kind::Text, true)
    );
    assert_eq!(
        (find(90_009).kind, find(90_009).has_equality),
        (Kind::Text, false)
    );
    assert_eq!(find(1020).kind, Kind::AsText);
    assert_eq!(
        (find(90_011).kind, find(90_011).array_oid),
        (Kind::AsText, 0)
    );
    assert_eq!(find(90_013).compare_sql("c"), "c::mood");
    assert_eq!(find(90_007).compare_sql("c"), "c");
    assert_eq!(ColumnType::of(&facts, 4), None);
}

/// Whatever the bytes are, decoding ends with a value or an error.
#[test]
fn no_bytes_make_decoding_panic() {
    let scalars = [
        Kind::Boolean,
        Kind::Int2,
        Kind::Int4,
        Kind::Int8,
        Kind::Oid,
        Kind::Float4,
        Kind::Float8,
        Kind::Numeric,
        Kind::Text,
        Kind::Bytes,
        Kind::Uuid,
        Kind::Inet,
        Kind::Date,
        Kind::Time,
        Kind::TimeTz,
        Kind::Timestamp,
        Kind::TimestampTz,
        Kind::Interval,
        Kind::Json,
        Kind::Jsonb,
        Kind::AsText,
    ];
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..20_000 {
        let kind = random.choice(&scalars).expect("a kind").clone();
        let mut raw: Vec<u8> = (0..random.usize(0..24)).map(|_| random.u8(..)).collect();
        let _ = decode(&kind, &raw, &Scratch::default());
        raw.iter_mut()
            .filter(|_| random.u8(0..4) > 0)
            .for_each(|byte| *byte &= 1);
        let kind = if random.bool() {
            Kind::Array(Box::new(kind))
        } else {
            kind
        };
        let _ = decode(&kind, &raw, &Scratch::default());
    }
    assert_eq!(
        decode(&Kind::Int4, &[0; 3], &Scratch::default())
            .map(ValueRef::to_owned)
            .expect_err("an error")
            .to_string(),
        "a value came from the server in a form that is not known"
    );
}
