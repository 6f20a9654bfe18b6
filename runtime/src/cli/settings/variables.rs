//! Settings in environment variables: `deploy.migrations.wait` is `DRIFTLESS_DEPLOY_MIGRATIONS_WAIT`.

use crate::cli::config::{self, Enabled};
use crate::cli::exit::Failure;
use crate::cli::nearest::nearest;
use clap::ValueEnum;
use std::num::NonZeroU32;

/// Names the environment, as `--env` does.
pub(crate) const ENVIRONMENT: &str = "DRIFTLESS_ENV";

/// Names the file, as `--config` does.
pub(crate) const CONFIG: &str = "DRIFTLESS_CONFIG";

/// What all of them begin with.
const PREFIX: &str = "DRIFTLESS_";

/// The variable of a key.
pub(super) fn name_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_uppercase())
}

/// The sections whose keys have variables.
const SECTIONS: [&str; 2] = ["deploy", "dev"];

/// Refuses a variable that nothing reads and that looks as if something should.
///
/// # Errors
/// There is one.
pub(crate) fn check(names: impl Iterator<Item = String>) -> Result<(), Failure> {
    let known: Vec<String> = config::paths_of(&SECTIONS)
        .iter()
        .map(|path| name_of(path))
        .chain([ENVIRONMENT.to_owned(), CONFIG.to_owned()])
        .collect();
    for name in names.filter(|name| name.starts_with(PREFIX) && !known.contains(name)) {
        let is_ours = SECTIONS
            .iter()
            .any(|section| name.starts_with(&format!("{}_", name_of(section))));
        let meant = if is_ours {
            nearest(&name, known.iter().map(String::as_str)).map(str::to_owned)
        } else {
            one_of_the_few(&name)
        };
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if is_ours => "`config show` lists the settings".to_owned(),
            None => continue,
        };
        return Err(Failure::usage(format!(
            "unknown environment variable `{name}`; {hint}"
        )));
    }
    Ok(())
}

/// The variable that one outside of the sections was probably meant to be.
fn one_of_the_few(name: &str) -> Option<String> {
    let word = name.strip_prefix(PREFIX)?;
    let meant = nearest(word, ["ENV", "CONFIG", "DATABASE_URL"])?;
    Some(match meant {
        "DATABASE_URL" => meant.to_owned(),
        meant => format!("{PREFIX}{meant}"),
    })
}

/// A value as one word.
pub(super) trait FromWord: Sized {
    /// # Errors
    /// What was expected instead.
    fn from_word(word: &str) -> Result<Self, &'static str>;
}

impl FromWord for bool {
    fn from_word(word: &str) -> Result<Self, &'static str> {
        match word {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("`true` or `false`"),
        }
    }
}

impl FromWord for u64 {
    fn from_word(word: &str) -> Result<Self, &'static str> {
        word.parse().map_err(|_| "a whole number")
    }
}

impl FromWord for NonZeroU32 {
    fn from_word(word: &str) -> Result<Self, &'static str> {
        word.parse().map_err(|_| "a whole number above 0")
    }
}

impl FromWord for Enabled {
    fn from_word(word: &str) -> Result<Self, &'static str> {
        Enabled::from_str(word, false).map_err(|_| "`auto`, `on` or `off`")
    }
}

impl FromWord for String {
    fn from_word(word: &str) -> Result<Self, &'static str> {
        Ok(word.to_owned())
    }
}

/// An empty word takes away what the file says.
impl<T: FromWord> FromWord for Option<T> {
    fn from_word(word: &str) -> Result<Self, &'static str> {
        if word.is_empty() {
            return Ok(None);
        }
        T::from_word(word).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str) -> Option<String> {
        check(std::iter::once(name.to_owned()))
            .err()
            .map(|failure| failure.message)
    }

    #[test]
    fn a_misspelt_variable_is_refused_and_others_programs_are_left_alone() {
        for name in [
            "DRIFTLESS_DEPLOY_COMMAND",
            "DRIFTLESS_DEPLOY_MIGRATIONS_WAIT",
            "DRIFTLESS_DEV_MIGRATIONS_STRICT",
            "DRIFTLESS_DEPLOY_AGGREGATES_POLL_INTERVAL_MS",
            "DRIFTLESS_ENV",
            "DRIFTLESS_SERVICE_PORT",
            "DATABASE_URL",
        ] {
            assert_eq!(refused(name), None, "{name}");
        }
        for (name, meant) in [
            (
                "DRIFTLESS_DEPLOY_MIGRATIONS_WIAT",
                "DRIFTLESS_DEPLOY_MIGRATIONS_WAIT",
            ),
            ("DRIFTLESS_ENVIRONMENT", "DRIFTLESS_ENV"),
            ("DRIFTLESS_DATABASE_URL", "DATABASE_URL"),
        ] {
            assert_eq!(
                refused(name).unwrap(),
                format!("unknown environment variable `{name}`; did you mean `{meant}`?")
            );
        }
    }
}
