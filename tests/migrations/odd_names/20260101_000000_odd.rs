//! Names that SQL would stumble over.
use driftless::prelude::*;

#[derive(serde::Deserialize)]
struct Odd {
    select: i64,
    rowid: String,
    #[serde(rename = "a b")]
    spaced: i64,
    #[serde(rename = "quo\"te'd")]
    quoted: i64,
    größe: i64,
}

#[migration(table = "\"select \"\"from\"\" größe.x\"", filter = "\"a b\" > 0 -- ?")]
fn up(ctx: &mut Ctx, odd: Odd) -> Result<Patch> {
    let table = "select \"from\" größe.x";
    let sum: i64 = ctx
        .orm()
        .find::<Sum>(table, "\"quo\"\"te'd\" >= $1", 0)?
        .iter()
        .map(|row| row.sum)
        .sum();
    Ok(patch!(odd {
        select: odd.select + 1,
        rowid: format!("{} and {}", odd.rowid, sum),
        spaced: odd.spaced * 10,
        quoted: odd.quoted * 100,
        größe: odd.größe * 1000,
    }))
}

#[derive(serde::Deserialize)]
struct Sum {
    #[serde(rename = "a b")]
    sum: i64,
}
