//! The flags of `deploy`, which override the file.

use super::BATCH_SIZES;
use crate::cli::config::Enabled;
use crate::cli::settings::{DeployFlags, JobFlags};
use clap::Args;
use std::num::NonZeroU32;

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Why drift is allowed, where it is; kept with the run
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) words: DeployWords,
}

/// The flags of `deploy` that override the file.
#[derive(Debug, Args)]
pub(crate) struct DeployWords {
    /// Run this instead of the configured command
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Run no command
    #[arg(long, conflicts_with = "command")]
    no_command: bool,
    /// Stop the command, and the deploy, after this time; as long as it takes when not given
    #[arg(long, value_name = "MS")]
    command_timeout_ms: Option<u64>,
    #[command(flatten)]
    migrations: MigrationsWords,
    #[command(flatten)]
    aggregates: AggregatesWords,
}

impl DeployWords {
    /// What they say.
    pub(crate) fn flags(&self) -> DeployFlags {
        DeployFlags {
            command: match (&self.command, self.no_command) {
                (Some(command), _) => Some(Some(command.clone())),
                (None, true) => Some(None),
                (None, false) => None,
            },
            command_timeout_ms: self.command_timeout_ms,
            migrations: self.migrations.flags(),
            aggregates: self.aggregates.flags(),
        }
    }
}

/// The flags of one job of `deploy`: the same for each, with its name in front.
macro_rules! job_words {
    ($type:ident, $heading:literal, $job:literal, $work:literal) => {
        #[derive(Debug, Args)]
        #[command(next_help_heading = $heading)]
        struct $type {
            #[arg(id = $job, long = $job, value_name = "WHEN", help = concat!($work, ": when there is something to do, always, or never"))]
            enabled: Option<Enabled>,
            #[arg(id = concat!($job, "-wait"), long = concat!($job, "-wait"), help = "Wait for the end")]
            wait: bool,
            #[arg(id = concat!("no-", $job, "-wait"), long = concat!("no-", $job, "-wait"), conflicts_with = concat!($job, "-wait"),
                help = "Leave it to a worker and return")]
            no_wait: bool,
            #[arg(id = concat!($job, "-strict"), long = concat!($job, "-strict"),
                help = "Fail on drift, a failure, documents set aside and a timeout")]
            strict: bool,
            #[arg(id = concat!("no-", $job, "-strict"), long = concat!("no-", $job, "-strict"), conflicts_with = concat!($job, "-strict"),
                help = "Warn of them and exit 0")]
            no_strict: bool,
            #[arg(id = concat!($job, "-allow-drift"), long = concat!($job, "-allow-drift"), help = "Go on although there is drift")]
            allow_drift: bool,
            #[arg(id = concat!("no-", $job, "-allow-drift"), long = concat!("no-", $job, "-allow-drift"),
                conflicts_with = concat!($job, "-allow-drift"), help = "Stop when there is drift")]
            no_allow_drift: bool,
            #[arg(id = concat!($job, "-batch-size"), long = concat!($job, "-batch-size"), value_name = "N",
                value_parser = batch_size, help = "Rows per transaction, exactly")]
            batch_size: Option<NonZeroU32>,
            #[arg(id = concat!($job, "-poll-ms"), long = concat!($job, "-poll-ms"), value_name = "MS",
                help = "How often to look at what another process does")]
            poll_ms: Option<u64>,
            #[arg(id = concat!($job, "-timeout-ms"), long = concat!($job, "-timeout-ms"), value_name = "MS",
                help = "How long to wait for the end; then exit 5")]
            timeout_ms: Option<u64>,
        }

        impl $type {
            fn flags(&self) -> JobFlags {
                JobFlags {
                    enabled: self.enabled,
                    wait: switch(self.wait, self.no_wait),
                    batch_size: self.batch_size,
                    poll_interval_ms: self.poll_ms,
                    timeout_ms: self.timeout_ms,
                    strict: switch(self.strict, self.no_strict),
                    allow_drift: switch(self.allow_drift, self.no_allow_drift),
                }
            }
        }
    };
}

job_words!(
    MigrationsWords,
    "Migrations (the second step)",
    "migrations",
    "Apply what is pending"
);
job_words!(
    AggregatesWords,
    "Aggregates (the third step)",
    "aggregates",
    "Build aggregates"
);

/// A flag that says yes and one that says no.
fn switch(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// A batch's size, as a flag.
fn batch_size(word: &str) -> Result<NonZeroU32, String> {
    word.parse::<NonZeroU32>()
        .ok()
        .filter(|size| BATCH_SIZES.contains(&i64::from(size.get())))
        .ok_or_else(|| format!("not in {}..={}", BATCH_SIZES.start(), BATCH_SIZES.end()))
}
