//! The SQLite store: rusqlite, synchronous, one writer at a time by `BEGIN IMMEDIATE`.

mod aggregate;
mod error;
mod page;
mod session;
mod table;
mod url;
mod write;

use crate::error::{Error, Result};
use crate::store::{Limit, Session, Store};
use error::translate;
use rusqlite::{Connection, OpenFlags};
use session::SqliteSession;
use std::time::Duration;
use url::Target;

/// A SQLite database file.
pub(crate) struct SqliteStore {
    target: Target,
}

impl SqliteStore {
    /// The store of a `sqlite:` URL.
    pub(crate) fn from_url(url: &str) -> Result<Self> {
        Ok(SqliteStore {
            target: Target::parse(url)?,
        })
    }
}

impl Store for SqliteStore {
    fn connect(&self) -> Result<Box<dyn Session>> {
        let Target {
            path,
            create,
            busy_timeout,
            max_page_count,
            ..
        } = &self.target;
        if !create && !path.exists() {
            return Err(Error::database(format!(
                "the database file {} does not exist; check the path, or write `{}?mode=rwc` to create an empty one",
                path.display(),
                self.target.shown
            )));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, *create);
        let connection = Connection::open_with_flags(path, flags).map_err(|error| {
            translate(error).context(format!("{} cannot be opened", path.display()))
        })?;
        let prepared = prepare(&connection, *busy_timeout, *max_page_count);
        let syncs_at_the_end = prepared.map_err(|error| {
            translate(error).context(format!("{} cannot be used as a database", path.display()))
        })?;
        Ok(Box::new(SqliteSession::new(connection, syncs_at_the_end)))
    }

    fn describe(&self) -> String {
        self.target.shown.clone()
    }

    /// Without a pause the next writer in line starves: SQLite has no queue for its one write lock. The number is measured
    /// (DESIGN §9: an app's p99 falls from 413 ms to 4.7 ms).
    fn default_pause(&self) -> Duration {
        Duration::from_millis(1)
    }

    /// Every other writer waits as long.
    fn default_target_batch(&self) -> Duration {
        Duration::from_millis(2)
    }

    fn smallest_batch(&self) -> usize {
        8
    }

    fn limits(&self) -> &'static [Limit] {
        &[Limit::OneWriter, Limit::NoRowLocks]
    }
}

/// Enough for every statement of a step and of the history, so that none is prepared twice.
const STATEMENTS: usize = 128;

fn prepare(
    connection: &Connection,
    busy_timeout: Duration,
    max_page_count: Option<u32>,
) -> rusqlite::Result<bool> {
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Constraints always hold (P11), also where the app forgot to switch its foreign keys on.
    connection.pragma_update(None, "foreign_keys", true)?;
    if let Some(pages) = max_page_count {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    // The first read of the file: a file that is no database is found here.
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    sync_at_the_end(connection, &journal)
}

/// In write-ahead mode a batch need not be synced to disk when it is committed: a power failure then undoes the last few
/// batches whole, documents and cursor together, and the next run does them again, once. The end of a run is synced.
/// In the other modes, and where the app has chosen a level of its own, nothing is changed.
fn sync_at_the_end(connection: &Connection, journal: &str) -> rusqlite::Result<bool> {
    const FULL: i64 = 2;
    let level: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    let lazily = journal.eq_ignore_ascii_case("wal") && level == FULL;
    if lazily {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
    }
    Ok(lazily)
}
