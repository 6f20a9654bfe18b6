//! The internal tables: are they there, are they ours, are they of a version we know.

use crate::error::{Error, Result};
use crate::store::Session;

/// The version this build writes.
const VERSION: i64 = 4;

/// An internal table, with the columns that prove it is ours.
struct Table {
    name: &'static str,
    /// The version that brought it.
    since: i64,
    columns: &'static [&'static str],
}

const TABLES: [Table; 7] = [
    Table {
        name: "migration_schema",
        since: 1,
        columns: &["version"],
    },
    Table {
        name: "migration_state",
        since: 1,
        columns: &[
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
    },
    Table {
        name: "migration_run",
        since: 1,
        columns: &[
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
    },
    Table {
        name: "migration_range",
        since: 1,
        columns: &["migration_id", "range_index", "direction", "until", "pass"],
    },
    Table {
        name: "migration_quarantine",
        since: 1,
        columns: &[
            "migration_id",
            "direction",
            "table_name",
            "document_key",
            "error",
        ],
    },
    Table {
        name: "migration_audit",
        since: 3,
        columns: &[
            "audit_id",
            "action",
            "migration_id",
            "reason",
            "old_checksum",
            "new_checksum",
            "created_at",
        ],
    },
    Table {
        name: "migration_aggregate",
        since: 4,
        columns: &[
            "name",
            "table_name",
            "digest",
            "objects",
            "state",
            "cursor",
            "processed",
        ],
    },
];

/// The version of the internal tables; `None` when they do not exist. Writes nothing.
///
/// A table of the same name and another shape, or a version newer than this build, is an error.
pub(crate) fn check(session: &mut dyn Session) -> Result<Option<i64>> {
    let mut found = look(session)?;
    // Somebody else may be creating them, all at once, while we look at one after the other: then a second look sees all.
    if found.is_partial() {
        found = look(session)?;
    }
    match found {
        Found { tables: 0, .. } => Ok(None),
        found if found.is_partial() => Err(Error::schema(format!(
            "only {} of the {} internal tables exist; restore the missing ones from a backup, or drop them all to forget the history",
            found.tables, found.expected
        ))),
        found => Ok(found.version),
    }
}

/// What a look at the database found.
struct Found {
    /// How many of the internal tables exist.
    tables: usize,
    /// How many there are in the version that was found.
    expected: usize,
    version: Option<i64>,
}

impl Found {
    fn is_partial(&self) -> bool {
        (1..self.expected).contains(&self.tables)
    }
}

fn look(session: &mut dyn Session) -> Result<Found> {
    let mut names = Vec::new();
    for table in &TABLES {
        if exists(session, table)? {
            names.push(table.name);
        }
    }
    let version = match names.first() {
        Some(&"migration_schema") => Some(check_version(session)?),
        _ => None,
    };
    let expected = |table: &&Table| table.since <= version.unwrap_or(VERSION);
    let is_expected = |name: &&&str| {
        let mut tables = TABLES.iter().filter(expected);
        tables.any(|table| table.name == **name)
    };
    Ok(Found {
        tables: names.iter().filter(is_expected).count(),
        expected: TABLES.iter().filter(expected).count(),
        version,
    })
}

/// Whether an internal table exists; a table of its name and another shape is an error.
fn exists(session: &mut dyn Session, table: &Table) -> Result<bool> {
    let name = table.name;
    let Some(columns) = session.columns(name)? else {
        return Ok(false);
    };
    let lacks = |expected: &&&str| !columns.iter().any(|column| column == **expected);
    let missing: Vec<&str> = table.columns.iter().filter(lacks).copied().collect();
    if missing.is_empty() {
        return Ok(true);
    }
    Err(Error::schema(format!(
        "the database has a table {name} that is not driftless's own (it lacks {}); that name is reserved, so rename your table: ALTER TABLE {name} RENAME TO app_{name}",
        missing.join(", ")
    )))
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
