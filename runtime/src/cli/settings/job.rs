//! The settings of one job: `[deploy.migrations]` and its likes.

use super::variables::FromWord;
use super::{Origin, Setting, Sources};
use crate::cli::config::{Enabled, Job};
use crate::cli::exit::Failure;
use std::num::NonZeroU32;
use std::time::Duration;

/// What the flags say about a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JobFlags {
    pub(crate) enabled: Option<Enabled>,
    pub(crate) wait: Option<bool>,
    pub(crate) batch_size: Option<NonZeroU32>,
    pub(crate) poll_interval_ms: Option<u64>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) strict: Option<bool>,
    pub(crate) allow_drift: Option<bool>,
}

/// How a job is done.
#[derive(Debug, Clone)]
pub(crate) struct JobSettings {
    /// Whether it is done at all.
    pub(crate) enabled: Setting<Enabled>,
    /// Whether to wait for its end, instead of leaving it to a worker.
    pub(crate) wait: Setting<bool>,
    pub(crate) batch_size: Setting<NonZeroU32>,
    /// How often to look at what another process does.
    pub(crate) poll_interval_ms: Setting<u64>,
    /// How long to wait for its end.
    pub(crate) timeout_ms: Setting<u64>,
    /// Whether drift, a failure, documents set aside and a timeout fail the command.
    pub(crate) strict: Setting<bool>,
    pub(crate) allow_drift: Setting<bool>,
}

/// The name of a job's flag; `no-` goes in front when it says no.
fn flag_name(job: &str, key: &str, no: bool) -> String {
    let no = if no { "no-" } else { "" };
    match key {
        "enabled" => format!("--{job}"),
        "poll_interval_ms" => format!("--{job}-poll-ms"),
        key => format!("--{no}{job}-{}", key.replace('_', "-")),
    }
}

/// What every key of a job is decided from.
struct Layers<'s> {
    sources: &'s Sources<'s>,
    /// `deploy` or `dev`
    command: &'static str,
    /// `migrations` or `aggregates`
    job: &'static str,
    sections: Vec<(String, &'s Job)>,
}

impl Layers<'_> {
    fn get<T: FromWord>(
        &self,
        key: &'static str,
        flag: Option<T>,
        no: bool,
        of: impl Fn(&Job) -> Option<T>,
        default: T,
    ) -> Result<Setting<T>, Failure> {
        let path = format!("{}.{}.{key}", self.command, self.job);
        let flag = flag.map(|value| (value, flag_name(self.job, key, no)));
        let file = self
            .sections
            .iter()
            .map(|(section, job)| (format!("{section}.{key}"), of(job)));
        self.sources.choose(&path, flag, file, default)
    }

    fn switch(
        &self,
        key: &'static str,
        flag: Option<bool>,
        of: impl Fn(&Job) -> Option<bool>,
        default: bool,
    ) -> Result<Setting<bool>, Failure> {
        self.get(key, flag, flag == Some(false), of, default)
    }
}

impl JobSettings {
    /// Decides every key of a job; `sections` are those of the file that may hold it, the one that wins first.
    ///
    /// # Errors
    /// A variable whose text cannot be meant; values that contradict each other.
    pub(super) fn resolve(
        sources: &Sources<'_>,
        command: &'static str,
        job: &'static str,
        sections: Vec<(String, &Job)>,
        flags: &JobFlags,
        batch_size: NonZeroU32,
    ) -> Result<Self, Failure> {
        let is_dev = command == "dev";
        let layers = Layers {
            sources,
            command,
            job,
            sections,
        };
        let mut settings = JobSettings {
            enabled: layers.get(
                "enabled",
                flags.enabled,
                false,
                |job| job.enabled,
                Enabled::Auto,
            )?,
            wait: layers.switch("wait", flags.wait, |job| job.wait, true)?,
            batch_size: layers.get(
                "batch_size",
                flags.batch_size,
                false,
                |job| job.batch_size,
                batch_size,
            )?,
            poll_interval_ms: layers.get(
                "poll_interval_ms",
                flags.poll_interval_ms,
                false,
                |job| job.poll_interval_ms,
                1_000,
            )?,
            timeout_ms: layers.get(
                "timeout_ms",
                flags.timeout_ms,
                false,
                |job| job.timeout_ms,
                900_000,
            )?,
            strict: layers.switch("strict", flags.strict, |job| job.strict, !is_dev)?,
            allow_drift: layers.switch(
                "allow_drift",
                flags.allow_drift,
                |job| job.allow_drift,
                is_dev,
            )?,
        };
        settings.check()?;
        Ok(settings)
    }

    /// The settings of `[dev.migrations]`.
    ///
    /// # Errors
    /// As [`JobSettings::resolve`].
    pub(crate) fn of_dev(sources: &Sources<'_>) -> Result<Self, Failure> {
        let sections = vec![("dev.migrations".to_owned(), &sources.config.dev.migrations)];
        let flags = JobFlags::default();
        JobSettings::resolve(
            sources,
            "dev",
            "migrations",
            sections,
            &flags,
            super::MIGRATION_BATCH,
        )
    }

    /// Refuses times that cannot be meant.
    fn check(&mut self) -> Result<(), Failure> {
        refuse_zero("timeout_ms", &self.timeout_ms, |value| *value == 0)?;
        refuse_zero("poll_interval_ms", &self.poll_interval_ms, |value| {
            *value == 0
        })?;
        let (poll, timeout) = (&mut self.poll_interval_ms, &self.timeout_ms);
        if poll.value <= timeout.value {
            return Ok(());
        }
        if poll.origin == Origin::Default {
            poll.value = timeout.value;
            return Ok(());
        }
        Err(Failure::usage(format!(
            "poll_interval_ms = {} ({}) is longer than timeout_ms = {} ({}), so nothing would be seen in time; make it shorter",
            poll.value, poll.origin, timeout.value, timeout.origin
        )))
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.value)
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms.value)
    }
}

/// Refuses a time of 0.
pub(super) fn refuse_zero<T>(
    key: &str,
    setting: &Setting<T>,
    is_zero: impl Fn(&T) -> bool,
) -> Result<(), Failure> {
    if !is_zero(&setting.value) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{key} = 0 ({}) would be over before anything begins; give milliseconds, or leave it out",
        setting.origin
    )))
}
