//! A migration's id: its file name without `.rs`, `YYYYMMDD_HHMMSS_slug`, which also orders it.

use crate::diagnostic::FaultKind;

/// The longest id, in characters: every database can index it and every file system can hold it.
pub const MAX_ID_LENGTH: usize = 120;

/// How many characters the timestamp has: `20260227_080239`.
pub const TIMESTAMP_LENGTH: usize = 15;

/// Reads the id out of a file name such as `20260227_080239_backfill_todo_priority.rs`.
///
/// # Errors
/// The fault to report when the name is not that of a migration.
pub fn parse(file_name: &str) -> Result<&str, FaultKind> {
    let Some(id) = file_name.strip_suffix(".rs") else {
        return Err(FaultKind::NotAMigration {
            name: file_name.to_owned(),
        });
    };
    if id == "mod" || id == "lib" || id == "main" {
        return Err(FaultKind::NotAMigration {
            name: file_name.to_owned(),
        });
    }
    let length = id.chars().count();
    if length > MAX_ID_LENGTH {
        return Err(FaultKind::NameTooLong {
            length,
            limit: MAX_ID_LENGTH,
        });
    }
    let Some(slug) = after_timestamp(id) else {
        return Err(FaultKind::NameWithoutTimestamp {
            name: file_name.to_owned(),
            slug: slug_of(id),
        });
    };
    let timestamp = &id[..TIMESTAMP_LENGTH];
    if let Some(problem) = calendar_problem(timestamp) {
        return Err(FaultKind::ImpossibleDate {
            timestamp: timestamp.to_owned(),
            problem,
        });
    }
    check_slug(timestamp, slug)?;
    Ok(id)
}

/// The timestamp of a valid id.
pub fn timestamp(id: &str) -> &str {
    id.get(..TIMESTAMP_LENGTH).unwrap_or(id)
}

/// The id that was probably meant by another: one with the same timestamp, or with the same words.
pub(crate) fn similar<'a>(id: &str, mut ids: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let words = |id: &str| id.get(TIMESTAMP_LENGTH..).map(str::to_owned);
    ids.find(|other| timestamp(other) == timestamp(id) || words(other) == words(id))
}

/// Turns any text into a slug: lower case, words joined by underscores.
pub fn slug_of(text: &str) -> String {
    let mut slug = String::new();
    let mut previous_is_lower = false;
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            if character.is_ascii_uppercase() && previous_is_lower {
                slug.push('_');
            }
            previous_is_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
            slug.push(character.to_ascii_lowercase());
        } else {
            previous_is_lower = false;
            if !slug.is_empty() && !slug.ends_with('_') {
                slug.push('_');
            }
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    slug
}

/// What follows `NNNNNNNN_NNNNNN`, with its underscore; `None` when the digits are not there.
fn after_timestamp(id: &str) -> Option<&str> {
    let shaped = id.len() >= TIMESTAMP_LENGTH
        && id
            .bytes()
            .take(TIMESTAMP_LENGTH)
            .enumerate()
            .all(|(index, byte)| {
                if index == 8 {
                    byte == b'_'
                } else {
                    byte.is_ascii_digit()
                }
            });
    // A sixteenth digit would silently belong to the slug: 20260227_0802391_x is a typing mistake.
    let rest = if shaped {
        id.get(TIMESTAMP_LENGTH..)?
    } else {
        return None;
    };
    if rest.starts_with(|character: char| character.is_ascii_digit()) {
        None
    } else {
        Some(rest)
    }
}

/// Why a timestamp of the right shape is no moment in time.
fn calendar_problem(timestamp: &str) -> Option<String> {
    let number = |range: std::ops::Range<usize>| timestamp[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let (hour, minute, second) = (number(9..11), number(11..13), number(13..15));
    if year == 0 {
        return Some("there is no year 0000".to_owned());
    }
    if !(1..=12).contains(&month) {
        return Some(format!("there is no month {month:02}"));
    }
    let days = days_in_month(year, month);
    if day == 0 || day > days {
        return Some(format!(
            "month {year:04}-{month:02} has days 01 to {days}, not {day:02}"
        ));
    }
    if hour > 23 {
        return Some(format!("there is no hour {hour:02}"));
    }
    if minute > 59 {
        return Some(format!("there is no minute {minute:02}"));
    }
    (second > 59).then(|| format!("there is no second {second:02}"))
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn check_slug(timestamp: &str, rest: &str) -> Result<(), FaultKind> {
    let suggestion = || format!("{timestamp}_{}.rs", slug_of(rest));
    let slug = rest.strip_prefix('_').unwrap_or("");
    if slug_of(rest).is_empty() {
        return Err(FaultKind::NameWithoutSlug {
            timestamp: timestamp.to_owned(),
        });
    }
    if slug.chars().any(|character| character.is_ascii_uppercase()) {
        return Err(FaultKind::NameWithCapitals {
            suggestion: suggestion(),
        });
    }
    if let Some(character) = rest
        .chars()
        .find(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit() && *c != '_')
    {
        return Err(FaultKind::NameWithCharacter {
            character,
            suggestion: suggestion(),
        });
    }
    if slug.is_empty() || slug.starts_with('_') || slug.ends_with('_') {
        return Err(FaultKind::NameWithCharacter {
            character: '_',
            suggestion: suggestion(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_moment_and_a_snake_slug_are_an_id() {
        for name in [
            "20260227_080239_backfill_todo_priority.rs",
            "20240229_235959_x.rs",
            "20000229_000000_2fa.rs",
        ] {
            assert_eq!(parse(name), Ok(name.trim_end_matches(".rs")), "{name}");
        }
    }

    #[test]
    fn dates_that_never_were_are_refused() {
        for stamp in [
            "20230229_000000",
            "19000229_000000",
            "20260431_000000",
            "20261301_000000",
            "20260100_000000",
            "20260101_240000",
            "20260101_006000",
            "20260101_000060",
            "00000101_000000",
        ] {
            let parsed = parse(&format!("{stamp}_x.rs")).map(str::to_owned);
            assert!(
                matches!(parsed, Err(FaultKind::ImpossibleDate { .. })),
                "{stamp}: {parsed:?}"
            );
        }
    }

    #[test]
    fn every_bad_name_gets_its_own_fault() {
        assert!(matches!(
            parse("backfill.rs"),
            Err(FaultKind::NameWithoutTimestamp { .. })
        ));
        assert!(matches!(
            parse("2026022_080239_x.rs"),
            Err(FaultKind::NameWithoutTimestamp { .. })
        ));
        assert!(matches!(
            parse("20260227_0802391_x.rs"),
            Err(FaultKind::NameWithoutTimestamp { .. })
        ));
        assert!(matches!(
            parse("20260227_080239.rs"),
            Err(FaultKind::NameWithoutSlug { .. })
        ));
        assert!(matches!(
            parse("20260227_080239_.rs"),
            Err(FaultKind::NameWithoutSlug { .. })
        ));
        assert!(matches!(
            parse("20260227_080239_Backfill.rs"),
            Err(FaultKind::NameWithCapitals { .. })
        ));
        assert!(matches!(
            parse("20260227_080239_back fill.rs"),
            Err(FaultKind::NameWithCharacter { character: ' ', .. })
        ));
        assert!(matches!(
            parse("20260227_080239-x.rs"),
            Err(FaultKind::NameWithCharacter { character: '-', .. })
        ));
        assert!(matches!(
            parse("20260227_080239_ärger.rs"),
            Err(FaultKind::NameWithCharacter {
                character: 'ä', ..
            })
        ));
        assert!(matches!(
            parse("ä0260227_08023_x.rs"),
            Err(FaultKind::NameWithoutTimestamp { .. })
        ));
        assert!(matches!(
            parse("20260227_080239_x.sql"),
            Err(FaultKind::NotAMigration { .. })
        ));
        assert!(matches!(
            parse("mod.rs"),
            Err(FaultKind::NotAMigration { .. })
        ));
    }

    #[test]
    fn the_length_limit_is_exact() {
        let longest = format!("20260227_080239_{}.rs", "x".repeat(MAX_ID_LENGTH - 16));
        assert!(parse(&longest).is_ok());
        assert!(matches!(
            parse(&format!(
                "20260227_080239_{}.rs",
                "x".repeat(MAX_ID_LENGTH - 15)
            )),
            Err(FaultKind::NameTooLong { .. })
        ));
    }

    #[test]
    fn slugs_are_made_from_any_text() {
        assert_eq!(slug_of("Backfill Todo-Priority!"), "backfill_todo_priority");
        assert_eq!(slug_of("backfillTodoPriority"), "backfill_todo_priority");
        assert_eq!(slug_of("  HTTP  "), "http");
        assert_eq!(slug_of("éé"), "");
    }
}
