//! A new migration: its file name from a few words and the time, and its first text. Writes nothing.

use crate::id::{self, MAX_ID_LENGTH, slug_of};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file to create in the migrations folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMigration {
    /// The id.
    pub id: String,
    /// The id and `.rs`.
    pub file_name: String,
    /// The text of the file.
    pub text: String,
}

/// A name without a letter or digit in it, or one that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    name: String,
    length: usize,
}

impl std::fmt::Display for NameError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.length == 0 {
            write!(
                formatter,
                "the name `{}` has no letter from a to z and no digit; say in a few words what the migration does",
                self.name
            )
        } else {
            write!(
                formatter,
                "the id would have {} characters, and {MAX_ID_LENGTH} is the limit; shorten the name and put the long text in the `//!` description",
                self.length
            )
        }
    }
}

impl std::error::Error for NameError {}

/// A migration of this name, created at this time. It sorts after `newest`, the newest id there is, even when the
/// clock does not: two migrations made in one second, or on two machines, still have an order.
///
/// # Errors
/// When no id can be made of the name.
pub fn new_migration(
    name: &str,
    now: SystemTime,
    newest: Option<&str>,
) -> Result<NewMigration, NameError> {
    let slug = slug_of(name);
    if slug.is_empty() {
        return Err(NameError {
            name: name.to_owned(),
            length: 0,
        });
    }
    let mut seconds = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    if let Some(newest) = newest.and_then(|newest| seconds_of(id::timestamp(newest))) {
        seconds = seconds.max(newest + 1);
    }
    let id = format!("{}_{slug}", timestamp(seconds));
    if id.len() > MAX_ID_LENGTH {
        return Err(NameError {
            name: name.to_owned(),
            length: id.len(),
        });
    }
    Ok(NewMigration {
        file_name: format!("{id}.rs"),
        text: template(name),
        id,
    })
}

/// What a new file says: an `up` that compiles and fails until it is written, so that a forgotten one is never taken for
/// applied, and a `down` to uncomment.
fn template(name: &str) -> String {
    let title = name.trim().replace(['\n', '\r'], " ");
    let mut characters = title.chars();
    let title = characters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(characters).collect()
    });
    let stop = if title.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!(
        r#"//! {title}{stop}

use driftless::prelude::*;

/// The columns this migration reads: a field for each, `Option` for one that may be NULL.
#[derive(serde::Deserialize)]
struct Document {{}}

#[migration(table = "table_name")]
fn up(_ctx: &mut Ctx, _document: Document) -> Result<Patch> {{
    // `Ok(patch!(document {{ field: value }}))` sets columns, `Ok(Patch::none())` leaves the document as it is.
    Err("`up` is not written yet".into())
}}

// Uncomment to allow a roll back: it undoes what `up` did.
// #[migration(table = "table_name")]
// fn down(_ctx: &mut Ctx, _document: Document) -> Result<Patch> {{
//     Ok(Patch::none())
// }}
"#
    )
}

/// `YYYYMMDD_HHMMSS` of a number of seconds since 1970, in UTC.
fn timestamp(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}")
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_lengths(year: u64) -> [u64; 12] {
    [
        31,
        if is_leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ]
}

/// The date a number of days after 1970-01-01. A few hundred steps at most, once per `create`.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in month_lengths(year) {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// The inverse of [`timestamp`]; `None` before 1970.
fn seconds_of(timestamp: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| timestamp.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let years: u64 = (1970..year)
        .map(|year| 365 + u64::from(is_leap(year)))
        .sum();
    let months: u64 = month_lengths(year).iter().take(month as usize - 1).sum();
    Some(
        (years + months + day - 1) * 86_400
            + number(9..11)? * 3600
            + number(11..13)? * 60
            + number(13..15)?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_id_is_the_utc_time_and_the_slug() {
        let created = new_migration("Backfill todo priority", at(1_772_179_359), None).unwrap();
        assert_eq!(created.id, "20260227_080239_backfill_todo_priority");
        assert_eq!(
            created.file_name,
            "20260227_080239_backfill_todo_priority.rs"
        );
        assert!(created.text.starts_with("//! Backfill todo priority.\n"));
        assert!(id::parse(&created.file_name).is_ok());
    }

    #[test]
    fn it_sorts_after_the_newest_even_when_the_clock_is_behind() {
        let created = new_migration("x", at(0), Some("20240228_235959_a")).unwrap();
        assert_eq!(created.id, "20240229_000000_x");
        assert_eq!(
            new_migration("x", at(1_772_179_359), Some("20240228_235959_a"))
                .unwrap()
                .id,
            "20260227_080239_x"
        );
    }

    #[test]
    fn timestamps_and_seconds_are_inverse() {
        for seconds in [
            0,
            951_782_400,
            951_868_799,
            1_709_164_800,
            4_107_542_399,
            4_102_444_800,
            253_402_300_799,
        ] {
            assert_eq!(
                seconds_of(&timestamp(seconds)),
                Some(seconds),
                "{}",
                timestamp(seconds)
            );
        }
        assert_eq!(timestamp(951_782_400), "20000229_000000");
    }

    #[test]
    fn names_that_make_no_id_are_refused() {
        assert!(
            new_migration("!!!", at(0), None)
                .unwrap_err()
                .to_string()
                .contains("has no letter")
        );
        assert!(
            new_migration(&"x".repeat(200), at(0), None)
                .unwrap_err()
                .to_string()
                .contains("is the limit")
        );
    }

    #[test]
    fn the_template_is_a_migration_without_faults() {
        let created = new_migration("do it\n//! twice", at(0), None).unwrap();
        let (source, faults) = crate::source::read(
            &created.text,
            std::path::Path::new("/a/b.rs"),
            std::path::Path::new("/a"),
        );
        assert_eq!(faults, []);
        assert_eq!(source.unwrap().description, "Do it //! twice.");
        let commented = created
            .text
            .replace("\n// #[", "\n#[")
            .replace("\n// fn", "\nfn")
            .replace("\n//     Ok", "\n    Ok")
            .replace("\n// }", "\n}");
        let (source, faults) = crate::source::read(
            &commented,
            std::path::Path::new("/a/b.rs"),
            std::path::Path::new("/a"),
        );
        assert_eq!(faults, []);
        assert!(source.unwrap().has_down);
    }
}
