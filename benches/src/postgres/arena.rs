//! The server, the database that is copied, and the copies.

use driftless_benches::{Job, Outcome};
use driftless_tests::Server;
use std::cell::Cell;
use tokio_postgres::NoTls;

/// What a copy is made of.
const ORIGINAL: &str = "driftless_bench_original";

/// A server that waits for the disk as production does. No vacuum, so that its moment favours nobody; no checkpoint but
/// those between the contenders.
const SETTINGS: [(&str, &str); 7] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "512MB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    ("wal_level", "replica"),
    ("timezone", "UTC"),
];

/// Where contenders meet.
pub struct Arena {
    pub url: String,
    copies: Cell<u32>,
    /// Stopped at the end when it is ours.
    _server: Option<Server>,
}

/// A database of one contender; dropped with it.
pub struct Copy<'a> {
    pub url: String,
    name: String,
    arena: &'a Arena,
}

impl Arena {
    /// A server of its own, unless a URL is given.
    pub fn open(url: Option<&str>) -> Outcome<Arena> {
        let (url, server) = match url {
            Some(url) => (url.to_owned(), None),
            None => {
                let server = Server::start_private(&SETTINGS);
                (server.url().to_owned(), Some(server))
            }
        };
        Ok(Arena {
            url,
            copies: Cell::new(0),
            _server: server,
        })
    }

    /// Makes the database that is copied: the todos of DESIGN §9.
    pub fn create(&self, rows: u32) -> Outcome<()> {
        self.script(&format!("DROP DATABASE IF EXISTS {ORIGINAL} WITH (FORCE)"))?;
        self.script(&format!("CREATE DATABASE {ORIGINAL} TEMPLATE template0"))?;
        script(
            &self.url_of(ORIGINAL),
            &format!(
                "CREATE TABLE todos (id bigint PRIMARY KEY, title text NOT NULL, priority text, slug text, created_at timestamptz NOT NULL);
                 INSERT INTO todos SELECT i, 'Water the plants ' || i, CASE WHEN i % 2 = 1 THEN 'high' END, NULL, '2026-01-01' FROM generate_series(1, {rows}) AS i"
            ),
        )?;
        // Not inside of the implicit transaction of a script.
        script(&self.url_of(ORIGINAL), "VACUUM (FREEZE, ANALYZE) todos")
    }

    /// A fresh copy.
    pub fn copy(&self) -> Outcome<Copy<'_>> {
        let count = self.copies.get() + 1;
        self.copies.set(count);
        let name = format!("driftless_bench_{}_{count}", std::process::id());
        self.script(&format!(
            "CREATE DATABASE {name} TEMPLATE {ORIGINAL} STRATEGY file_copy"
        ))?;
        Ok(Copy {
            url: self.url_of(&name),
            name,
            arena: self,
        })
    }

    fn script(&self, sql: &str) -> Outcome<()> {
        script(&self.url, sql)
    }

    fn url_of(&self, database: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        format!("{server}/{database}")
    }
}

impl Copy<'_> {
    /// The job was really done.
    pub fn check(&self, job: Job) -> Outcome<()> {
        let sql = format!("SELECT count(*) FROM todos WHERE {} IS NULL", job.column());
        let left: i64 = run(async {
            let client = connect(&self.url).await?;
            Ok(client.query_one(&sql, &[]).await?.get(0))
        })?;
        match left {
            0 => Ok(()),
            left => Err(format!("{left} rows were left out").into()),
        }
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        let dropped = self
            .arena
            .script(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("{} is left behind: {error}", self.name);
        }
    }
}

/// Runs a future to its end; connections are served on this thread meanwhile.
pub fn run<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// A connection, served in the background of this runtime.
pub async fn connect(url: &str) -> Outcome<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("connection: {error}");
        }
    });
    Ok(client)
}

fn script(url: &str, sql: &str) -> Outcome<()> {
    run(async { Ok(connect(url).await?.batch_execute(sql).await?) })
}
