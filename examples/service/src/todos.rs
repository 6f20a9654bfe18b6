//! The data: one table, on Postgres or SQLite, written in the shape of one version or the other.

use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row};
use std::sync::{Arc, Mutex, PoisonError};

/// Any error, for the log.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How a version writes a todo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The priority as a word.
    Word,
    /// The priority as a word and as a number. Until no version is left that writes only words, the word is what counts.
    WordAndRank,
}

/// How urgent a todo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Low,
    Medium,
    High,
}

impl Priority {
    fn word(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Medium => "medium",
            Priority::High => "high",
        }
    }

    fn of_word(word: Option<&str>) -> Priority {
        match word {
            Some("low") => Priority::Low,
            Some("high") => Priority::High,
            _ => Priority::Medium,
        }
    }

    /// The number it stands for.
    pub fn rank(self) -> i32 {
        match self {
            Priority::Low => 1,
            Priority::Medium => 2,
            Priority::High => 3,
        }
    }
}

/// A todo, as both versions know it.
#[derive(Debug, Clone)]
pub struct Todo {
    pub id: i64,
    pub title: String,
    pub done: bool,
    pub priority: Priority,
}

/// What a `PATCH` changes; what it leaves out stays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub done: Option<bool>,
    pub priority: Option<Priority>,
}

/// The table, and the shape in which it is written.
#[derive(Clone)]
pub struct Todos {
    shape: Shape,
    database: Database,
}

#[derive(Clone)]
enum Database {
    Postgres(PgPool),
    /// One connection is enough: SQLite has one writer anyway.
    Sqlite(Arc<Mutex<rusqlite::Connection>>),
}

const LIST: &str = "SELECT id, title, done, priority FROM todos ORDER BY id DESC LIMIT 50";
const GET: &str = "SELECT id, title, done, priority FROM todos WHERE id = $1";

impl Todos {
    /// Opens the database and brings its schema to what this version needs. A real service leaves that to its tool for
    /// schema changes.
    pub async fn open(url: &str, shape: Shape) -> Result<Todos, Error> {
        let database = match url.strip_prefix("sqlite://") {
            Some(path) => {
                let path = path.split('?').next().unwrap_or(path);
                let connection = rusqlite::Connection::open(path)?;
                connection.busy_timeout(std::time::Duration::from_secs(10))?;
                connection.pragma_update(None, "journal_mode", "wal")?;
                Database::Sqlite(Arc::new(Mutex::new(connection)))
            }
            None => Database::Postgres(PgPool::connect(url).await?),
        };
        let todos = Todos { shape, database };
        todos.prepare().await?;
        Ok(todos)
    }

    /// Creates the table; version 2 adds its column to it, which version 1 does not notice.
    async fn prepare(&self) -> Result<(), Error> {
        let expand = self.shape == Shape::WordAndRank;
        match &self.database {
            Database::Postgres(pool) => {
                let create = "CREATE TABLE IF NOT EXISTS todos (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                              title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT false, priority TEXT)";
                sqlx::query(create).execute(pool).await?;
                if expand {
                    let add = "ALTER TABLE todos ADD COLUMN IF NOT EXISTS rank INTEGER";
                    sqlx::query(add).execute(pool).await?;
                }
                Ok(())
            }
            Database::Sqlite(_) => {
                self.on_sqlite(move |connection| {
                    connection.execute_batch(
                        "CREATE TABLE IF NOT EXISTS todos (id INTEGER PRIMARY KEY, title TEXT NOT NULL, \
                         done BOOLEAN NOT NULL DEFAULT false, priority TEXT)",
                    )?;
                    let is_there = "SELECT count(*) FROM pragma_table_info('todos') WHERE name = 'rank'";
                    let is_there: i64 = connection.query_row(is_there, [], |row| row.get(0))?;
                    if expand && is_there == 0 {
                        connection.execute_batch("ALTER TABLE todos ADD COLUMN rank INTEGER")?;
                    }
                    Ok(())
                })
                .await
            }
        }
    }

    /// The newest todos.
    pub async fn list(&self) -> Result<Vec<Todo>, Error> {
        match &self.database {
            Database::Postgres(pool) => {
                let rows = sqlx::query(LIST).fetch_all(pool).await?;
                Ok(rows.iter().map(of_postgres).collect::<Result<_, _>>()?)
            }
            Database::Sqlite(_) => {
                self.on_sqlite(|connection| {
                    connection
                        .prepare_cached(LIST)?
                        .query_map([], of_sqlite)?
                        .collect()
                })
                .await
            }
        }
    }

    /// One todo.
    async fn get(&self, id: i64) -> Result<Option<Todo>, Error> {
        match &self.database {
            Database::Postgres(pool) => {
                let row = sqlx::query(GET).bind(id).fetch_optional(pool).await?;
                Ok(row.as_ref().map(of_postgres).transpose()?)
            }
            Database::Sqlite(_) => {
                self.on_sqlite(move |connection| {
                    connection.query_row(GET, [id], of_sqlite).optional()
                })
                .await
            }
        }
    }

    /// Writes a new one.
    pub async fn create(&self, title: String, priority: Priority) -> Result<Todo, Error> {
        // Both numbers come from the code, so there is nothing to bind but the title.
        let (columns, values) = match self.shape {
            Shape::Word => ("priority", format!("'{}'", priority.word())),
            Shape::WordAndRank => (
                "priority, rank",
                format!("'{}', {}", priority.word(), priority.rank()),
            ),
        };
        let sql =
            format!("INSERT INTO todos (title, {columns}) VALUES ($1, {values}) RETURNING id");
        let bound = title.clone();
        let id = match &self.database {
            Database::Postgres(pool) => {
                let row = sqlx::query(AssertSqlSafe(sql))
                    .bind(bound)
                    .fetch_one(pool)
                    .await?;
                row.try_get(0)?
            }
            Database::Sqlite(_) => {
                self.on_sqlite(move |connection| {
                    connection.query_row(&sql, [bound], |row| row.get(0))
                })
                .await?
            }
        };
        Ok(Todo {
            id,
            title,
            done: false,
            priority,
        })
    }

    /// Changes one and gives it back; `None` when there is none of this id.
    pub async fn change(&self, id: i64, change: Change) -> Result<Option<Todo>, Error> {
        let mut sets = Vec::new();
        sets.extend(change.done.map(|done| format!("done = {done}")));
        if let Some(priority) = change.priority {
            sets.push(format!("priority = '{}'", priority.word()));
            if self.shape == Shape::WordAndRank {
                sets.push(format!("rank = {}", priority.rank()));
            }
        }
        if sets.is_empty() {
            return self.get(id).await;
        }
        let sql = format!(
            "UPDATE todos SET {} WHERE id = $1 RETURNING id, title, done, priority",
            sets.join(", ")
        );
        match &self.database {
            Database::Postgres(pool) => {
                let row = sqlx::query(AssertSqlSafe(sql))
                    .bind(id)
                    .fetch_optional(pool)
                    .await?;
                Ok(row.as_ref().map(of_postgres).transpose()?)
            }
            Database::Sqlite(_) => {
                self.on_sqlite(move |connection| {
                    connection.query_row(&sql, [id], of_sqlite).optional()
                })
                .await
            }
        }
    }

    /// Does something with the connection, off the threads that serve requests.
    async fn on_sqlite<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let Database::Sqlite(connection) = &self.database else {
            return Err("the database is not SQLite".into());
        };
        let connection = connection.clone();
        let work = move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}

fn of_postgres(row: &PgRow) -> sqlx::Result<Todo> {
    Ok(Todo {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        done: row.try_get(2)?,
        priority: Priority::of_word(row.try_get::<Option<String>, _>(3)?.as_deref()),
    })
}

fn of_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Todo> {
    Ok(Todo {
        id: row.get(0)?,
        title: row.get(1)?,
        done: row.get(2)?,
        priority: Priority::of_word(row.get::<_, Option<String>>(3)?.as_deref()),
    })
}
