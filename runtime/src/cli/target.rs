//! Which database a command works on. Flags win over the environment, the environment over the file; a named
//! environment never falls back to the local database.

use crate::cli::args::Global;
use crate::cli::config::{Config, Environment};
use crate::cli::exit::Failure;
use crate::cli::nearest::nearest;
use crate::cli::secret;
use crate::cli::settings::{DeployFlags, DeploySettings, JobSettings, Origin, Sources};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::path::Path;

/// What a folder's name may hold and the path of a URL may not.
const SPECIAL_IN_URLS: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// A database, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The URL, with its secrets. Print [`Target::shown`].
    pub(crate) url: String,
    /// Who named the URL.
    pub(crate) origin: Origin,
    /// The name of the environment, when one was asked for.
    pub(crate) environment: Option<String>,
    /// Whether `down` and `deploy` ask first.
    pub(crate) protected: bool,
    /// The protected environment that has the same database, when it is not the one that was asked for.
    pub(crate) twin: Option<String>,
}

impl Target {
    /// Decides from everything that may have been said.
    ///
    /// # Errors
    /// Nothing names the database, or a name has nothing behind it.
    pub(crate) fn resolve(
        global: &Global,
        config: &Config,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Target, Failure> {
        let environment = global.environment();
        let known = environment.and_then(|name| config.env.get(name));
        if let (Some(name), None) = (environment, known) {
            // An explicit URL is enough for --prod, which every project has.
            if name != "prod" || global.database_url.is_none() {
                return Err(unknown_environment(name, config));
            }
        }
        let (url, origin) = match (&global.database_url, environment) {
            (Some(url), _) => (url.clone(), Origin::Flag("--database-url".into())),
            (None, Some(name)) => named_url(name, config, variable)?,
            (None, None) => local_url(config, variable)?,
        };
        let twin = Target::protected_twin(&url, config, variable)
            .filter(|name| Some(*name) != environment)
            .map(str::to_owned);
        Ok(Target {
            url,
            origin,
            environment: environment.map(str::to_owned),
            protected: environment.is_some_and(|name| is_protected(name, known)),
            twin,
        })
    }

    /// How to call it in messages.
    pub(crate) fn shown(&self) -> String {
        let url = secret::mask_url(&self.url);
        self.environment
            .as_ref()
            .map_or(url.clone(), |name| format!("{name} ({url})"))
    }

    /// The protected environment that has this URL's database, as far as that can be known here: someone at a terminal is
    /// told, and asked, before the database is changed under another name.
    pub(crate) fn protected_twin<'c>(
        url: &str,
        config: &'c Config,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<&'c str> {
        let mut protected = config
            .env
            .iter()
            .filter(|(name, environment)| is_protected(name, Some(environment)));
        let twin = protected.find(|(name, _)| {
            named_url(name, config, variable).is_ok_and(|(named, _)| place(&named) == place(url))
        });
        twin.map(|(name, _)| name.as_str())
    }

    /// Whether someone at a terminal is asked before it is changed.
    pub(crate) fn is_delicate(&self) -> bool {
        self.protected || self.twin.is_some()
    }

    /// That it is the database of a protected environment under another name, when it is.
    pub(crate) fn says_twin(&self) -> Option<String> {
        let twin = self.twin.as_ref()?;
        Some(format!(
            "{} is the database of {twin}, which is protected",
            self.shown()
        ))
    }

    /// Refuses what changes the history of a protected environment, unless `--yes` says that it is meant. Nobody is asked:
    /// such a thing is not done by the way.
    pub(crate) fn refuse_unless_sure(&self, what: &str, yes: bool) -> Result<(), Failure> {
        if !self.protected || yes {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "{} is protected and this {what}; add --yes if that is meant. Nothing was done",
            self.shown()
        )))
    }

    /// The settings of `up` and `down` on it: a named environment is deployed to, the local one is developed on.
    ///
    /// # Errors
    /// As [`DeploySettings::resolve`].
    pub(crate) fn job(
        &self,
        config: &Config,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<JobSettings, Failure> {
        let sources = Sources {
            config,
            environment: self.environment.as_deref(),
            variable,
        };
        if self.environment.is_some() {
            DeploySettings::resolve(&sources, &DeployFlags::default()).map(|all| all.migrations)
        } else {
            JobSettings::of_dev(&sources)
        }
    }
}

/// Whether an environment is protected: `prod` is, unless it says otherwise.
pub(crate) fn is_protected(name: &str, environment: Option<&Environment>) -> bool {
    environment
        .and_then(|environment| environment.protected)
        .unwrap_or(name == "prod")
}

/// The database of a URL, whoever connects and how: without user, password and parameters.
fn place(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else {
        return url.to_owned();
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    if scheme == "sqlite" {
        let path = Path::new(rest.split('?').next().unwrap_or_default());
        let path = path.canonicalize().or_else(|_| std::path::absolute(path));
        return path.map_or_else(|_| url.to_owned(), |path| path.display().to_string());
    }
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or_default();
    format!("{}:{rest}", scheme.trim_end_matches("ql")).to_lowercase()
}

fn unknown_environment(name: &str, config: &Config) -> Failure {
    let example = format!(
        "[env.{name}]\nurl_env = \"{}_DATABASE_URL\"",
        name.to_uppercase().replace('-', "_")
    );
    if config.env.is_empty() {
        return Failure::usage(format!(
            "no database is configured for the environment `{name}`; write in driftless.toml:\n{example}"
        ));
    }
    let known = config
        .env
        .keys()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let hint = nearest(name, config.env.keys().map(String::as_str))
        .map_or(String::new(), |name| format!("did you mean `{name}`? "));
    Failure::usage(format!(
        "unknown environment `{name}`; {hint}driftless.toml knows {known}; to add it, write there:\n{example}"
    ))
}

/// The URL of `[env.NAME]`, which exists.
fn named_url(
    name: &str,
    config: &Config,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Origin), Failure> {
    let Some(environment) = config.env.get(name) else {
        return Err(unknown_environment(name, config));
    };
    let section = format!("env.{name}");
    match (&environment.url, &environment.url_env) {
        (Some(url), _) => Ok(of_file(url, &section, config)),
        (None, Some(key)) => from_variable(key, &section, variable),
        (None, None) => Err(Failure::usage(format!(
            "[{section}] names no database; write `url_env = \"{}_DATABASE_URL\"` in it and set that variable",
            name.to_uppercase().replace('-', "_")
        ))),
    }
}

/// `DATABASE_URL`, else the URL of `[database]`.
fn local_url(
    config: &Config,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Origin), Failure> {
    if let Some(url) = variable("DATABASE_URL").filter(|url| !url.is_empty()) {
        return Ok((url, Origin::Variable("DATABASE_URL".into())));
    }
    match (&config.database.url, &config.database.url_env) {
        (Some(url), _) => Ok(of_file(url, "database", config)),
        (None, Some(key)) => from_variable(key, "database", variable),
        (None, None) => Err(Failure::usage(
            "no database is named; give --database-url, set DATABASE_URL, or write in driftless.toml:\n\
             [database]\nurl = \"sqlite://app.db\"",
        )),
    }
}

fn of_file(url: &str, section: &str, config: &Config) -> (String, Origin) {
    let place = config.place(&format!("{section}.url"));
    (beside_file(url, config), Origin::File(place))
}

fn from_variable(
    key: &str,
    section: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Origin), Failure> {
    let url = variable(key).filter(|url| !url.is_empty()).ok_or_else(|| {
        Failure::usage(format!("the environment variable `{key}` is not set; [{section}] in driftless.toml takes the database's URL from it"))
    })?;
    Ok((url, Origin::Variable(key.to_owned())))
}

/// The URL, a relative SQLite path in it being relative to the file's folder.
fn beside_file(url: &str, config: &Config) -> String {
    let Some(folder) = &config.folder else {
        return url.to_owned();
    };
    let Some(rest) = url.strip_prefix("sqlite:") else {
        return url.to_owned();
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
    if path.is_empty() || path.starts_with(':') || Path::new(path).is_absolute() {
        return url.to_owned();
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    let folder = folder.display().to_string();
    format!(
        "sqlite://{}/{path}{query}",
        utf8_percent_encode(&folder, SPECIAL_IN_URLS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::Database;
    use crate::cli::exit::USAGE;

    fn config() -> Config {
        let environment = |url: Option<&str>, url_env: Option<&str>, protected| Environment {
            url: url.map(str::to_owned),
            url_env: url_env.map(str::to_owned),
            protected,
            ..Environment::default()
        };
        Config {
            database: Database {
                url: Some("sqlite://todo.db?mode=rwc".to_owned()),
                url_env: None,
            },
            env: [
                ("prod".to_owned(), environment(None, Some("PROD_URL"), None)),
                (
                    "staging".to_owned(),
                    environment(Some("sqlite:///srv/staging.db"), None, Some(true)),
                ),
                ("empty".to_owned(), environment(None, None, None)),
            ]
            .into(),
            folder: Some("/home/app".into()),
            ..Config::default()
        }
    }

    fn variables(name: &str) -> Option<String> {
        match name {
            "DATABASE_URL" => Some("sqlite://from-env.db".to_owned()),
            "PROD_URL" => Some("postgres://app:hunter2@db/shop".to_owned()),
            _ => None,
        }
    }

    fn resolve(global: &Global) -> Result<Target, Failure> {
        Target::resolve(global, &config(), &variables)
    }

    fn named(name: &str) -> Global {
        Global {
            env: Some(name.to_owned()),
            ..Global::default()
        }
    }

    #[test]
    fn flags_win_over_the_environment_and_the_environment_over_the_file() {
        let flag = Global {
            database_url: Some("sqlite://flag.db".to_owned()),
            ..Global::default()
        };
        assert_eq!(resolve(&flag).unwrap().url, "sqlite://flag.db");
        assert_eq!(
            resolve(&Global::default()).unwrap().url,
            "sqlite://from-env.db"
        );
        let file = Target::resolve(&Global::default(), &config(), &|_| None).unwrap();
        assert_eq!(
            file.url, "sqlite:///home/app/todo.db?mode=rwc",
            "relative to the file's folder"
        );
    }

    #[test]
    fn a_named_environment_never_falls_back() {
        let prod = resolve(&Global {
            prod: true,
            ..Global::default()
        })
        .unwrap();
        assert_eq!(prod.url, "postgres://app:hunter2@db/shop");
        assert_eq!(prod.shown(), "prod (postgres://app:***@db/shop)");
        assert!(prod.protected && resolve(&named("staging")).unwrap().protected);

        let without = Config {
            env: [].into(),
            ..config()
        };
        let failure = Target::resolve(
            &Global {
                prod: true,
                ..Global::default()
            },
            &without,
            &variables,
        )
        .unwrap_err();
        assert_eq!(failure.code, USAGE);
        assert!(
            failure
                .message
                .contains("[env.prod]\nurl_env = \"PROD_DATABASE_URL\""),
            "{}",
            failure.message
        );

        let unset = Target::resolve(&named("prod"), &config(), &|_| None).unwrap_err();
        assert!(
            unset.message.contains("`PROD_URL` is not set"),
            "{}",
            unset.message
        );
        assert!(
            resolve(&named("empty"))
                .unwrap_err()
                .message
                .contains("[env.empty] names no database")
        );
    }

    #[test]
    fn the_database_of_a_protected_environment_is_known_under_every_name() {
        let mut config = config();
        config.env.insert(
            "sandbox".to_owned(),
            Environment {
                url: Some("postgresql://reader@DB/shop?sslmode=require".to_owned()),
                ..Environment::default()
            },
        );
        let sandbox = Target::resolve(&named("sandbox"), &config, &variables).unwrap();
        assert_eq!(sandbox.twin.as_deref(), Some("prod"));
        assert!(
            sandbox
                .says_twin()
                .unwrap()
                .contains("is the database of prod, which is protected")
        );
        let other = Target::resolve(&named("sandbox"), &config, &|_| None).unwrap();
        assert_eq!(
            other.twin, None,
            "an environment whose URL is not known here says nothing"
        );
    }

    #[test]
    fn an_unknown_environment_lists_the_known_ones() {
        assert!(
            resolve(&named("stagign"))
                .unwrap_err()
                .message
                .contains("did you mean `staging`? driftless.toml knows")
        );
        let message = resolve(&named("qa")).unwrap_err().message;
        assert!(
            message.contains("knows `empty`, `prod`, `staging`"),
            "{message}"
        );
    }

    #[test]
    fn nothing_named_is_an_error_that_says_what_to_write() {
        let failure =
            Target::resolve(&Global::default(), &Config::default(), &|_| None).unwrap_err();
        assert_eq!(failure.code, USAGE);
        assert!(
            failure.message.contains("--database-url") && failure.message.contains("[database]"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn only_relative_sqlite_paths_of_the_file_move() {
        for (url, moved) in [
            ("sqlite://a.db", "sqlite:///home/app/a.db"),
            ("sqlite://./a.db", "sqlite:///home/app/a.db"),
            ("sqlite:a.db", "sqlite:///home/app/a.db"),
            ("sqlite:///a.db", "sqlite:///a.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("sqlite://:memory:", "sqlite://:memory:"),
            ("postgres://a/b", "postgres://a/b"),
        ] {
            assert_eq!(beside_file(url, &config()), moved);
        }
    }
}
