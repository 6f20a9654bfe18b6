//! The text of a lock file: strict, since a line that is not what it was protects nothing.

use super::{LockError, LockFile, LockedMigration, VERSION};
use crate::checksum::Checksum;
use crate::diagnostic::FaultKind;

const TITLE: &str = "# driftless migrations lock, version ";

/// What git leaves where two sides changed the same lines.
const CONFLICT_MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

const RETIRED: &str = "retired";

pub(super) fn write(lock: &LockFile) -> String {
    let mut text = format!("{TITLE}{VERSION}\n");
    for LockedMigration {
        id,
        checksum,
        retired,
    } in lock.iter()
    {
        let down = match checksum.down.as_str() {
            "" => "-",
            down => down,
        };
        let words = [id, &checksum.whole, &checksum.up, down, &checksum.rest];
        text.push_str(&words.join(" "));
        let details = match (checksum.details.as_str(), retired) {
            ("", false) => None,
            ("", true) => Some("-"),
            (details, _) => Some(details),
        };
        for word in details.into_iter().chain(retired.then_some(RETIRED)) {
            text.push(' ');
            text.push_str(word);
        }
        text.push('\n');
    }
    text
}

pub(super) fn parse(text: &str) -> Result<LockFile, LockError> {
    let mut lock = LockFile::default();
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_end()));
    let (_, header) = lines.next().unwrap_or((1, ""));
    let version = check_header(header, 1)?;
    for (number, line) in lines {
        // A merge that kept both sides may have kept both headers.
        if line.starts_with(TITLE) {
            check_header(line, number)?;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let syntax = |problem| LockError {
            kind: FaultKind::LockSyntax { problem },
            line: number,
        };
        let locked = match parse_line(line) {
            Err(_) if is_conflict_marker(line) => {
                let kind = FaultKind::LockConflict;
                return Err(LockError { kind, line: number });
            }
            parsed => parsed.map_err(syntax)?,
        };
        add(&mut lock, locked, number).map_err(syntax)?;
    }
    if version == 1 {
        lock.sort();
    }
    Ok(lock)
}

/// Adds a line; one that is there already, as a merge may leave it, adds nothing but that it is retired.
fn add(lock: &mut LockFile, locked: LockedMigration, line: usize) -> Result<(), String> {
    let id = locked.id.clone();
    match lock.get(&id) {
        None => lock.insert(locked, line),
        Some(earlier) if earlier.checksum.whole != locked.checksum.whole => {
            return Err(format!("`{id}` is recorded twice with different checksums"));
        }
        Some(_) if locked.retired => lock.retire([id.as_str()]),
        Some(_) => {}
    }
    Ok(())
}

fn is_conflict_marker(line: &str) -> bool {
    CONFLICT_MARKERS
        .iter()
        .any(|marker| line.starts_with(marker))
}

fn check_header(header: &str, line: usize) -> Result<u32, LockError> {
    let error = |kind| Err(LockError { kind, line });
    let Some(version) = header.strip_prefix(TITLE) else {
        return error(match is_conflict_marker(header) {
            true => FaultKind::LockConflict,
            false => FaultKind::LockSyntax {
                problem: format!("it starts with `{TITLE}{VERSION}`"),
            },
        });
    };
    match version.parse::<u32>() {
        Ok(known @ 1..=VERSION) => Ok(known),
        Ok(newer) if newer > VERSION => error(FaultKind::LockTooNew {
            found: newer.to_string(),
            known: VERSION,
        }),
        _ => error(FaultKind::LockSyntax {
            problem: format!("`{version}` is no version"),
        }),
    }
}

fn parse_line(line: &str) -> Result<LockedMigration, String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let retired = words.len() > 5 && words.last() == Some(&RETIRED);
    if retired {
        words.pop();
    }
    let ([id, whole, up, down, rest], details) = (match words[..] {
        [id, whole, up, down, rest] => Ok(([id, whole, up, down, rest], "")),
        [id, whole, up, down, rest, details] => Ok(([id, whole, up, down, rest], details)),
        _ => Err(format!(
            "{} words where `id checksum up down rest details` is expected",
            words.len()
        )),
    })?;
    if crate::id::parse(&format!("{id}.rs")).is_err() {
        return Err(format!("`{id}` is not the id of a migration"));
    }
    let absent = |word| if word == "-" { "" } else { word };
    let (down, details) = (absent(down), absent(details));
    for word in [whole, up, down, rest] {
        check_checksum(word)?;
    }
    check_details(details)?;
    if Checksum::is_made_of(whole, up, down, rest) == Some(false) {
        return Err(format!(
            "the checksums of `{id}` do not belong together; it was edited by hand"
        ));
    }
    let [id, whole, up, down, rest, details] =
        [id, whole, up, down, rest, details].map(str::to_owned);
    Ok(LockedMigration {
        id,
        checksum: Checksum {
            whole,
            up,
            down,
            rest,
            details,
        },
        retired,
    })
}

/// An algorithm and hexadecimal digits; how many is known of ours only.
fn check_checksum(word: &str) -> Result<(), String> {
    let is_hex = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match word.split_once(':') {
        _ if word.is_empty() => Ok(()),
        Some((crate::checksum::ALGORITHM, digits)) if digits.len() != 64 => {
            Err(format!("`{word}` is cut off"))
        }
        Some((algorithm, digits)) if !algorithm.is_empty() && is_hex(digits) => Ok(()),
        _ => Err(format!("`{word}` is not a checksum")),
    }
}

fn check_details(details: &str) -> Result<(), String> {
    let is_short = |part: &str| {
        part == "-" || part.len() == 8 && part.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    let parts: Vec<&str> = details.split('.').collect();
    match details.is_empty() || parts.len() == 4 && parts.iter().all(|part| is_short(part)) {
        true => Ok(()),
        false => Err(format!("`{details}` is neither details nor `retired`")),
    }
}
