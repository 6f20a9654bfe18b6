//! An app that uses sqlx on SQLite and driftless beside it: both link the same sqlite3.

use driftless::{Migrator, Run, RunStatus};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::error::Error;
use std::path::Path;

static MIGRATIONS: driftless::Manifest = driftless::migrations!("migrations");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("driftless-sqlx-{}.db", std::process::id()));
    let total = total_after_migrating(&path).await?;
    println!("sqlx reads {total} cents");
    std::fs::remove_file(path)?;
    Ok(())
}

/// Writes prices with sqlx, migrates them with driftless while sqlx stays connected, and adds them up with sqlx.
async fn total_after_migrating(path: &Path) -> Result<i64, Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE products (id INTEGER PRIMARY KEY, price INTEGER NOT NULL)")
        .execute(&pool)
        .await?;
    for price in 1..=1000_i64 {
        sqlx::query("INSERT INTO products (price) VALUES (?)")
            .bind(price)
            .execute(&pool)
            .await?;
    }
    let url = format!("sqlite://{}", path.display());
    let report = Migrator::connect(&url, &MIGRATIONS)
        .await?
        .run(Run::up())
        .await?;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    let total = sqlx::query_scalar("SELECT sum(price) FROM products")
        .fetch_one(&pool)
        .await?;
    pool.close().await;
    Ok(total)
}

#[tokio::test]
async fn sqlx_reads_what_driftless_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let total = total_after_migrating(&folder.path().join("app.db")).await;
    assert_eq!(total.unwrap(), 50_050_000);
}
