//! Which range a worker visits next: a free one, or half of what another worker has left.
//!
//! There is no plan of who visits what. A step begins with one range. A worker without one leases a range that is free or
//! whose worker is gone; when there is none, it takes the second half of the range with the most documents left. So the
//! work is even at every moment, whoever joins or leaves and however the keys are spread: the middle is found by counting
//! documents, not by computing with keys.

use super::lease;
use super::open::in_transaction;
use super::run::Drive;
use super::step::Step;
use crate::error::Result;
use crate::history::{self, RangeFence, RangeRow};
use crate::store::{Limit, Session};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What there is for a worker to do.
pub(super) enum Acquired {
    /// A range, leased; in a dry run there is nothing to lease.
    Range(Box<RangeRow>, Option<RangeFence>),
    /// Others visit what is left.
    Wait,
    /// The step has ended, or the run has.
    Over,
}

/// Smaller ranges are not worth another worker.
const WORTH_SPLITTING: u64 = 2_000;

/// Ranges that others hold, as they were when they last changed, and since when they have not, by our own clock: a
/// database whose clock was set back makes a lease look longer than it is.
#[derive(Default)]
pub(super) struct Watch(HashMap<i64, (i64, String, Instant)>);

impl Watch {
    /// Whether a range's worker has given no sign of life for this long.
    fn is_still(&mut self, range: &RangeRow, patience: Duration) -> bool {
        let seen = self
            .0
            .entry(range.index)
            .or_insert_with(|| (range.epoch, range.updated_at.clone(), Instant::now()));
        if (seen.0, seen.1.as_str()) != (range.epoch, range.updated_at.as_str()) {
            *seen = (range.epoch, range.updated_at.clone(), Instant::now());
        }
        seen.2.elapsed() > patience
    }
}

/// Looks for a range to visit.
pub(super) fn acquire(
    step: &Step<'_, '_>,
    session: &mut dyn Session,
    watch: &mut Watch,
) -> Result<Acquired> {
    let drive = step.drive;
    let Some(holder) = drive.holder else {
        let untaken = step
            .opened
            .ranges
            .get(step.taken.fetch_add(1, Ordering::Relaxed));
        return Ok(match untaken {
            Some(range) => Acquired::Range(Box::new(range.clone()), None),
            None => Acquired::Over,
        });
    };
    let id = step.work.migration.id;
    loop {
        let (run, ranges) = in_transaction(drive, session, |session| {
            let run = history::load_run(session, &drive.run_id)?;
            Ok((run, history::load_ranges(session, id)?))
        })?;
        let going_on = run.is_some_and(|run| run.is_active());
        let ours = |range: &&RangeRow| range.run_id == *drive.run_id && !range.done;
        if !going_on || !ranges.iter().any(|range| ours(&range)) {
            return Ok(Acquired::Over);
        }
        let patience = drive.migrator.lease * 2;
        let free = ranges
            .iter()
            .filter(ours)
            .find(|range| is_free(range) || watch.is_still(range, patience));
        if let Some(free) = free {
            let leased = in_transaction(drive, session, |session| {
                history::lease(session, id, free, &holder.name, drive.migrator.lease)
            })?;
            match leased {
                Some(fence) => {
                    let range = RangeRow {
                        epoch: fence.epoch,
                        ..free.clone()
                    };
                    return Ok(Acquired::Range(Box::new(range), Some(fence)));
                }
                // Somebody was faster; there may be more.
                None => continue,
            }
        }
        let biggest = ranges
            .iter()
            .filter(ours)
            .filter(|range| range.pass == 1 && range.left() >= WORTH_SPLITTING)
            .max_by_key(|range| range.left());
        let splits = !drive.migrator.limits().contains(&Limit::OneWriter);
        return match biggest.filter(|_| splits) {
            Some(range) => half_of(drive, step, session, range, &holder.name),
            None => Ok(Acquired::Wait),
        };
    }
}

/// Whether nobody visits the range, as far as can be told from here.
fn is_free(range: &RangeRow) -> bool {
    range.expired || range.holder.as_deref().is_none_or(lease::is_gone)
}

fn half_of(
    drive: &Drive<'_>,
    step: &Step<'_, '_>,
    session: &mut dyn Session,
    range: &RangeRow,
    holder: &str,
) -> Result<Acquired> {
    let theirs = RangeFence {
        run_id: range.run_id.clone(),
        migration_id: step.work.migration.id.to_owned(),
        index: range.index,
        epoch: range.epoch,
        lease: drive.migrator.lease,
    };
    let split = in_transaction(drive, session, |session| {
        // From here on its worker waits with its next commit, for as long as finding the middle takes.
        let Some(range) = history::hold(session, &theirs)? else {
            return Ok(None);
        };
        let table = &step.opened.table;
        let middle = session.middle(table, range.position(), range.until.as_ref())?;
        match middle.filter(|middle| Some(middle) != range.until.as_ref()) {
            None => Ok(None),
            Some(middle) => history::split(session, &range, &theirs, &middle, holder).map(Some),
        }
    })?;
    Ok(match split {
        Some((range, fence)) => Acquired::Range(Box::new(range), Some(fence)),
        None => Acquired::Wait,
    })
}
