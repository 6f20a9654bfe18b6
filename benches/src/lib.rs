//! What the benches have in common: the two jobs of DESIGN §9, arguments, and how times become numbers.

use driftless::Manifest;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

static CONSTANT: Manifest = driftless::migrations!("migrations_a");
static COMPUTED: Manifest = driftless::migrations!("migrations_b");

/// Documents per transaction, of every contender that has transactions.
pub const BATCH: u32 = 1024;

/// What a bench comes to.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What is to be done to a million todos.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// A: half the rows get a constant.
    Constant,
    /// B: every row gets a computed string.
    Computed,
}

impl Job {
    /// The job as a migration.
    pub fn manifest(self) -> &'static Manifest {
        match self {
            Job::Constant => &CONSTANT,
            Job::Computed => &COMPUTED,
        }
    }

    /// The column that is written.
    pub fn column(self) -> &'static str {
        match self {
            Job::Constant => "priority",
            Job::Computed => "slug",
        }
    }

    /// The column that has to be read.
    pub fn reads(self) -> &'static str {
        match self {
            Job::Constant => "priority",
            Job::Computed => "title",
        }
    }

    /// What the written column becomes, from the one that was read; nothing when it stays.
    pub fn value(self, read: Option<&str>) -> Option<Cow<'static, str>> {
        match (self, read) {
            (Job::Constant, Some(_)) => None,
            (Job::Constant, None) => Some("medium".into()),
            (Job::Computed, title) => Some(slug(title.unwrap_or_default()).into()),
        }
    }

    /// The whole job as one statement.
    pub fn one_statement(self) -> &'static str {
        match self {
            Job::Constant => "UPDATE todos SET priority = 'medium' WHERE priority IS NULL",
            Job::Computed => "UPDATE todos SET slug = replace(lower(title), ' ', '-')",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Job::Constant => "A: half the rows get a constant",
            Job::Computed => "B: every row gets a computed string",
        })
    }
}

/// What job B computes.
pub fn slug(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// The word after `name` on the command line.
pub fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

/// The number after `name` on the command line.
///
/// # Errors
/// It is none.
pub fn number(name: &str) -> Outcome<Option<u32>> {
    Ok(argument(name).map(|value| value.parse()).transpose()?)
}

/// The middle one.
///
/// # Panics
/// There is none.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

/// How much faster these rounds were than those, round by round: lowest, middle, highest.
///
/// # Panics
/// There was no round.
pub fn ratios(times: &[Duration], base: &[Duration]) -> (f64, f64, f64) {
    let both = times.iter().zip(base);
    let mut sorted: Vec<f64> = both
        .map(|(time, base)| base.as_secs_f64() / time.as_secs_f64())
        .collect();
    sorted.sort_by(f64::total_cmp);
    (
        sorted[0],
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1],
    )
}

/// The most memory this process has had, as the kernel counts it.
pub fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes / 1024.0)
}
