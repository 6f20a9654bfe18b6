//! Dates, times and intervals as ISO 8601, over the whole range that Postgres knows.

use super::decode::Wire;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fmt::Write;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Days from 0000-03-01, where leap days end their years, to 2000-01-01, where Postgres counts from.
const DAYS_BEFORE_2000: i64 = 730_425;
const DAYS_PER_ERA: i64 = 146_097;

/// Year (1 BC is 0), month and day of a number of days since 2000-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_BEFORE_2000;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March, so that February is last.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// Writes a day, and returns what must follow it after the time: the era.
fn write_day(days: i64, out: &mut String) -> &'static str {
    let (year, month, day) = civil(days);
    let (shown, era) = if year > 0 {
        (year, "")
    } else {
        (1 - year, " BC")
    };
    let _ = write!(out, "{shown:04}-{month:02}-{day:02}");
    era
}

fn write_clock(micros: i64, out: &mut String) {
    let seconds = micros / MICROS_PER_SECOND;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
}

fn write_fraction(micros: i64, out: &mut String) {
    let _ = write!(out, ".{:06}", micros % MICROS_PER_SECOND);
}

/// `2026-01-02`, `0044-03-15 BC`, `infinity`.
pub(super) fn write_date(raw: &[u8], out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "date");
    match wire.i32()? {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => {
            let era = write_day(days.into(), out);
            out.push_str(era);
        }
    }
    wire.end()
}

/// `03:04:05.678901`, always with a fraction, because the `time` crate insists on one.
pub(super) fn write_time(raw: &[u8], out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "time");
    let micros = wire.i64()?;
    write_clock(micros, out);
    write_fraction(micros, out);
    wire.end()
}

/// `03:04:05.678901+01:30`.
pub(super) fn write_time_with_zone(raw: &[u8], out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "time with time zone");
    let micros = wire.i64()?;
    // Seconds west of Greenwich; the text counts east.
    let west = wire.i32()?;
    write_clock(micros, out);
    write_fraction(micros, out);
    out.push(if west > 0 { '-' } else { '+' });
    let offset = west.unsigned_abs();
    let _ = write!(out, "{:02}:{:02}", offset / 3600, offset / 60 % 60);
    if offset % 60 != 0 {
        let _ = write!(out, ":{:02}", offset % 60);
    }
    wire.end()
}

/// `2026-01-02T03:04:05.678901` and the zone, if any; the fraction only when there is one.
pub(super) fn write_timestamp(raw: &[u8], zone: &str, out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "timestamp");
    match wire.i64()? {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        micros => {
            let era = write_day(micros.div_euclid(MICROS_PER_DAY), out);
            let clock = micros.rem_euclid(MICROS_PER_DAY);
            out.push('T');
            write_clock(clock, out);
            if clock % MICROS_PER_SECOND != 0 {
                write_fraction(clock, out);
            }
            out.push_str(zone);
            out.push_str(era);
        }
    }
    wire.end()
}

/// `P1Y2M3DT4H5M6.789S`. Months, days and time have signs of their own in Postgres: when none is positive, one sign
/// stands before it all, which is the form that `jiff` reads; when they differ, each number has its own.
pub(super) fn write_interval(raw: &[u8], out: &mut String) -> Result<()> {
    let mut wire = Wire::new(raw, "interval");
    let (micros, days, months) = (wire.i64()?, wire.i32()?, wire.i32()?);
    wire.end()?;
    // Since Postgres 17.
    match (micros, days, months) {
        (i64::MAX, i32::MAX, i32::MAX) => {
            out.push_str("infinity");
            return Ok(());
        }
        (i64::MIN, i32::MIN, i32::MIN) => {
            out.push_str("-infinity");
            return Ok(());
        }
        (0, 0, 0) => {
            out.push_str("PT0S");
            return Ok(());
        }
        _ => {}
    }
    let negative = micros <= 0 && days <= 0 && months <= 0;
    if negative {
        out.push('-');
    }
    // One more bit, so that the smallest values can be negated.
    let sign = if negative { -1 } else { 1 };
    let (micros, days, months) = (
        i128::from(micros) * sign,
        i128::from(days) * sign,
        i128::from(months) * sign,
    );
    out.push('P');
    let part = |number: i128, unit: char, out: &mut String| {
        if number != 0 {
            let _ = write!(out, "{number}{unit}");
        }
    };
    part(months / 12, 'Y', out);
    part(months % 12, 'M', out);
    part(days, 'D', out);
    if micros != 0 {
        out.push('T');
        let second = i128::from(MICROS_PER_SECOND);
        let (seconds, fraction) = (micros / second, micros % second);
        part(seconds / 3600, 'H', out);
        part(seconds / 60 % 60, 'M', out);
        if seconds % 60 != 0 || fraction != 0 {
            let sign = if micros < 0 { "-" } else { "" };
            let _ = write!(out, "{sign}{}", (seconds % 60).abs());
            if fraction != 0 {
                let digits = format!("{:06}", fraction.abs());
                let _ = write!(out, ".{}", digits.trim_end_matches('0'));
            }
            out.push('S');
        }
    }
    Ok(())
}

/// An interval as Postgres reads it: it knows no sign before the `P`, so that one moves to every number.
pub(super) fn interval_for_postgres(text: &str) -> Result<Cow<'_, str>> {
    let (negative, rest) = match text.as_bytes() {
        [b'-', b'P' | b'p', ..] => (true, &text[1..]),
        [b'+', b'P' | b'p', ..] => (false, &text[1..]),
        _ => return Ok(Cow::Borrowed(text)),
    };
    if !negative {
        return Ok(Cow::Borrowed(rest));
    }
    let mut turned = String::with_capacity(rest.len() + 8);
    let mut in_number = false;
    for character in rest.chars() {
        match character {
            '+' | '-' => {
                return Err(Error::step(format!(
                    "the interval {text} has a sign before the P and another one within; give each number its own sign"
                )));
            }
            '0'..='9' | '.' | ',' if in_number => turned.push(character),
            '0'..='9' | '.' | ',' => {
                in_number = true;
                turned.push('-');
                turned.push(character);
            }
            other => {
                in_number = false;
                turned.push(other.to_ascii_uppercase());
            }
        }
    }
    Ok(Cow::Owned(turned))
}
