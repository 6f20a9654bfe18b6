//! Migrations that come too late, and databases that come too early. Pure.

use super::drift;
use super::plan::{Begin, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{History, StateRow};
use crate::manifest::{Manifest, Retired};
use crate::migrator::OutOfOrder;

/// A pending migration older than the newest applied one comes from a late branch: what is said of each, or a refusal.
pub(super) fn late(
    history: &History,
    work: &[Work],
    out_of_order: OutOfOrder,
) -> Result<Vec<String>> {
    let Some(newest) = history.states.iter().rfind(|state| state.applied) else {
        return Ok(Vec::new());
    };
    let newest = newest.migration_id.as_str();
    let is_late = |work: &&Work| {
        let state = history.state(work.migration.id);
        work.migration.id < newest
            && work.begin == Begin::Fresh
            && state.is_none_or(|state| !state.applied)
    };
    let late: Vec<&str> = work
        .iter()
        .filter(is_late)
        .map(|work| work.migration.id)
        .collect();
    if let (OutOfOrder::Refuse, [first, ..]) = (out_of_order, late.as_slice()) {
        return Err(Error::new(
            ErrorKind::Drift,
            format!(
                "migration {first} is older than {newest}, which is applied already, and `out_of_order` is \"refuse\"; give its file a timestamp of today, or let this run pass with `--out-of-order warn`. Nothing was done"
            ),
        ));
    }
    let said = late.into_iter().map(|id| {
        format!(
            "migration {id} is older than {newest}, which is applied already; it is applied late"
        )
    });
    Ok(said.collect())
}

/// The retired migrations that a database does not have: their code is gone, so it has to begin with what they did.
pub(super) fn missing<'h>(
    manifest: &Manifest,
    history: &'h History,
) -> Vec<(&'static Retired, Option<&'h StateRow>)> {
    let states = manifest
        .retired()
        .iter()
        .map(|retired| (retired, history.state(retired.id)));
    states
        .filter(|(_, state)| {
            state.is_none_or(|state| !state.applied && !drift::is_half_done(state))
        })
        .collect()
}

/// Refuses to go on from a database that lacks retired migrations, and says which baseline it needs.
pub(super) fn check_baseline(manifest: &Manifest, history: &History) -> Result<()> {
    let missing = missing(manifest, history);
    let ([(first, _), ..], [.., (last, _)]) = (missing.as_slice(), missing.as_slice()) else {
        return Ok(());
    };
    let (first, last) = (first.id, last.id);
    let which = match missing.len() {
        1 => format!("the retired migration {last} is"),
        count => format!("{count} retired migrations ({first} to {last}) are"),
    };
    Err(Error::new(
        ErrorKind::Drift,
        format!(
            "{which} not applied on this database, and the code is no longer in this program; it needs a baseline that has {last}: restore a dump of a database that has it, `migration_*` tables included, or, when it holds no rows from before, record that with `baseline --reason …`. Nothing was done"
        ),
    ))
}
