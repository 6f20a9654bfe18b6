//! The Postgres store: tokio-postgres, many writers, nothing that a transaction pooler or a distributed engine would lose.
//!
//! No statement has a name, no setting outlives its transaction, no lock is held between transactions. What speaks the
//! protocol and is not Postgres itself ([`Flavor`]) lacks some things; where that shaped the code, the code says so.

mod aggregate;
mod bypass;
mod counter;
mod error;
mod flight;
mod foreign_keys;
mod page;
mod session;
#[cfg(test)]
mod session_tests;
mod table;
mod tls;
pub(crate) mod types;
mod unnest;
mod url;
mod wire;
mod write;

use crate::error::{Error, ErrorKind, Result};
use crate::store::{Limit, Session, Store};
use error::{translate, translate_connecting};
use session::PostgresSession;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, NoTls};
use tokio_postgres::{Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::{Mode, Target};
use wire::{Ended, Failure, Wire};

/// A Postgres database.
pub(crate) struct PostgresStore {
    shared: Arc<Shared>,
}

/// What every session of a store has in common.
struct Shared {
    target: Target,
    tls: MakeRustlsConnect,
    flavor: OnceLock<Flavor>,
}

/// What the server is, asked once.
#[derive(Debug, Clone, Copy, Default)]
struct Flavor {
    /// CockroachDB knows no `synchronous_commit` (every commit is replicated), no TABLESAMPLE and no row counters.
    pub cockroach: bool,
    /// Whether the server's counters of changed rows can be trusted. They are off with `track_counts`; they do not see what
    /// happens on Citus' workers, nor in YugabyteDB's own tables.
    pub counts: bool,
}

impl PostgresStore {
    /// The store of a `postgres:` URL.
    pub(crate) fn from_url(url: &str) -> Result<Self> {
        let target = Target::parse(url)?;
        let tls = tls::connector(&target.security)?;
        Ok(PostgresStore {
            shared: Arc::new(Shared {
                target,
                tls,
                flavor: OnceLock::new(),
            }),
        })
    }
}

impl Store for PostgresStore {
    fn connect(&self) -> Result<Box<dyn Session>> {
        let wire = self.shared.connect()?;
        Ok(Box::new(PostgresSession::new(self.shared.clone(), wire)))
    }

    fn describe(&self) -> String {
        self.shared.target.shown.clone()
    }

    /// Writers do not wait for each other, only for rows.
    fn default_pause(&self) -> Duration {
        Duration::ZERO
    }

    /// Only writers of the very same rows wait. DESIGN §9 measured an app's p99 at 6 ms beside batches of 1,024 documents,
    /// which take about as long.
    fn default_target_batch(&self) -> Duration {
        Duration::from_millis(4)
    }

    /// A transaction costs some round trips and statements of history, about what writing 64 rows does.
    fn smallest_batch(&self) -> usize {
        64
    }

    fn limits(&self) -> &'static [Limit] {
        &[]
    }
}

impl Shared {
    /// Opens a connection.
    pub(super) fn connect(self: &Arc<Self>) -> Result<Wire> {
        let shared = self.clone();
        let timeout = self.target.connect_timeout;
        let connecting = async move {
            match timeout {
                None => shared.open().await,
                Some(timeout) => tokio::time::timeout(timeout, shared.open())
                    .await
                    .unwrap_or_else(|_| Err(shared.too_slow(timeout))),
            }
        };
        let task = wire::runtime()?.spawn(connecting);
        let wire = pollster::block_on(task)
            .map_err(|error| Error::database("connecting was interrupted").with_source(error))??;
        if self.flavor.get().is_none() {
            let flavor = flavor(&wire)?;
            self.flavor.get_or_init(|| flavor);
        }
        Ok(wire)
    }

    async fn open(&self) -> Result<Wire> {
        let Target {
            config, security, ..
        } = &self.target;
        let opened = match security.mode {
            Mode::Disable => open(config, NoTls).await,
            Mode::Allow => match open(config, NoTls).await {
                // Where the server insists on TLS it says that this user may not come in like that.
                Err(refused) if refused.code().is_some_and(|code| code.code() == "28000") => {
                    let mut secure = config.clone();
                    secure.ssl_mode(SslMode::Require);
                    open(&secure, self.tls.clone()).await
                }
                plain => plain,
            },
            _ => open(config, self.tls.clone()).await,
        };
        opened.map_err(|failure| translate_connecting(failure, &self.target.shown))
    }

    fn too_slow(&self, timeout: Duration) -> Error {
        let (shown, seconds) = (&self.target.shown, timeout.as_secs());
        Error::new(
            ErrorKind::Busy,
            format!(
                "{shown} did not answer within {seconds} seconds; check host, port and firewall, or raise connect_timeout"
            ),
        )
    }

    pub(super) fn flavor(&self) -> Flavor {
        self.flavor.get().copied().unwrap_or_default()
    }
}

/// Connects, and leaves the connection to the runtime.
async fn open<T>(config: &Config, tls: T) -> Result<Wire, Failure>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    let ended = Ended::default();
    let end = ended.clone();
    tokio::spawn(async move {
        if let Err(failure) = connection.await {
            *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.into());
        }
    });
    Ok(Wire::new(client, ended))
}

fn flavor(wire: &Wire) -> Result<Flavor> {
    let sql = "SELECT version(), coalesce(current_setting('track_counts', true), 'off'), \
               EXISTS (SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'citus')";
    let answer = wire.post(sql, Vec::new()).wait()?.map_err(translate)?;
    let Some(row) = answer.rows.first() else {
        return Ok(Flavor::default());
    };
    let (version, track_counts, citus): (String, String, bool) =
        (row.get(0), row.get(1), row.get(2));
    let cockroach = version.starts_with("CockroachDB");
    let yugabyte = version.contains("-YB-");
    Ok(Flavor {
        cockroach,
        counts: track_counts == "on" && !citus && !cockroach && !yugabyte,
    })
}
