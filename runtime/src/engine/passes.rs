//! Completed means correct (P7): what `remaining` still matches after the last page is visited again, as long as that helps.

use super::plan::Work;
use super::visit::Execution;
use crate::batch::key_of;
use crate::error::{Error, Result};
use crate::history::{Progress, RangeRow};
use crate::store::Page;
use std::time::{Duration, Instant};

impl Execution<'_, '_, '_> {
    /// How many documents of a batch that visits `remaining` match it still.
    pub(super) fn still_matching(&mut self) -> Result<u64> {
        let Some(last) = self.batch.ctx.keys.last().filter(|_| self.range.pass > 1) else {
            return Ok(0);
        };
        let page = Page {
            until: Some(last.clone()),
            limit: self.batch.ctx.keys.len() * 4,
            ..self.batch.page.clone()
        };
        let width = page.columns.len();
        let parts = page.table.key.len();
        let ctx = &mut self.batch.ctx;
        // What an app inserts between them meanwhile was not visited. Both lists are in key order.
        let mut visited = ctx.keys.iter();
        let mut matching = 0;
        ctx.session.read_page(&page, &mut |row| {
            let key = key_of(row, width, parts)?;
            if let Some(at) = visited.clone().position(|visited| *visited == key) {
                visited.nth(at);
                matching += 1;
            }
            Ok(())
        })?;
        Ok(matching)
    }

    /// After the last page: `remaining` must match no document. What it still matches is visited again, as long as that
    /// helps. Says which range to visit, and how many documents match.
    pub(super) fn next_pass(
        &mut self,
        range: &RangeRow,
        stuck: u64,
    ) -> Result<Option<(RangeRow, u64)>> {
        let Some(predicate) = self.work.step.remaining else {
            return Ok(None);
        };
        let table = self.batch.page.table.clone();
        let begun = Instant::now();
        let left = self
            .batch
            .ctx
            .session
            .count(&table, Some(predicate), None)?;
        if left > 0 && range.pass >= CHASES {
            self.close(range.pass, left, begun.elapsed(), predicate)?;
        }
        match self.remaining {
            _ if left == 0 => Ok(None),
            // What the app inserts meanwhile matches too, and is no fault of the step's: it is visited in the next pass.
            Some(before) if left >= before && stuck > 0 => Err(Error::step(format!(
                "{left} documents of {} still match `{predicate}` after visiting them again; the step does not change what it should, so the migration is not complete",
                table.name
            ))),
            _ => {
                let range = RangeRow {
                    index: 0,
                    run_id: range.run_id.clone(),
                    pass: range.pass + 1,
                    // To the end of the table as the last batch sees it, or an app that inserts would always be ahead.
                    ..RangeRow::new(range.direction, None, None, left)
                };
                Ok(Some((range, left)))
            }
        }
    }
}

/// After this many passes an app inserts what matches as fast as it is visited, and is to be held for a moment.
const CHASES: i64 = 3;
/// After this many it does so faster.
const MOST_CHASES: i64 = 60;
/// How long a count may take during which writers wait.
const MOMENT: Duration = Duration::from_millis(250);
/// How many documents may be visited while writers wait.
pub(super) const FEW: u64 = 2_000;

impl Execution<'_, '_, '_> {
    /// The next pass keeps writers out, if that takes a moment only: what it finds is then all there is.
    fn close(&mut self, pass: i64, left: u64, took: Duration, predicate: &str) -> Result<()> {
        if took < MOMENT && left < FEW {
            self.closing = true;
        } else if pass > MOST_CHASES {
            return Err(Error::step(format!(
                "{left} documents of {} match `{predicate}` after {pass} passes: they are inserted faster than they can be visited; stop what inserts them, and run again",
                self.batch.page.table.name
            )));
        }
        Ok(())
    }
}

/// The documents a pass visits: the first those of `filter`, later ones those that `remaining` still matches.
pub(super) fn pass_filter(work: &Work, pass: i64) -> Option<&'static str> {
    if pass > 1 {
        work.step.remaining
    } else {
        work.step.filter
    }
}

/// A step that inserts into its own table ahead of itself would never end. Twice what was counted, and some, is enough for
/// any app that inserts meanwhile.
pub(super) fn refuse_endless_growth(work: &Work, progress: &Progress) -> Result<()> {
    const SOME: u64 = 10_000;
    if progress.processed <= progress.total * 2 + SOME {
        return Ok(());
    }
    Err(Error::step(format!(
        "{} documents were visited although {} were counted when the step began: {} keeps growing ahead of the cursor, probably because the step inserts into it; \
         insert into another table, or give the step a `filter` that leaves its own rows out",
        progress.processed, progress.total, work.step.table.name
    )))
}
