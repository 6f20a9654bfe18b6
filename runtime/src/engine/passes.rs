//! Completed means correct (P7): what `remaining` still matches after the last page is visited again, as long as that helps.

use super::plan::Work;
use super::visit::Execution;
use crate::error::{Error, Result};
use crate::history::{Progress, RangeRow};
use crate::store::Page;

impl Execution<'_, '_, '_> {
    /// How many documents of a batch that visits `remaining` match it still.
    pub(super) fn still_matching(&mut self) -> Result<u64> {
        let Some(last) = self.batch.ctx.keys.last().filter(|_| self.range.pass > 1) else {
            return Ok(0);
        };
        let page = Page {
            until: Some(last.clone()),
            limit: self.batch.ctx.keys.len(),
            ..self.batch.page.clone()
        };
        let mut matching = 0;
        self.batch.ctx.session.read_page(&page, &mut |_| {
            matching += 1;
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
        let left = self
            .batch
            .ctx
            .session
            .count(&table, Some(predicate), None)?;
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
