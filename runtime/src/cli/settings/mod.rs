//! Settings, each with where it comes from: a flag, else an environment variable, else the file, else the default.
//!
//! What a command does is decided from these and nothing else, and `config show` prints the same.

mod job;
pub(crate) mod show;
mod variables;

pub(crate) use job::{JobFlags, JobSettings};
pub(crate) use variables::{CONFIG, ENVIRONMENT, check as check_variables};

use crate::cli::config::{Config, Deploy, Job};
use crate::cli::exit::Failure;
use std::fmt;
use std::num::NonZeroU32;
use variables::FromWord;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, as it is written.
    Flag(String),
    /// An environment variable, by its name.
    Variable(String),
    /// A line of the file: `driftless.toml:12`.
    File(String),
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// What kind, for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Origin::Flag(_) => "flag",
            Origin::Variable(_) => "variable",
            Origin::File(_) => "file",
            Origin::Default => "default",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Variable(name) | Origin::File(name) => formatter.pad(name),
            Origin::Default => formatter.pad("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Everything that may say something, but for the flags.
pub(crate) struct Sources<'s> {
    pub(crate) config: &'s Config,
    /// The environment that was asked for.
    pub(crate) environment: Option<&'s str>,
    pub(crate) variable: &'s dyn Fn(&str) -> Option<String>,
}

impl<'s> Sources<'s> {
    /// The sections that may hold a key of `[deploy]`, the one that wins first.
    fn deploy_sections(&self) -> Vec<(String, &'s Deploy)> {
        let named = self.environment.and_then(|name| {
            let environment = self.config.env.get(name)?;
            Some((format!("env.{name}.deploy"), &environment.deploy))
        });
        let common = ("deploy".to_owned(), &self.config.deploy);
        named.into_iter().chain([common]).collect()
    }

    /// Decides one value. `path` is the key's: `deploy.migrations.wait`; `file` what each section of the file says.
    fn choose<T: FromWord>(
        &self,
        path: &str,
        flag: Option<(T, String)>,
        file: impl IntoIterator<Item = (String, Option<T>)>,
        default: T,
    ) -> Result<Setting<T>, Failure> {
        if let Some((value, name)) = flag {
            return Ok(Setting {
                value,
                origin: Origin::Flag(name),
            });
        }
        let name = variables::name_of(path);
        if let Some(word) = (self.variable)(&name) {
            let value = T::from_word(&word).map_err(|expected| {
                Failure::usage(format!(
                    "the environment variable `{name}` is not {expected}"
                ))
            })?;
            return Ok(Setting {
                value,
                origin: Origin::Variable(name),
            });
        }
        let said = file
            .into_iter()
            .find_map(|(path, value)| Some((path, value?)));
        Ok(match said {
            Some((path, value)) => Setting {
                value,
                origin: Origin::File(self.config.place(&path)),
            },
            None => Setting {
                value: default,
                origin: Origin::Default,
            },
        })
    }
}

/// What `deploy` does and how.
#[derive(Debug, Clone)]
pub(crate) struct DeploySettings {
    /// `None`, or an empty text, when there is none.
    pub(crate) command: Setting<Option<String>>,
    /// `None`: as long as it takes.
    pub(crate) command_timeout_ms: Setting<Option<u64>>,
    pub(crate) migrations: JobSettings,
    pub(crate) aggregates: JobSettings,
}

/// What the flags of `deploy` say.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeployFlags {
    /// `Some(None)`: none, whatever the file says.
    pub(crate) command: Option<Option<String>>,
    pub(crate) command_timeout_ms: Option<u64>,
    pub(crate) migrations: JobFlags,
    pub(crate) aggregates: JobFlags,
}

/// The batch of a step that says nothing itself.
const MIGRATION_BATCH: NonZeroU32 = NonZeroU32::new(128).unwrap();

/// The batch of an aggregate's build.
const AGGREGATE_BATCH: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

impl DeploySettings {
    /// Decides everything.
    ///
    /// # Errors
    /// A variable whose text cannot be meant; values that contradict each other.
    pub(crate) fn resolve(sources: &Sources<'_>, flags: &DeployFlags) -> Result<Self, Failure> {
        let sections = sources.deploy_sections();
        let command = sources.choose(
            "deploy.command",
            flags.command.clone().map(|command| {
                let name = match command {
                    Some(_) => "--command",
                    None => "--no-command",
                };
                (command, name.to_owned())
            }),
            sections.iter().map(|(path, deploy)| {
                (format!("{path}.command"), deploy.command.clone().map(Some))
            }),
            None,
        )?;
        let command_timeout_ms = sources.choose(
            "deploy.command_timeout_ms",
            flags
                .command_timeout_ms
                .map(|timeout| (Some(timeout), "--command-timeout-ms".to_owned())),
            sections.iter().map(|(path, deploy)| {
                let timeout = deploy.command_timeout_ms.map(Some);
                (format!("{path}.command_timeout_ms"), timeout)
            }),
            None,
        )?;
        job::refuse_zero("command_timeout_ms", &command_timeout_ms, |value| {
            *value == Some(0)
        })?;
        let job = |of: fn(&Deploy) -> &Job, name: &'static str, flags, batch| {
            let sections = sections
                .iter()
                .map(|(path, deploy)| (format!("{path}.{name}"), of(deploy)));
            JobSettings::resolve(sources, "deploy", name, sections.collect(), flags, batch)
        };
        Ok(DeploySettings {
            migrations: job(
                |deploy| &deploy.migrations,
                "migrations",
                &flags.migrations,
                MIGRATION_BATCH,
            )?,
            aggregates: job(
                |deploy| &deploy.aggregates,
                "aggregates",
                &flags.aggregates,
                AGGREGATE_BATCH,
            )?,
            command: Setting {
                value: command.value.filter(|command| !command.trim().is_empty()),
                origin: command.origin,
            },
            command_timeout_ms,
        })
    }
}
