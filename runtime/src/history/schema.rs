//! The internal tables: are they there, are they ours, are they of a version we know.

use crate::error::{Error, Result};
use crate::store::Session;

/// The version this build writes.
const VERSION: i64 = 2;

/// The tables, with the columns that prove they are ours.
const TABLES: [(&str, &[&str]); 5] = [
    ("migration_schema", &["version"]),
    (
        "migration_state",
        &[
            "migration_id",
            "checksum",
            "applied",
            "status",
            "direction",
            "run_id",
            "cursor",
            "processed",
            "changed",
            "spread",
            "write_mode",
            "source",
        ],
    ),
    (
        "migration_run",
        &[
            "run_id",
            "direction",
            "status",
            "migration_ids",
            "current_index",
            "cancel_requested",
            "manifest_digest",
            "lease_holder",
            "lease_epoch",
        ],
    ),
    (
        "migration_range",
        &["migration_id", "range_index", "direction", "until", "pass"],
    ),
    (
        "migration_quarantine",
        &[
            "migration_id",
            "direction",
            "table_name",
            "document_key",
            "error",
        ],
    ),
];

/// The version of the internal tables; `None` when they do not exist. Writes nothing.
///
/// A table of the same name and another shape, or a version newer than this build, is an error.
pub(crate) fn check(session: &mut dyn Session) -> Result<Option<i64>> {
    let mut found = count(session)?;
    // Somebody else may be creating them, all at once, while we look at one after the other: then a second look sees all.
    if found > 0 && found < TABLES.len() {
        found = count(session)?;
    }
    match found {
        0 => Ok(None),
        _ if found == TABLES.len() => check_version(session).map(Some),
        _ => Err(Error::schema(format!(
            "only {found} of the {} internal tables exist; restore the missing ones from a backup, or drop them all to forget the history",
            TABLES.len()
        ))),
    }
}

/// How many of the internal tables exist.
fn count(session: &mut dyn Session) -> Result<usize> {
    let mut found = 0;
    for (table, expected) in TABLES {
        let Some(columns) = session.columns(table)? else {
            continue;
        };
        let missing: Vec<&str> = expected
            .iter()
            .copied()
            .filter(|name| !columns.iter().any(|column| column == name))
            .collect();
        if !missing.is_empty() {
            return Err(Error::schema(format!(
                "the database has a table {table} that is not driftless's own (it lacks {}); that name is reserved, so rename your table: ALTER TABLE {table} RENAME TO app_{table}",
                missing.join(", ")
            )));
        }
        found += 1;
    }
    Ok(found)
}

fn check_version(session: &mut dyn Session) -> Result<i64> {
    let mut version = None;
    session.query("SELECT version FROM migration_schema", &[], &mut |row| {
        if let crate::value::ValueRef::Integer(found) = row.cell(0)? {
            version = Some(found);
        }
        Ok(())
    })?;
    match version {
        Some(known @ 1..=VERSION) => Ok(known),
        Some(newer) if newer > VERSION => Err(Error::schema(format!(
            "the internal tables are of version {newer} and this build knows version {VERSION}; they were upgraded by a newer driftless, so update this program's driftless"
        ))),
        _ => Err(Error::schema(
            "the table migration_schema does not hold a version this build knows; restore it from a backup",
        )),
    }
}

/// Creates the internal tables if they are not there, and brings older ones up to date. Inside the caller's transaction.
pub(crate) fn ensure(session: &mut dyn Session) -> Result<()> {
    let Some(mut version) = check(session)? else {
        return session.script(session.schema_sql());
    };
    while version < VERSION {
        let upgrade = session.upgrade_sql(version).ok_or_else(|| {
            Error::schema(format!(
                "the internal tables are of version {version}, which this build cannot bring to version {VERSION}; upgrade with an older driftless first"
            ))
        })?;
        session.script(upgrade)?;
        version += 1;
    }
    Ok(())
}
