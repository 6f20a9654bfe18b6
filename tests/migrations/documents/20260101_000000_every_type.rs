//! Reads every type and writes it back as it was.
use driftless::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Sample {
    int: i64,
    small: Option<u8>,
    real: f64,
    text: String,
    letter: char,
    bytes: Vec<u8>,
    flag: bool,
    nested: Nested,
    list: Vec<i64>,
    map: std::collections::BTreeMap<String, Option<i64>>,
    kind: Kind,
    variant: Variant,
    anything: serde_json::Value,
    id: uuid::Uuid,
    day: chrono::NaiveDate,
    at: chrono::DateTime<chrono::Utc>,
    stamp: jiff::Timestamp,
    calendar: time::Date,
    price: rust_decimal::Decimal,
    #[serde(rename = "renamed column")]
    renamed: Wrapped,
}

#[derive(Deserialize, Serialize)]
struct Nested {
    a: i64,
    b: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Red,
    Green,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Variant {
    Point { x: i64, y: i64 },
    Label(String),
}

#[derive(Deserialize, Serialize)]
struct Wrapped(String);

#[migration(table = "samples")]
fn up(_ctx: &mut Ctx, sample: Sample) -> Result<Patch> {
    Ok(patch!(sample {
        int: sample.int,
        small: sample.small,
        real: sample.real,
        text: sample.text,
        letter: sample.letter,
        bytes: sample.bytes,
        flag: sample.flag,
        nested: sample.nested,
        list: sample.list,
        map: sample.map,
        kind: sample.kind,
        variant: sample.variant,
        day: sample.day,
        at: sample.at,
        stamp: sample.stamp,
        calendar: sample.calendar,
        price: sample.price,
        renamed: sample.renamed,
    })
    .set("anything", sample.anything)
    .set("copy_of_id", sample.id))
}
