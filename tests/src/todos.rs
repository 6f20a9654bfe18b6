//! A table of todos, aggregates of it, and what they are to say: the same as `SELECT … GROUP BY`.

use crate::TestStore;
use driftless::{AggregateReport, AggregateState, Backfill, Group, Manifest, Migrator, RunStatus};

driftless::aggregate! {
    /// Of `todos`: with NULLs in its keys and in what is summed.
    pub TODOS_BY_PROJECT = "todos" by (project_id, completed) { count, sum(effort), avg(effort), min(created_at), max(created_at) }
}

driftless::aggregate! {
    /// The same table by another column, to be kept beside the other.
    pub TODOS_BY_OWNER = "todos" by (owner) { count, max(effort) }
}

/// `todos` with this many rows.
pub fn todos<S: TestStore>(rows: u32) -> String {
    format!(
        "CREATE TABLE todos (id {key}, project_id BIGINT, completed BOOLEAN, effort BIGINT, created_at TEXT, owner TEXT, title TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO todos (id, project_id, completed, effort, created_at, owner, title)
         SELECT i, nullif(i % 7, 3), CASE i % 3 WHEN 0 THEN TRUE WHEN 1 THEN FALSE END, nullif(i % 11, 5),
                CASE WHEN i % 13 <> 4 THEN 'day ' || (i * 37 % 1000) END, 'owner ' || (i % 5), 'todo ' || i FROM n WHERE {rows} > 0;",
        key = S::KEY
    )
}

/// A migrator that declares both aggregates, over no migrations that matter.
///
/// # Panics
/// The database cannot be opened.
pub async fn with_aggregates(db: &impl TestStore) -> Migrator {
    aggregates_and(db, &crate::fixtures::times100).await
}

/// A migrator that declares both aggregates and has these migrations.
///
/// # Panics
/// The database cannot be opened.
pub async fn aggregates_and(db: &impl TestStore, manifest: &'static Manifest) -> Migrator {
    let migrator = db.migrator(manifest).await;
    migrator.aggregates(&[&TODOS_BY_PROJECT, &TODOS_BY_OWNER])
}

/// How both aggregates stand.
///
/// # Panics
/// The database cannot be read.
pub async fn states(migrator: &Migrator) -> Vec<Option<AggregateState>> {
    let statuses = migrator.aggregate_status().await.expect("readable");
    statuses.iter().map(|status| status.state).collect()
}

/// Builds them and expects that to be completed.
///
/// # Panics
/// It is not.
pub async fn build(migrator: &Migrator, backfill: Backfill) -> AggregateReport {
    let report = migrator
        .backfill(backfill.full_speed())
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    report
}

/// Asserts that both aggregates say what `SELECT … GROUP BY` says.
///
/// # Panics
/// They do not, or cannot be read.
pub async fn assert_right(db: &impl TestStore, migrator: &Migrator) {
    let groups = migrator.aggregate(&TODOS_BY_PROJECT).groups(()).await;
    let mut said: Vec<String> = groups.expect("READY").iter().map(by_project).collect();
    let mut is = db.rows(
        "SELECT project_id, completed, count(*), sum(effort), CAST(avg(effort) AS DOUBLE PRECISION), min(created_at), max(created_at) FROM todos GROUP BY project_id, completed",
    );
    said.sort();
    is.sort();
    assert_eq!(said, is, "TODOS_BY_PROJECT");
    let groups = migrator.aggregate(&TODOS_BY_OWNER).groups(()).await;
    let mut said: Vec<String> = groups.expect("READY").iter().map(by_owner).collect();
    let mut is = db.rows("SELECT owner, count(*), max(effort) FROM todos GROUP BY owner");
    said.sort();
    is.sort();
    assert_eq!(said, is, "TODOS_BY_OWNER");
}

/// A group as the query above shows it.
fn by_project(group: &Group) -> String {
    let (project, completed): (Option<i64>, Option<bool>) = group.key().expect("a key");
    let sum: Option<i64> = group.sum("effort").expect("a sum");
    let average: Option<f64> = group.avg("effort").expect("an average");
    let (first, last): (Option<String>, Option<String>) = (
        group.min("created_at").expect("a minimum"),
        group.max("created_at").expect("a maximum"),
    );
    [
        show(project),
        show(completed.map(u8::from)),
        group.count.to_string(),
        show(sum),
        show(average.map(|average| format!("{average:?}"))),
        show(first),
        show(last),
    ]
    .join("|")
}

fn by_owner(group: &Group) -> String {
    let owner: Option<String> = group.key().expect("a key");
    let most: Option<i64> = group.max("effort").expect("a maximum");
    [show(owner), group.count.to_string(), show(most)].join("|")
}

fn show(value: Option<impl ToString>) -> String {
    value.map_or("NULL".into(), |value| value.to_string())
}
