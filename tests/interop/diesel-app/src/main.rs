//! An app that uses diesel on SQLite and driftless beside it: both link the same sqlite3.

use diesel::prelude::*;
use driftless::{Migrator, Run, RunStatus};
use std::error::Error;
use std::path::Path;

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations");

diesel::table! {
    products {
        id -> BigInt,
        price -> BigInt,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("driftless-diesel-{}.db", std::process::id()));
    let highest = highest_after_migrating(&path).await?;
    println!("diesel reads {highest} cents");
    std::fs::remove_file(path)?;
    Ok(())
}

/// Writes prices with diesel, migrates them with driftless while diesel stays connected, and reads the highest with diesel.
async fn highest_after_migrating(path: &Path) -> Result<i64, Box<dyn Error>> {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
    diesel::sql_query("CREATE TABLE products (id INTEGER PRIMARY KEY, price INTEGER NOT NULL)")
        .execute(&mut connection)?;
    for price in 1..=1000_i64 {
        diesel::insert_into(products::table)
            .values(products::price.eq(price))
            .execute(&mut connection)?;
    }
    let url = format!("sqlite://{}", path.display());
    let report = Migrator::connect(&url, &MIGRATIONS)
        .await?
        .run(Run::up())
        .await?;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    Ok(products::table
        .select(products::price)
        .order(products::price.desc())
        .first(&mut connection)?)
}

#[tokio::test]
async fn diesel_reads_what_driftless_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let highest = highest_after_migrating(&folder.path().join("app.db")).await;
    assert_eq!(highest.unwrap(), 100_000);
}
