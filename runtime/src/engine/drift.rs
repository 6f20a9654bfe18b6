//! What differs between applied history and the code. Pure.

use crate::history::{Direction, History, Spread, StateRow};
use crate::manifest::{Manifest, Migration, Retired};
use crate::migrator::{Drift, DriftKind};

/// The checksum algorithm this build can verify.
const ALGORITHM: &str = "v1:";

/// Every difference, in id order.
pub(crate) fn find(manifest: &Manifest, history: &History) -> Vec<Drift> {
    history
        .states
        .iter()
        .filter(|state| leaves_traces(state))
        .filter_map(|state| compare(manifest, state))
        .collect()
}

/// Whether the migration's code has changed documents that are still changed: only then is its code history.
pub(crate) fn leaves_traces(state: &StateRow) -> bool {
    state.applied || is_half_done(state)
}

/// Whether some documents have the change and some have not.
pub(crate) fn is_half_done(state: &StateRow) -> bool {
    state.is_partial() && state.spread != Spread::Even
}

fn compare(manifest: &Manifest, state: &StateRow) -> Option<Drift> {
    let id = &state.migration_id;
    if let Some(retired) = manifest.retired_one(id) {
        return compare_retired(retired, state);
    }
    let Some(migration) = manifest.get(id) else {
        return Some(Drift {
            kind: DriftKind::MissingFromManifest,
            migration_id: id.clone(),
            message: missing(manifest, state),
        });
    };
    if migration.checksum == state.checksum {
        return None;
    }
    Some(Drift {
        kind: DriftKind::ChecksumMismatch,
        migration_id: id.clone(),
        message: changed(migration, state),
    })
}

/// A retired migration has no code any more, and its history is checked all the same.
fn compare_retired(retired: &Retired, state: &StateRow) -> Option<Drift> {
    let id = retired.id;
    let (kind, message) = if is_half_done(state) {
        let (percent, direction) = (state.percent(), state.direction);
        (
            DriftKind::MissingFromManifest,
            format!(
                "migration {id} is retired, and here its {direction} is {percent} % done; finish it with the program of a version before it was retired"
            ),
        )
    } else if state.checksum != retired.checksum {
        (
            DriftKind::ChecksumMismatch,
            format!(
                "migration {id} is retired, and what was applied here is not what was released ({} and {}); let one run pass with `--allow-drift --reason …`, or accept it with the program of a version before it was retired",
                state.checksum, retired.checksum
            ),
        )
    } else {
        return None;
    };
    Some(Drift {
        kind,
        migration_id: id.to_owned(),
        message,
    })
}

fn missing(manifest: &Manifest, state: &StateRow) -> String {
    let id = &state.migration_id;
    let renamed = manifest
        .iter()
        .find(|migration| migration.checksum == state.checksum);
    match renamed {
        Some(migration) => format!(
            "migration {id} was applied and is now called {}; give the file its old name back",
            migration.id
        ),
        None => format!(
            "migration {id} was applied and is not compiled in; restore its file (`drift` shows what was applied), or let one run pass with `--allow-drift --reason …`"
        ),
    }
}

fn changed(migration: &Migration, state: &StateRow) -> String {
    let id = migration.id;
    if let Some(algorithm) = unknown_algorithm(state) {
        return format!(
            "migration {id} was recorded with checksum algorithm {algorithm}, which this build does not know; update this program's driftless"
        );
    }
    if is_half_done(state) {
        return half_done(migration, state);
    }
    let parts = changed_parts(migration, state);
    format!(
        "migration {id} changed after it was applied ({parts}); restore the file and write a new migration for the change, accept it (`accept {id} --reason …`), or let one run pass with `--allow-drift --reason …`"
    )
}

/// The name of the algorithm that made the stored checksum, when this build does not know it.
pub(super) fn unknown_algorithm(state: &StateRow) -> Option<&str> {
    match state.checksum.starts_with(ALGORITHM) {
        true => None,
        false => state.checksum.split(':').next(),
    }
}

/// A migration that changed between its first document and its last: what there is to choose from.
pub(super) fn half_done(migration: &Migration, state: &StateRow) -> String {
    let (id, percent, direction) = (migration.id, state.percent(), state.direction);
    let parts = changed_parts(migration, state);
    let third = match direction {
        Direction::Up if may_roll_back(migration, state) => {
            "roll back the part that was done (`down --steps 1`)"
        }
        Direction::Up => {
            "roll back the part that was done, although `down` or what it shares changed too (`down --steps 1 --allow-drift --reason …`)"
        }
        Direction::Down => "finish rolling back with the code that began it (restore the file)",
    };
    format!(
        "migration {id} changed ({parts}) while its {direction} is {percent} % done; restore the file, or choose: resume as it is (`{direction} --allow-drift --reason …`), begin again from the first document (`up --restart`), or {third}"
    )
}

/// Whether the code that would roll a half-applied migration back is the code that came with what was applied.
pub(super) fn may_roll_back(migration: &Migration, state: &StateRow) -> bool {
    let [_, down, rest] = &state.parts;
    is_half_done(state)
        && state.direction == Direction::Up
        && migration.down.is_some()
        && migration.parts.down == down
        && migration.parts.rest == rest
}

/// The parts that differ: `up`, `down`, `shared code`, `behaviour attributes`.
fn changed_parts(migration: &Migration, state: &StateRow) -> String {
    let [up, down, rest] = &state.parts;
    let now = migration.parts;
    let mut changed = Vec::new();
    let mut attributes = false;
    for (step, name, same) in [(0, "up", now.up == up), (1, "down", now.down == down)] {
        if same {
            continue;
        }
        let (code, attribute) = changed_halves(step, &state.details, now.details);
        changed.extend(code.then_some(name));
        attributes |= attribute;
    }
    if now.rest != rest {
        changed.push("shared code");
    }
    // A checksum that no part accounts for was made of something else than its parts.
    if attributes || changed.is_empty() {
        changed.push("behaviour attributes");
    }
    changed.join(", ")
}

/// Whether the code and the attribute of a step that changed did so; without details of both, the code did.
fn changed_halves(step: usize, then: &str, now: &str) -> (bool, bool) {
    let halves = |details: &str| {
        let mut halves = details.split('.').skip(2 * step).map(str::to_owned);
        Some((halves.next()?, halves.next()?)).filter(|(code, _)| code != "-")
    };
    match (halves(then), halves(now)) {
        (Some(then), Some(now)) => match (then.0 != now.0, then.1 != now.1) {
            (false, false) => (true, false),
            differs => differs,
        },
        _ => (true, false),
    }
}
