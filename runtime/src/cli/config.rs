//! `driftless.toml`: what it may say, and every way in which it may be wrong.
//!
//! Messages name the file and the line and never quote the file, since it may hold a password.

use crate::cli::exit::Failure;
use crate::cli::nearest::suggestion;
use crate::migrator::OutOfOrder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// The file's name.
pub(crate) const FILE_NAME: &str = "driftless.toml";

/// What the file says. Everything has a default, so a missing file is an empty one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(crate) database: Database,
    pub(crate) env: BTreeMap<String, Environment>,
    pub(crate) deploy: Deploy,
    pub(crate) dev: Dev,
    pub(crate) migrations: Migrations,
    /// The folder of the file: relative SQLite paths in it start there.
    #[serde(skip)]
    pub(crate) folder: Option<PathBuf>,
    /// The file, as messages name it.
    #[serde(skip)]
    pub(crate) file: Option<String>,
    /// The line of every key, by its path: `deploy.migrations.wait`.
    #[serde(skip)]
    pub(crate) lines: BTreeMap<String, usize>,
}

impl Config {
    /// Where the file says this: `driftless.toml:12`.
    pub(crate) fn place(&self, path: &str) -> String {
        let file = self.file.as_deref().unwrap_or(FILE_NAME);
        self.lines
            .get(path)
            .map_or(file.to_owned(), |line| format!("{file}:{line}"))
    }
}

/// `[database]`: the local one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Database {
    pub(crate) url: Option<String>,
    pub(crate) url_env: Option<String>,
}

/// `[env.NAME]`: a named one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Environment {
    pub(crate) url: Option<String>,
    pub(crate) url_env: Option<String>,
    /// Whether `down` and `deploy` ask first; `prod` is protected unless it says otherwise.
    pub(crate) protected: Option<bool>,
    /// `[env.NAME.deploy]`: wins over `[deploy]`, key by key.
    pub(crate) deploy: Deploy,
}

/// `[migrations]`: what holds of all of them, on every database.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Migrations {
    /// What to do about pending ones that are older than the newest applied one.
    pub(crate) out_of_order: Option<OutOfOrder>,
}

/// `[deploy]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Deploy {
    pub(crate) command: Option<String>,
    pub(crate) command_timeout_ms: Option<u64>,
    pub(crate) migrations: Job,
    pub(crate) aggregates: Job,
}

/// `[dev]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Dev {
    pub(crate) migrations: Job,
}

/// `[deploy.migrations]` and its likes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub(crate) enabled: Option<Enabled>,
    pub(crate) wait: Option<bool>,
    pub(crate) batch_size: Option<NonZeroU32>,
    pub(crate) poll_interval_ms: Option<u64>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) strict: Option<bool>,
    pub(crate) allow_drift: Option<bool>,
}

/// Whether a job is part of `deploy` or `dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Enabled {
    /// When there is something to do.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Which keys a table may have.
enum Shape {
    /// A value, whose type serde checks.
    Value,
    /// A table with these keys.
    Table(&'static [(&'static str, Shape)]),
    /// A table with any keys, each of this shape.
    Named(&'static Shape),
}

const JOB: Shape = Shape::Table(&[
    ("enabled", Shape::Value),
    ("wait", Shape::Value),
    ("batch_size", Shape::Value),
    ("poll_interval_ms", Shape::Value),
    ("timeout_ms", Shape::Value),
    ("strict", Shape::Value),
    ("allow_drift", Shape::Value),
]);

const DEPLOY: Shape = Shape::Table(&[
    ("command", Shape::Value),
    ("command_timeout_ms", Shape::Value),
    ("migrations", JOB),
    ("aggregates", JOB),
]);

const FILE: Shape = Shape::Table(&[
    (
        "database",
        Shape::Table(&[("url", Shape::Value), ("url_env", Shape::Value)]),
    ),
    (
        "env",
        Shape::Named(&Shape::Table(&[
            ("url", Shape::Value),
            ("url_env", Shape::Value),
            ("protected", Shape::Value),
            ("deploy", DEPLOY),
        ])),
    ),
    ("deploy", DEPLOY),
    ("dev", Shape::Table(&[("migrations", JOB)])),
    (
        "migrations",
        Shape::Table(&[("out_of_order", Shape::Value)]),
    ),
]);

/// The paths of all keys in these sections: `deploy.migrations.wait`.
pub(crate) fn paths_of(sections: &[&str]) -> Vec<String> {
    fn add(paths: &mut Vec<String>, path: &str, shape: &Shape) {
        match shape {
            Shape::Value => paths.push(path.to_owned()),
            Shape::Table(keys) => {
                for (key, inner) in *keys {
                    add(paths, &format!("{path}.{key}"), inner);
                }
            }
            Shape::Named(_) => {}
        }
    }
    let mut paths = Vec::new();
    if let Shape::Table(keys) = FILE {
        for (key, shape) in keys.iter().filter(|(key, _)| sections.contains(key)) {
            add(&mut paths, key, shape);
        }
    }
    paths
}

/// Reads the file that was named, or the nearest one, or none.
///
/// # Errors
/// A named file that is missing; a file that cannot be read or cannot be meant.
pub(crate) fn load(named: Option<&Path>, found: Option<PathBuf>) -> Result<Config, Failure> {
    let Some(path) = named.map(Path::to_path_buf).or(found) else {
        return Ok(Config::default());
    };
    let shown = shown(&path);
    let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!(
            "the configuration file `{shown}` does not exist; correct --config or leave it out"
        )),
        _ => Failure::usage(format!(
            "the configuration file `{shown}` cannot be read: {error}"
        )),
    })?;
    let mut config = parse(&text, &shown)?;
    config.file = Some(shown);
    config.folder = std::path::absolute(&path)
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf));
    Ok(config)
}

/// The path as messages name it: relative to the current folder when it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Reads the text of a configuration file called `name` in messages.
fn parse(text: &str, name: &str) -> Result<Config, Failure> {
    let failed = |error: &toml::de::Error| {
        at_line(
            text,
            name,
            error.span().map_or(0, |span| span.start),
            error.message(),
        )
    };
    let tree = toml::de::DeTable::parse(text).map_err(|error| failed(&error))?;
    let mut offsets = BTreeMap::new();
    check_keys(tree.get_ref(), &FILE, "", &mut offsets)
        .map_err(|(offset, message)| at_line(text, name, offset, &message))?;
    let mut config: Config = toml::from_str(text).map_err(|error| failed(&error))?;
    config.lines = offsets
        .into_iter()
        .map(|(path, offset)| (path, line_of(text, offset)))
        .collect();
    check_urls(&config, name)?;
    Ok(config)
}

/// The first key that nothing would read: where it is, and what is wrong. Notes where each of the others is.
fn check_keys(
    table: &toml::de::DeTable<'_>,
    shape: &Shape,
    path: &str,
    offsets: &mut BTreeMap<String, usize>,
) -> Result<(), (usize, String)> {
    for (key, value) in table {
        let name: &str = key.get_ref();
        let inner = match shape {
            Shape::Table(keys) => match keys.iter().find(|(known, _)| *known == name) {
                Some((_, inner)) => inner,
                None => return Err((key.span().start, unknown_key(name, keys, path))),
            },
            Shape::Named(inner) => inner,
            Shape::Value => return Ok(()),
        };
        let path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        if let toml::de::DeValue::Table(table) = value.get_ref() {
            check_keys(table, inner, &path, offsets)?;
        }
        offsets.insert(path, key.span().start);
    }
    Ok(())
}

fn unknown_key(name: &str, keys: &'static [(&'static str, Shape)], path: &str) -> String {
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" in [{path}]")
    };
    let what = if path.is_empty() { "sections" } else { "keys" };
    let known = keys.iter().map(|(known, _)| *known);
    format!(
        "unknown {} `{name}`{place}; {}",
        &what[..what.len() - 1],
        suggestion(name, known, what)
    )
}

/// A database is named in one way.
fn check_urls(config: &Config, name: &str) -> Result<(), Failure> {
    let both = |section: &str| {
        Failure::usage(format!(
            "{name}: [{section}] has both `url` and `url_env`; keep the one that is meant"
        ))
    };
    if config.database.url.is_some() && config.database.url_env.is_some() {
        return Err(both("database"));
    }
    match config
        .env
        .iter()
        .find(|(_, environment)| environment.url.is_some() && environment.url_env.is_some())
    {
        Some((environment, _)) => Err(both(&format!("env.{environment}"))),
        None => Ok(()),
    }
}

/// `driftless.toml:7: message`.
fn at_line(text: &str, name: &str, offset: usize, message: &str) -> Failure {
    let line = line_of(text, offset);
    Failure::usage(format!("{name}:{line}: {message}"))
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text, FILE_NAME).expect_err(text).message
    }

    #[test]
    fn everything_of_the_design_is_accepted() {
        let job = "enabled = \"auto\"\nwait = true\nbatch_size = 256\npoll_interval_ms = 1000\ntimeout_ms = 900000\n\
                   strict = true\nallow_drift = false\n";
        let text = format!(
            "[database]\nurl = \"sqlite://todo.db\"\n[env.prod]\nurl_env = \"PROD\"\nprotected = true\n\
             [deploy]\ncommand = \"push\"\n[deploy.migrations]\n{job}[deploy.aggregates]\n{job}[dev.migrations]\n{job}[migrations]\nout_of_order = \"refuse\"\n"
        );
        let config = parse(&text, FILE_NAME).unwrap();
        assert_eq!(config.database.url.as_deref(), Some("sqlite://todo.db"));
        assert_eq!(config.env["prod"].url_env.as_deref(), Some("PROD"));
        assert_eq!(config.deploy.migrations.batch_size, NonZeroU32::new(256));
        assert_eq!(config.dev.migrations.enabled, Some(Enabled::Auto));
        assert_eq!(config.migrations.out_of_order, Some(OutOfOrder::Refuse));
        assert!(message("[migrations]\nout_of_order = \"fail\"\n").contains("`warn` or `refuse`"));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_name() {
        assert_eq!(
            message("[deploy.migrations]\nwait = true\nbach_size = 5\n"),
            "driftless.toml:3: unknown key `bach_size` in [deploy.migrations]; did you mean `batch_size`?"
        );
        assert_eq!(
            message("[databse]\nurl = \"x\"\n"),
            "driftless.toml:1: unknown section `databse`; did you mean `database`?"
        );
        assert_eq!(
            message("[env.prod]\nuser = \"x\"\n"),
            "driftless.toml:2: unknown key `user` in [env.prod]; the keys are `url`, `url_env`, `protected`, `deploy`"
        );
        assert_eq!(
            message("dev = { migrations = { stric = true } }"),
            "driftless.toml:1: unknown key `stric` in [dev.migrations]; did you mean `strict`?"
        );
    }

    #[test]
    fn a_malformed_file_is_an_error_with_its_line_that_quotes_nothing() {
        let text = "[database]\nurl = \"postgres://app:hunter2@db/shop\n";
        let message = message(text);
        assert!(message.starts_with("driftless.toml:2: "), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_value_of_another_type_is_an_error_with_its_line() {
        assert_eq!(
            message("\n[deploy.migrations]\nwait = \"yes\"\n"),
            "driftless.toml:3: invalid type: string \"yes\", expected a boolean"
        );
        assert!(message("[dev.migrations]\nbatch_size = 0\n").contains("nonzero"));
        assert!(message("[dev.migrations]\nenabled = \"maybe\"\n").contains("`auto`, `on`, `off`"));
        assert!(message("database = 5\n").starts_with("driftless.toml:1: "));
        assert!(
            message("[env]\nprod = \"postgres://app:hunter2@db/shop\"\n").contains("app:***@db")
        );
    }

    #[test]
    fn a_database_is_named_once() {
        assert_eq!(
            message("[env.prod]\nurl = \"a\"\nurl_env = \"B\"\n"),
            "driftless.toml: [env.prod] has both `url` and `url_env`; keep the one that is meant"
        );
    }

    #[test]
    fn a_named_file_must_exist_and_no_file_means_defaults() {
        assert_eq!(load(None, None).unwrap(), Config::default());
        let failure = load(Some(Path::new("/nowhere/driftless.toml")), None).unwrap_err();
        assert_eq!(failure.code, crate::cli::exit::USAGE);
        assert!(
            failure
                .message
                .contains("`/nowhere/driftless.toml` does not exist"),
            "{}",
            failure.message
        );
    }
}
