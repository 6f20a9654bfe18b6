//! A SQLite database in a folder that goes away with the test.

use crate::store::{TestApp, TestStore};
use driftless::Limit;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A database file of one test.
pub struct Database {
    folder: tempfile::TempDir,
    app: Connection,
}

impl Database {
    /// A new database in WAL mode, as most apps have it, made by this script.
    ///
    /// # Panics
    /// SQLite refuses the script.
    pub fn new(script: &str) -> Self {
        Database::with_journal("WAL", script)
    }

    /// A new database in a journal mode of its own.
    ///
    /// # Panics
    /// SQLite refuses the script.
    pub fn with_journal(mode: &str, script: &str) -> Self {
        Database::inside(&std::env::temp_dir(), mode, script)
    }

    /// A new small database in memory where the system has such a folder: for tests that make hundreds of them.
    ///
    /// # Panics
    /// SQLite refuses the script.
    pub fn small(script: &str) -> Self {
        let shm = Path::new("/dev/shm");
        match shm.is_dir() {
            true => Database::inside(shm, "DELETE", script),
            false => Database::new(script),
        }
    }

    /// A copy of a database file.
    ///
    /// # Panics
    /// The file is not there, or is not a database.
    pub fn copy_of(file: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::copy(file, folder.path().join("app.db")).expect("the file is there");
        let app = Connection::open(folder.path().join("app.db")).expect("a database");
        Database { folder, app }
    }

    fn inside(parent: &Path, mode: &str, script: &str) -> Self {
        let folder = tempfile::tempdir_in(parent).expect("a temporary folder");
        let app = Connection::open(folder.path().join("app.db")).expect("a new database");
        app.busy_timeout(Duration::from_secs(60))
            .expect("a timeout");
        app.pragma_update(None, "journal_mode", mode)
            .expect("a journal mode");
        app.pragma_update(None, "synchronous", "OFF")
            .expect("no need to survive a power failure");
        app.pragma_update(None, "foreign_keys", true)
            .expect("foreign keys");
        app.execute_batch(script).expect("the test's own schema");
        Database { folder, app }
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL the migrator is given.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    /// The app's own connection.
    pub fn app(&self) -> &Connection {
        &self.app
    }

    /// Another connection, for another thread.
    ///
    /// # Panics
    /// The file cannot be opened.
    pub fn connect(&self) -> Connection {
        let connection = Connection::open(self.path()).expect("the database opens");
        connection
            .busy_timeout(Duration::from_secs(60))
            .expect("a timeout");
        connection
            .pragma_update(None, "synchronous", "OFF")
            .expect("a pragma");
        connection
    }

    /// Runs a script as the app.
    ///
    /// # Panics
    /// SQLite refuses it.
    pub fn run(&self, script: &str) {
        self.app
            .execute_batch(script)
            .unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    /// The only value of a query.
    ///
    /// # Panics
    /// SQLite refuses it, or the value is of another type.
    pub fn value<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.app
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The rows of a query as text, cells joined by `|`, NULL as `NULL`.
    ///
    /// # Panics
    /// SQLite refuses it.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.app, sql)
    }
}

impl TestStore for Database {
    type App = Connection;

    const NAME: &'static str = "SQLite";
    const KEY: &'static str = "INTEGER PRIMARY KEY";
    const BYTES: &'static str = "BLOB";
    const TABLES: &'static str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
    const INCREMENT: &'static str = "BEGIN IMMEDIATE;
        CREATE TEMP TABLE IF NOT EXISTS was (amount INTEGER); DELETE FROM was;
        INSERT INTO was SELECT amount FROM accounts WHERE id = {id};
        UPDATE accounts SET amount = (SELECT amount + 1 FROM was) WHERE id = {id}; COMMIT";
    const LIMITS: &'static [Limit] = &[Limit::OneWriter, Limit::NoRowLocks];
    const PACE: u32 = 1;

    fn new(script: &str) -> Self {
        Database::new(script)
    }

    fn small(script: &str) -> Self {
        Database::small(script)
    }

    fn url(&self) -> String {
        Database::url(self)
    }

    fn run(&self, script: &str) {
        Database::run(self, script);
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        Database::rows(self, sql)
    }

    fn another_app(&self) -> Connection {
        self.connect()
    }

    fn bytes(hex: &str) -> String {
        format!("x'{hex}'")
    }

    fn trigger(name: &str, table: &str, when: &str, body: &str) -> String {
        format!("CREATE TRIGGER {name} {when} ON {table} BEGIN {body}; END;")
    }
}

impl TestApp for Connection {
    fn try_write(&mut self, script: &str) -> bool {
        let written = self.execute_batch(script).is_ok();
        if !self.is_autocommit() {
            let _ = self.execute_batch("ROLLBACK");
        }
        written
    }

    fn run(&mut self, script: &str) {
        self.execute_batch(script)
            .unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    fn rows(&mut self, sql: &str) -> Vec<String> {
        rows(self, sql)
    }
}

fn rows(app: &Connection, sql: &str) -> Vec<String> {
    let mut statement = app.prepare(sql).expect(sql);
    let width = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells: rusqlite::Result<Vec<String>> = (0..width)
            .map(|at| Ok(show(row.get::<_, Value>(at)?)))
            .collect();
        Ok(cells?.join("|"))
    });
    rows.expect(sql).collect::<Result<_, _>>().expect(sql)
}

fn show(value: Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format!("{value:?}"),
        Value::Text(value) => value,
        Value::Blob(value) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
