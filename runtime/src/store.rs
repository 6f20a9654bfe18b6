//! What a database must provide, and what each call promises.
//!
//! Everything above this file is the same for every database. A store knows how to open, how to read a table's make-up,
//! how to read a page in key order and how to write changes by key; it knows nothing of migrations or runs.
// What only a store reads is unused in a build without one.
#![cfg_attr(not(all(feature = "sqlite", feature = "postgres")), allow(dead_code))]

use crate::aggregate::AggregateSession;
use crate::error::{Error, Result};
use crate::patch::Patch;
use crate::value::{Key, Row, Value};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A database that sessions can be opened on.
pub(crate) trait Store: Send + Sync {
    /// Opens a session. Writes nothing.
    fn connect(&self) -> Result<Box<dyn Session>>;

    /// The database as messages name it, secrets masked.
    fn describe(&self) -> String;

    /// How long to leave the database to others between two batches, when nobody says otherwise.
    fn default_pause(&self) -> Duration;

    /// How long a batch's transaction should take, when nobody says otherwise.
    fn default_target_batch(&self) -> Duration;

    /// How many documents a batch holds at the least, however long that takes, when nobody says otherwise: enough to pay
    /// for its transaction.
    fn smallest_batch(&self) -> usize;

    /// What this database cannot do.
    fn limits(&self) -> &'static [Limit];
}

/// Something a database cannot do that another can; see [`Migrator::limits`](crate::Migrator::limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// One connection writes at a time, so that a run has one worker.
    OneWriter,
    /// No row can be locked by itself; nobody else writes while a batch does.
    NoRowLocks,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::OneWriter => "one connection writes at a time, so a run has one worker",
            Limit::NoRowLocks => "rows cannot be locked; nobody else writes while a batch does",
        })
    }
}

/// What a callback over rows returns.
pub(crate) type RowSink<'s> = &'s mut dyn FnMut(&dyn Row) -> Result<()>;

/// One connection.
pub(crate) trait Session: AggregateSession + Send {
    /// Begins a transaction. Waits for other writers no longer than a busy timeout, then fails with a busy error; nothing
    /// has happened then and the call may be repeated. A session whose connection was lost connects anew.
    ///
    /// A store on which many write at a time may leave the real beginning to the first statement that needs it: a page
    /// that is not locked is then read before it, and no lock is held while a step function runs.
    fn begin(&mut self) -> Result<()>;

    /// Begins a transaction in which everything that is read stays true until the commit, or the commit is refused with a
    /// busy error. For planning, which is short.
    fn begin_planning(&mut self) -> Result<()> {
        self.begin()
    }

    /// Makes the transaction visible to others, and atomic whatever happens. A power failure may still undo the last
    /// transactions, cursor and documents alike, unless [`Session::make_durable`] follows.
    ///
    /// After an error with the transaction still open ([`Session::in_transaction`]) the call may be repeated; after any
    /// other error the transaction's fate must be read back, since only the reply may be lost.
    fn commit(&mut self) -> Result<()>;

    /// Makes every transaction committed so far survive a power failure.
    fn make_durable(&mut self) -> Result<()>;

    /// Undoes the transaction; does nothing when there is none. Never fails in a way that leaves changes behind.
    fn rollback(&mut self);

    /// Whether a transaction is begun, and can still commit.
    fn in_transaction(&self) -> bool;

    /// Runs one statement, `$1`, `$2`… being the parameters. Returns how many rows it changed itself.
    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64>;

    /// Runs one statement of the transaction without waiting for it, where the database allows that: a failure fails the
    /// commit.
    fn post(&mut self, sql: &str, parameters: &[Value]) -> Result<()> {
        self.execute(sql, parameters).map(drop)
    }

    /// Runs one statement outside of the transaction that was begun, if that has not touched the database yet. Says whether
    /// it did.
    fn execute_aside(&mut self, sql: &str, parameters: &[Value]) -> Result<bool> {
        let _ = (sql, parameters);
        Ok(false)
    }

    /// Runs one statement and hands its rows over, one at a time.
    fn query(&mut self, sql: &str, parameters: &[Value], rows: RowSink<'_>) -> Result<()>;

    /// Runs a script of statements: the internal schema.
    fn script(&mut self, sql: &str) -> Result<()>;

    /// SQL for the current time, moved by a number of seconds, on the database's clock: what a time column of the internal
    /// tables holds, and what is read back as RFC 3339 text in UTC.
    fn now_sql(&self, plus: Duration) -> String;

    /// The statements that create the internal tables, current version.
    fn schema_sql(&self) -> &'static str;

    /// The statements that bring the internal tables of this version to the next one.
    fn upgrade_sql(&self, from: i64) -> Option<&'static str> {
        let _ = from;
        None
    }

    /// The column names of a table, lower case; `None` when there is no such table.
    fn columns(&mut self, table: &str) -> Result<Option<Vec<String>>>;

    /// A table's make-up.
    fn table(&mut self, schema: Option<&str>, name: &str) -> Result<TableInfo>;

    /// Whether triggers fire on what [`Session::write`] and [`Session::insert`] write, until the next call.
    fn fire_triggers(&mut self, fire: bool) -> Result<()>;

    /// Fails when the server does not let this role keep the table's triggers from firing; names them and the choices.
    fn check_bypass(&mut self, table: &TableInfo) -> Result<()> {
        let _ = table;
        Ok(())
    }

    /// Checks that a predicate is SQL over this table. Reads nothing.
    fn check_predicate(&mut self, table: &TableInfo, predicate: &str) -> Result<()>;

    /// Hands over the documents of a page in key order: first the cells of `page.columns`, then those of the key.
    ///
    /// Without `page.lock` the session remembers what was read, by position in the page: the guard of guarded writes.
    fn read_page(&mut self, page: &Page, rows: RowSink<'_>) -> Result<()>;

    /// Tells which page is probably read next, so that reading it may begin. What was prefetched and is not asked for next
    /// is forgotten.
    fn prefetch(&mut self, page: &Page) -> Result<()> {
        let _ = page;
        Ok(())
    }

    /// Forgets what was prefetched: it may no longer be what is there.
    fn forget_prefetched(&mut self) {}

    /// Keeps everybody else from writing to a table until the end of the transaction, or fails with a busy error after a
    /// moment. Where nobody else writes during a transaction there is nothing to do.
    fn keep_writers_out(&mut self, table: &TableInfo) -> Result<()> {
        let _ = table;
        Ok(())
    }

    /// Reads one document of the page again, with the page's columns and filter, and renews the guard at its position;
    /// `false` when there is no such row any more.
    fn read_again(
        &mut self,
        page: &Page,
        position: usize,
        key: &[Value],
        rows: RowSink<'_>,
    ) -> Result<bool> {
        let _ = position;
        self.read_one(page, key, rows)
    }

    /// Reads one document by its key, with the page's columns and filter; `false` when there is no such row any more.
    fn read_one(&mut self, page: &Page, key: &[Value], rows: RowSink<'_>) -> Result<bool>;

    /// The largest key.
    fn last_key(&mut self, table: &TableInfo) -> Result<Option<Key>>;

    /// How many rows there are with a key up to `until` that match a predicate.
    fn count(
        &mut self,
        table: &TableInfo,
        predicate: Option<&str>,
        until: Option<&Key>,
    ) -> Result<u64>;

    /// As [`Session::count`], where about is enough: counting a huge table takes its time.
    fn estimate(
        &mut self,
        table: &TableInfo,
        predicate: Option<&str>,
        until: Option<&Key>,
    ) -> Result<u64> {
        self.count(table, predicate, until)
    }

    /// A key with about as many rows after it as before, among those after `after` and up to `until`; `None` when there is
    /// none, and on a store with one writer, where no range is split.
    fn middle(
        &mut self,
        table: &TableInfo,
        after: Option<&Key>,
        until: Option<&Key>,
    ) -> Result<Option<Key>> {
        let _ = (table, after, until);
        Ok(None)
    }

    /// Writes changes, each to the row of the key at its position, in order.
    ///
    /// With `guarded`, a row is left alone where one of the columns that its document was read with is not what it was when
    /// the page was read (P3); those are told in [`Written::missed`]. Where nobody else writes meanwhile there are none.
    fn write(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        changes: &[(usize, Patch)],
        guarded: bool,
    ) -> Result<Written, WriteFailure>;

    /// As [`Session::write`], without waiting for what becomes of it; [`Session::written`] tells, once a later statement was
    /// waited for. Says whether that was possible: otherwise nothing was done.
    fn post_write(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        changes: &[(usize, Patch)],
        guarded: bool,
    ) -> Result<bool> {
        let _ = (table, keys, changes, guarded);
        Ok(false)
    }

    /// What became of changes that were posted. Their failure is that of the next statement that was waited for.
    fn written(&mut self) -> Result<Arrived> {
        Ok(Arrived::Written(0))
    }

    /// Whether [`Session::post_write`] would take these changes. Asks nobody.
    fn can_post(&self, table: &TableInfo, changes: &[(usize, Patch)]) -> bool {
        let _ = (table, changes);
        false
    }

    /// Sends the end of a transaction whose changes were posted, and lets it end by itself: it is committed as soon as it is
    /// known that every posted change has found its row and that `end.fence` has returned one, and rolled back otherwise.
    /// Says whether that was possible; otherwise nothing was done.
    ///
    /// For the session the transaction is over: the next one may begin, and reach the database only after
    /// [`Session::landed`] has said that this one is committed.
    fn post_end(&mut self, end: &BatchEnd) -> Result<bool> {
        let _ = end;
        Ok(false)
    }

    /// Waits for the transaction whose end was posted, and tells what became of it; `None` when there is none.
    fn landed(&mut self) -> Option<Landed> {
        None
    }

    /// How many changes are best written together.
    fn together(&self) -> usize;

    /// Inserts a row and returns its key where the database tells it.
    fn insert(&mut self, table: &TableInfo, columns: &[(String, Value)]) -> Result<Option<Key>>;

    /// A number that grows with every row this connection changes, by statements, triggers and foreign key actions, at
    /// least within the transaction. A store may leave out what the engine's own statements do to the internal tables.
    fn change_counter(&mut self) -> Result<u64>;

    /// The step is about to look at the database, or to change it, by other means than patches of its documents. Where
    /// counting everybody's changes costs something it begins here, and a page that was prefetched is forgotten.
    fn step_reaches_out(&mut self) -> Result<()> {
        Ok(())
    }

    /// The tables, by their names as SQL writes them, whose rows a statement like this changes without firing their triggers
    /// while [`Session::fire_triggers`] is off.
    fn tables_past_triggers(&mut self, sql: &str) -> Result<Vec<String>> {
        let _ = sql;
        Ok(Vec::new())
    }
}

/// What [`Session::write`] did.
#[derive(Debug, Default, Clone)]
pub(crate) struct Written {
    /// Rows that were found and changed.
    pub rows: u64,
    /// Changes, as positions in the list, whose rows are gone or not as they were read.
    pub missed: Vec<usize>,
}

/// What became of changes that were posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// So many rows were found and changed.
    Written(u64),
    /// Some of the rows are gone or not as they were read, and which is not known.
    Short,
    /// The database refused one of them.
    Failed,
}

/// A statement and its parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    pub sql: String,
    pub parameters: Vec<Value>,
}

/// How a batch's transaction ends: see [`Session::post_end`].
#[derive(Debug)]
pub(crate) struct BatchEnd {
    /// Returns one row with one truth value, or none when the batch is not to be committed.
    pub fence: Statement,
    /// Whatever else belongs to the transaction.
    pub rest: Vec<Statement>,
}

/// What became of a transaction whose end was posted.
#[derive(Debug)]
pub(crate) enum Landed {
    /// Committed. Says what the fence returned, and how long transaction and commit took.
    Committed {
        fence: bool,
        work: Duration,
        commit: Duration,
    },
    /// Rolled back: some of the rows are gone or not as they were read.
    Short,
    /// Rolled back: the fence returned no row.
    Fenced,
    /// Rolled back: the database refused something, or the connection was lost before the commit was sent.
    Failed(Error),
    /// The commit was sent and there is no reply.
    Unknown(Error),
}

/// Why [`Session::write`] did not write.
#[derive(Debug)]
pub(crate) struct WriteFailure {
    /// Which change failed; `None` when several were written together and the database does not say.
    pub index: Option<usize>,
    pub error: Error,
}

/// A table's make-up, as the database tells it.
#[derive(Debug)]
pub(crate) struct TableInfo {
    /// The name as messages show it.
    pub name: String,
    /// The name as SQL writes it, quoted.
    pub sql_name: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The columns of the key, or the hidden row number.
    pub key: Vec<KeyColumn>,
    /// Whether the key is the row's own number, which the database hands out.
    pub key_is_row_number: bool,
    /// What SQL says after the table's name to be read in the key's own order.
    pub scan_hint: String,
    /// Triggers on the table, by name.
    pub triggers: Vec<String>,
    /// What only the store that described it knows.
    pub store_own: Arc<dyn Any + Send + Sync>,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name.
    pub name: String,
    /// Whether the database computes it.
    pub generated: bool,
    /// Whether it is declared to hold bytes.
    pub bytes: bool,
    /// How SQL selects it.
    pub read_sql: String,
}

/// A column of the key.
#[derive(Debug)]
pub(crate) struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Its name as SQL writes it, quoted.
    pub sql_name: String,
    /// Whether the database would let it be NULL.
    pub nullable: bool,
}

/// Which documents to read.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The table.
    pub table: Arc<TableInfo>,
    /// The columns, as positions in the table.
    pub columns: Arc<[usize]>,
    /// SQL predicate on the documents.
    pub filter: Option<String>,
    /// The key they come after; `None` starts at the first.
    pub after: Option<Key>,
    /// The last key they may have; `None` goes to the end.
    pub until: Option<Key>,
    /// How many at the most.
    pub limit: usize,
    /// Whether the rows are locked as they are read, so that nobody else changes them before the commit.
    pub lock: bool,
}

impl TableInfo {
    /// The position of a column. SQL names are compared as the database does: without regard to ASCII case.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column.name == name);
        exact.or_else(|| {
            self.columns
                .iter()
                .position(|column| column.name.eq_ignore_ascii_case(name))
        })
    }

    /// Whether a column belongs to the key.
    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.key
            .iter()
            .any(|key| key.name.eq_ignore_ascii_case(name))
    }

    /// The columns a message lists.
    pub(crate) fn column_names(&self) -> String {
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        names.join(", ")
    }
}

/// Quotes a name for SQL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Opens the store a URL names.
pub(crate) fn open(url: &str) -> Result<Arc<dyn Store>> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(crate::sqlite::SqliteStore::from_url(url)?)),
        #[cfg(not(feature = "sqlite"))]
        "sqlite" => Err(Error::usage(
            "this build has no SQLite; add it with `cargo add driftless --features sqlite`",
        )),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Ok(Arc::new(crate::postgres::PostgresStore::from_url(url)?)),
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => Err(Error::usage(
            "this build has no Postgres; add it with `cargo add driftless --features postgres`",
        )),
        "mysql" | "mariadb" => Err(Error::usage(format!(
            "there is no store for `{scheme}://` databases yet; SQLite and Postgres are the ones there are"
        ))),
        "" => Err(Error::usage(
            "the database URL has no scheme; write `sqlite://path/to/app.db` or `postgres://user@host/database`",
        )),
        other => Err(Error::usage(format!(
            "no store is known for `{other}:` URLs; write `sqlite://path/to/app.db` or `postgres://user@host/database`"
        ))),
    }
}
