//! What a `sqlite:` URL says: `sqlite://app.db`, `sqlite:///var/lib/app.db`, `sqlite:app.db?mode=rwc`.

use crate::error::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;

/// A database file and how to open it.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    /// The file.
    pub path: PathBuf,
    /// Whether a missing file is created (`mode=rwc`).
    pub create: bool,
    /// How long SQLite itself waits for a lock before it answers "busy" (`busy_timeout_ms`).
    pub busy_timeout: Duration,
    /// A limit on the file's size in pages (`max_page_count`), on this connection.
    pub max_page_count: Option<u32>,
    /// The URL as messages show it, without its parameters.
    pub shown: String,
}

/// Long enough to get a turn beside an app, short enough to notice a cancel.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1000);

impl Target {
    pub(super) fn parse(url: &str) -> Result<Target> {
        let rest = url.strip_prefix("sqlite:").unwrap_or(url);
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = percent_encoding::percent_decode_str(path)
            .decode_utf8()
            .map_err(|error| {
                Error::usage(format!("the path in {url} is not UTF-8")).with_source(error)
            })?;
        if path.is_empty() || path == ":memory:" {
            return Err(Error::usage(
                "an in-memory database cannot be migrated, since every connection would see another one; name a file: `sqlite://app.db`",
            ));
        }
        let mut target = Target {
            path: PathBuf::from(path.as_ref()),
            create: false,
            busy_timeout: BUSY_TIMEOUT,
            max_page_count: None,
            shown: format!("sqlite://{path}"),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            target.set(name, value)?;
        }
        Ok(target)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let number = || {
            value.parse::<u32>().map_err(|_| {
                Error::usage(format!(
                    "{name}={value} in the database URL is not a number"
                ))
            })
        };
        match (name, value) {
            ("mode", "rw" | "ro") => self.create = false,
            ("mode", "rwc") => self.create = true,
            ("mode", _) => {
                return Err(Error::usage(format!(
                    "mode={value} in the database URL is not known; write rw or rwc"
                )));
            }
            ("busy_timeout_ms", _) => self.busy_timeout = Duration::from_millis(number()?.into()),
            ("max_page_count", _) => self.max_page_count = Some(number()?),
            _ => {
                return Err(Error::usage(format!(
                    "the parameter {name} in the database URL is not known; mode, busy_timeout_ms and max_page_count are"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_names_the_same_file() {
        for (url, path) in [
            ("sqlite://app.db", "app.db"),
            ("sqlite:app.db", "app.db"),
            ("sqlite:///var/app.db?mode=rwc", "/var/app.db"),
            ("sqlite://my%20app.db", "my app.db"),
        ] {
            assert_eq!(
                Target::parse(url).unwrap().path,
                PathBuf::from(path),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for url in [
            "sqlite://a.db?mod=rw",
            "sqlite://a.db?mode=x",
            "sqlite://a.db?busy_timeout_ms=soon",
            "sqlite::memory:",
            "sqlite://",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
