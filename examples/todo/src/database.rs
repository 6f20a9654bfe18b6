//! The app's own database: what it holds, and the schema changes around the migration.

use rusqlite::Connection;
use std::error::Error;
use std::path::Path;
use tempfile::TempDir;

/// A table of todos, in a temporary folder that goes away with it.
pub struct Todos {
    folder: TempDir,
    app: Connection,
}

impl Todos {
    /// 100,000 todos; the older half has no priority.
    pub fn create() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(
            folder.path().join("driftless.toml"),
            "[database]\nurl = \"sqlite://todo.db\"\n",
        )?;
        let app = Connection::open(folder.path().join("todo.db"))?;
        app.pragma_update(None, "journal_mode", "wal")?;
        app.execute_batch(
            "CREATE TABLE todos (id INTEGER PRIMARY KEY, title TEXT NOT NULL, priority TEXT);
             WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000)
             INSERT INTO todos (title, priority)
             SELECT 'todo ' || n, CASE WHEN n > 50000 THEN 'high' END FROM number;",
        )?;
        Ok(Todos { folder, app })
    }

    /// Where the database and its `driftless.toml` are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How many todos there are of each priority, on one line.
    pub fn counts(&self) -> rusqlite::Result<String> {
        let mut statement = self.app.prepare(
            "SELECT coalesce(priority, 'no') || ' priority: ' || count(*) FROM todos GROUP BY priority ORDER BY priority",
        )?;
        let counts = statement.query_map([], |row| row.get(0))?;
        Ok(counts
            .collect::<rusqlite::Result<Vec<String>>>()?
            .join(", "))
    }

    /// Whether a todo must have a priority. SQLite cannot change a column, so the table is made again, as its manual says.
    pub fn require_priority(&self, required: bool) -> rusqlite::Result<()> {
        let constraint = if required { "NOT NULL" } else { "" };
        self.app.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE new_todos (id INTEGER PRIMARY KEY, title TEXT NOT NULL, priority TEXT {constraint});
             INSERT INTO new_todos SELECT id, title, priority FROM todos;
             DROP TABLE todos;
             ALTER TABLE new_todos RENAME TO todos;
             COMMIT;"
        ))
    }

    /// What the database says to a todo without a priority.
    pub fn try_without_priority(&self) -> String {
        let result = self
            .app
            .execute("INSERT INTO todos (title) VALUES ('late')", []);
        match result {
            Ok(_) => "a todo without a priority was accepted".into(),
            Err(error) => error.to_string(),
        }
    }
}
