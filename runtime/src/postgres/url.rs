//! What a `postgres:` URL says, as libpq reads it: `postgres://app@db.example/shop?sslmode=verify-full`.
//!
//! Of libpq's environment variables only `PGPASSWORD` counts, so that the password can be left out of the URL; everything
//! else is said in one place, the URL. There is no `~/.pgpass` and no service file.

use crate::error::{Error, Result};
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};

/// A database and how to reach it.
pub(super) struct Target {
    /// For the driver.
    pub config: Config,
    /// What TLS is asked for.
    pub security: Security,
    /// How long connecting may take in all.
    pub connect_timeout: Option<Duration>,
    /// The URL as messages show it: no password, no parameters.
    pub shown: String,
}

/// `sslmode` and the files that go with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Security {
    pub mode: Mode,
    pub root_certificates: Option<Roots>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// How much TLS, in libpq's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Who vouches for the server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Roots {
    /// Those the operating system trusts.
    System,
    /// Those in a file.
    File(PathBuf),
}

/// libpq waits for ever; a deploy should not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A network that swallows what is sent is noticed after this long.
const SILENCE: Duration = Duration::from_secs(30);

const KEYS: [&str; 26] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "password",
    "passfile",
    "port",
    "service",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

impl Target {
    pub(super) fn parse(url: &str) -> Result<Target> {
        Target::with_environment(url, &|name| std::env::var(name).ok())
    }

    fn with_environment(url: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Target> {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (credentials, hosts),
            None => ("", authority),
        };
        let mut parts = Parts::default();
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        if !user.is_empty() {
            parts.user = Some(decoded(user, "user")?);
        }
        if let Some(password) = password {
            parts.password = Some(decoded(password, "password")?);
        }
        if database.contains(['@', '/']) {
            return Err(badly_written());
        }
        if !database.is_empty() {
            parts.database = Some(decoded(database, "database name")?);
        }
        parts.hosts(hosts)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value, name)?;
            parts.set(&decoded(name, "parameter name")?, value)?;
        }
        parts.target(environment)
    }
}

/// The pieces of a URL, before they are put together.
#[derive(Default)]
struct Parts {
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    hosts: Vec<String>,
    addresses: Vec<std::net::IpAddr>,
    ports: Vec<u16>,
    security: Security,
    config: Config,
    connect_timeout: Option<Duration>,
}

impl Parts {
    /// `db1:5433,db2`, `[::1]:5432`, `%2Fvar%2Frun%2Fpostgresql`.
    fn hosts(&mut self, hosts: &str) -> Result<()> {
        if hosts.is_empty() {
            return Ok(());
        }
        let mut ports = Vec::new();
        for host in hosts.split(',') {
            let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let (name, port) = match bracketed {
                Some((address, port)) => (address, port.strip_prefix(':')),
                None => match host.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (host, None),
                },
            };
            self.hosts.push(decoded(name, "host")?);
            ports.push(match port.filter(|port| !port.is_empty()) {
                Some(port) => number(port, "port")?,
                None => 5432,
            });
        }
        self.ports = ports;
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) -> Result<()> {
        let config = &mut self.config;
        match name {
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "host" => self.hosts = value.split(',').map(str::to_owned).collect(),
            "hostaddr" => {
                let addresses = value.split(',').map(|address| {
                    address
                        .parse()
                        .map_err(|_| odd(name, address, "an IP address"))
                });
                self.addresses = addresses.collect::<Result<_>>()?;
            }
            "port" => {
                let ports = value.split(',').map(|port| number(port, name));
                self.ports = ports.collect::<Result<_>>()?;
            }
            "application_name" => {
                config.application_name(value);
            }
            "connect_timeout" => {
                // libpq: 0 and less wait for ever.
                let seconds: i64 = number(&value, name)?;
                self.connect_timeout =
                    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
            }
            "keepalives" => {
                config.keepalives(number::<u8>(&value, name)? != 0);
            }
            "keepalives_idle" => {
                config.keepalives_idle(Duration::from_secs(number(&value, name)?));
            }
            "keepalives_interval" => {
                config.keepalives_interval(Duration::from_secs(number(&value, name)?));
            }
            "keepalives_count" => {
                config.keepalives_retries(number(&value, name)?);
            }
            "tcp_user_timeout" => {
                config.tcp_user_timeout(Duration::from_millis(number(&value, name)?));
            }
            "target_session_attrs" => {
                config.target_session_attrs(match value.as_str() {
                    "any" => TargetSessionAttrs::Any,
                    "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
                    _ => {
                        return Err(odd(
                            name,
                            &value,
                            "any, read-write or primary, since a migration writes",
                        ));
                    }
                });
            }
            "load_balance_hosts" => {
                config.load_balance_hosts(match value.as_str() {
                    "disable" => LoadBalanceHosts::Disable,
                    "random" => LoadBalanceHosts::Random,
                    _ => return Err(odd(name, &value, "disable or random")),
                });
            }
            "channel_binding" => {
                config.channel_binding(match value.as_str() {
                    "disable" => ChannelBinding::Disable,
                    "prefer" => ChannelBinding::Prefer,
                    "require" => ChannelBinding::Require,
                    _ => return Err(odd(name, &value, "disable, prefer or require")),
                });
            }
            "sslnegotiation" => {
                config.ssl_negotiation(match value.as_str() {
                    "postgres" => tokio_postgres::config::SslNegotiation::Postgres,
                    "direct" => tokio_postgres::config::SslNegotiation::Direct,
                    _ => return Err(odd(name, &value, "postgres or direct")),
                });
            }
            "sslmode" => {
                self.security.mode = match value.as_str() {
                    "disable" => Mode::Disable,
                    "allow" => Mode::Allow,
                    "prefer" => Mode::Prefer,
                    "require" => Mode::Require,
                    "verify-ca" => Mode::VerifyCa,
                    "verify-full" => Mode::VerifyFull,
                    _ => {
                        return Err(odd(
                            name,
                            &value,
                            "disable, allow, prefer, require, verify-ca or verify-full",
                        ));
                    }
                };
            }
            "sslrootcert" if value == "system" => {
                self.security.root_certificates = Some(Roots::System);
            }
            "sslrootcert" => self.security.root_certificates = Some(Roots::File(value.into())),
            "sslcert" => self.security.certificate = Some(value.into()),
            "sslkey" => self.security.key = Some(value.into()),
            // The one value that every build understands: there is no GSSAPI here.
            "gssencmode" if value == "disable" || value == "prefer" => {}
            "options" => {
                return Err(Error::usage(
                    "options= in the database URL is refused: a transaction pooler in between would drop it silently; set it for the role instead: ALTER ROLE … SET …",
                ));
            }
            "gssencmode" | "service" | "passfile" | "sslpassword" => {
                return Err(Error::usage(format!(
                    "the parameter {name} in the database URL is one of libpq's that driftless does not know; write what it stands for into the URL"
                )));
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    fn target(self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Target> {
        let Parts {
            user,
            password,
            database,
            mut hosts,
            addresses,
            ports,
            security,
            mut config,
            connect_timeout,
        } = self;
        if hosts.is_empty() && addresses.is_empty() {
            hosts.push("localhost".into());
        }
        if ports.len() > 1 && ports.len() != hosts.len().max(addresses.len()) {
            return Err(Error::usage(format!(
                "the database URL names {} hosts and {} ports; name one port, or one for every host",
                hosts.len().max(addresses.len()),
                ports.len()
            )));
        }
        let user = user
            .or_else(|| environment("USER"))
            .or_else(|| environment("LOGNAME"))
            .ok_or_else(|| {
                Error::usage(
                    "the database URL names no user; write `postgres://user@host/database`",
                )
            })?;
        let database = database.unwrap_or_else(|| user.clone());
        for host in &hosts {
            config.host(host);
        }
        for address in &addresses {
            config.hostaddr(*address);
        }
        for port in &ports {
            config.port(*port);
        }
        let shown_hosts: Vec<String> = if hosts.is_empty() {
            addresses.iter().map(ToString::to_string).collect()
        } else {
            let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            hosts
                .iter()
                .enumerate()
                .map(|(at, host)| match port(at) {
                    5432 => host.clone(),
                    port => format!("{host}:{port}"),
                })
                .collect()
        };
        let shown = format!("postgres://{user}@{}/{database}", shown_hosts.join(","));
        if let Some(password) = password.or_else(|| environment("PGPASSWORD")) {
            config.password(password);
        }
        config.user(user).dbname(database);
        if config.get_application_name().is_none() {
            config.application_name("driftless");
        }
        let connect_timeout = match connect_timeout {
            None => Some(CONNECT_TIMEOUT),
            Some(Duration::ZERO) => None,
            given => given,
        };
        if let Some(timeout) = connect_timeout {
            config.connect_timeout(timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        if config.get_keepalives_interval().is_none() {
            config
                .keepalives_idle(SILENCE / 2)
                .keepalives_interval(SILENCE / 6)
                .keepalives_retries(3);
        }
        // There is no TLS over a Unix socket, whatever is asked for: libpq does likewise.
        #[cfg(unix)]
        let local = config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)));
        #[cfg(not(unix))]
        let local = false;
        let mode = if local && !config.get_hosts().is_empty() {
            Mode::Disable
        } else {
            security.mode
        };
        let security = Security { mode, ..security };
        security.check()?;
        config.ssl_mode(match security.mode {
            Mode::Disable | Mode::Allow => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        Ok(Target {
            config,
            security,
            connect_timeout,
            shown,
        })
    }
}

impl Security {
    fn check(&self) -> Result<()> {
        if self.root_certificates == Some(Roots::System)
            && !matches!(self.mode, Mode::VerifyFull | Mode::Disable)
        {
            // Anybody can have a certificate that the system trusts: without the name it says nothing.
            return Err(Error::usage(
                "sslrootcert=system in the database URL needs sslmode=verify-full",
            ));
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err(Error::usage(
                "sslcert and sslkey in the database URL go together; name both or none",
            ));
        }
        Ok(())
    }
}

fn decoded(text: &str, what: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|error| {
        Error::usage(format!("the {what} in the database URL is not UTF-8")).with_source(error)
    })
}

fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T> {
    text.parse().map_err(|_| {
        Error::usage(format!(
            "{name} in the database URL is not a number; {ENCODE}"
        ))
    })
}

const ENCODE: &str = "a password or name with `:`, `/`, `?` or `@` in it is written percent-encoded: `@` as %40, `/` as %2F";

fn badly_written() -> Error {
    Error::usage(format!("the database URL cannot be read; {ENCODE}"))
}

fn odd(name: &str, value: &str, wanted: &str) -> Error {
    Error::usage(format!(
        "{name}={value} in the database URL is not known; write {wanted}"
    ))
}

fn unknown(name: &str) -> Error {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        // Perhaps the rest of a password.
        return badly_written();
    }
    let nearest = KEYS
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = match nearest {
        Some(nearest) if strsim::jaro_winkler(nearest, name) > 0.8 => {
            format!("; did you mean {nearest}?")
        }
        _ => format!("; {} are", KEYS.join(", ")),
    };
    Error::usage(format!(
        "the parameter {name} in the database URL is not known{hint}"
    ))
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
