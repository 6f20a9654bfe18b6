//! What differs between applied history and the code. Pure.

use crate::history::{Direction, History, Spread, StateRow};
use crate::manifest::{Manifest, Migration};
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
    if !state.checksum.starts_with(ALGORITHM) {
        let algorithm = state.checksum.split(':').next().unwrap_or_default();
        return format!(
            "migration {id} was recorded with checksum algorithm {algorithm}, which this build does not know; update this program's driftless"
        );
    }
    let parts = changed_parts(migration, state);
    if is_half_done(state) {
        let (percent, direction) = (state.percent(), state.direction);
        let back = match direction {
            Direction::Up => "roll back the part that was done (`down`)",
            Direction::Down => "finish rolling back with the code that began it (restore the file)",
        };
        return format!(
            "migration {id} changed ({parts}) while its {direction} is {percent} % done; restore the file, or choose: resume as it is (`{direction} --allow-drift --reason …`), begin again from the first document (`up --restart`), {back}"
        );
    }
    format!(
        "migration {id} changed after it was applied ({parts}); restore the file and write a new migration for the change, or let one run pass with `--allow-drift --reason …`"
    )
}

fn changed_parts(migration: &Migration, state: &StateRow) -> String {
    let now = [
        migration.parts.up,
        migration.parts.down,
        migration.parts.rest,
    ];
    let names = ["up", "down", "shared code"];
    let changed: Vec<&str> = names
        .into_iter()
        .zip(now.into_iter().zip(&state.parts))
        .filter(|(_, (now, then))| now != then)
        .map(|(name, _)| name)
        .collect();
    if changed.is_empty() {
        "its attributes".into()
    } else {
        changed.join(", ")
    }
}
