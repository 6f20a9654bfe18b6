//! The inside of one batch: a page of documents, handed to the step one after another, and their patches written.
//!
//! A batch behaves as if its documents were processed one at a time in key order. Two things make it fast all the same:
//! the page is read at once, and patches are written together. Both are given up exactly where they could be noticed:
//! patches are flushed before the step looks at the database, and once anything but our own patches has changed rows,
//! the documents that are left are looked for in the table, one after another.

mod documents;

pub use documents::Documents;
pub(crate) use documents::key_of;

use crate::ctx::{Ctx, check_patch, whole_rows};
use crate::document::Fields;
use crate::engine::Heart;
use crate::error::{BoxError, Error, Result};
use crate::manifest::WriteMode;
use crate::migrator::Difference;
use crate::patch::{Patch, StepResult, same_name};
use crate::store::{Arrived, Page};
use crate::value::{Key, Value, show_key};
use std::borrow::Cow;

/// How often documents that somebody changed meanwhile are read and stepped through again, before their page is locked.
const ROUNDS: usize = 5;

/// How a batch must be done again, because the way it was tried could have been noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redo {
    /// One document at a time, and every batch after it: writes have effects of their own on other rows.
    OneByOne,
    /// One document at a time, this once: to find the one that cannot be written.
    OneByOneOnce,
    /// With its rows locked, this once: somebody changes them while we work.
    Locked,
    /// With every write waited for: some rows were not as they were read, and one is to know which.
    Watched,
}

/// How many batches are watched after somebody had changed rows of one.
pub(crate) const WATCHED: u32 = 16;

/// One batch while the generated step function works on it.
pub struct Batch {
    pub(crate) ctx: Ctx,
    pub(crate) page: Page,
    /// The columns of the page as the document type reads them.
    pub(crate) fields: Fields,
    /// Position of the document in hand.
    pub(crate) current: usize,
    /// Documents handed to the step.
    pub(crate) processed: u64,
    /// Write every patch before the next document is handed out.
    pub(crate) eager: bool,
    /// Set when the batch must be done again in another way.
    pub(crate) redo: Option<Redo>,
    /// For how many batches to come every write is waited for.
    pub(crate) watched: u32,
    /// Whether the last patches are left to [`Batch::post_deferred`].
    pub(crate) deferred: bool,
    /// Whether the last patches were posted, so that it is not yet known what became of them.
    pub(crate) posted: bool,
    /// How many rows the patches that were posted are to change.
    pub(crate) expected: u64,
    /// Keeps the lease while a step takes its time.
    pub(crate) heart: Option<Heart>,
    /// The one document to visit, whatever the page says.
    pub(crate) only: Option<Key>,
    /// How many differences to collect.
    pub(crate) sample: usize,
    pub(crate) differences: Vec<Difference>,
    /// The page ends before its limit because a document could not be decoded, not because the table ends.
    pub(crate) truncated: bool,
    counter_at_read: u64,
    /// The columns of the patch that was checked last.
    checked: Option<Vec<Cow<'static, str>>>,
}

impl Batch {
    pub(crate) fn new(ctx: Ctx, page: Page, fields: Fields) -> Self {
        Batch {
            ctx,
            page,
            fields,
            current: 0,
            processed: 0,
            eager: false,
            redo: None,
            watched: 0,
            deferred: false,
            posted: false,
            expected: 0,
            heart: None,
            only: None,
            sample: 0,
            differences: Vec::new(),
            truncated: false,
            counter_at_read: 0,
            checked: None,
        }
    }

    /// Makes the batch ready for its next page (or the same one again).
    pub(crate) fn reset(&mut self) {
        self.ctx.keys.clear();
        self.current = 0;
        self.processed = 0;
        self.redo = None;
        self.deferred = false;
        self.posted = false;
        self.differences.clear();
        self.ctx.pending.clear();
        self.ctx.poison = None;
        self.ctx.noticed = false;
        self.ctx.used = false;
        self.ctx.unattributed = false;
        self.ctx.missed.clear();
        self.ctx.guarded = !self.page.lock;
        self.ctx.in_hand = 0;
        self.truncated = false;
        self.ctx.changed = 0;
        self.ctx.own_writes = 0;
        self.ctx.passed.clear();
    }

    /// What the step reaches besides its document.
    pub fn ctx(&mut self) -> &mut Ctx {
        &mut self.ctx
    }

    /// Takes what the step returned for the document in hand.
    ///
    /// # Errors
    /// The step failed, or its patch cannot be written.
    pub fn accept<R: StepResult>(&mut self, result: R) -> Result<()> {
        self.accept_patch(result.into_patch())
    }

    fn accept_patch(&mut self, result: Result<Patch, BoxError>) -> Result<()> {
        self.check_unnoticed()?;
        if let Some(poison) = self.ctx.poison.take() {
            self.current = poison.position.unwrap_or(self.current);
            return Err(poison.error);
        }
        let patch =
            result.map_err(|error| Error::step("the step returned an error").with_source(error))?;
        self.processed += 1;
        if patch.is_none() {
            return Ok(());
        }
        self.check(&patch)?;
        self.ctx.passed.removed |= patch.is_delete();
        if self.differences.len() < self.sample {
            return self.write_and_compare(patch);
        }
        if self.hooked() {
            let key = self.ctx.keys[self.current].clone();
            return self.write_hooked(key, patch);
        }
        self.ctx.pending.push((self.current, patch));
        let enough = if self.eager {
            1
        } else {
            self.ctx.session.together()
        };
        if self.ctx.pending.len() >= enough {
            self.flush()?;
        }
        Ok(())
    }

    /// Checks a patch; one that sets the same columns as the last one needs no second look.
    fn check(&mut self, patch: &Patch) -> Result<()> {
        let alike = |known: &Vec<Cow<'static, str>>| {
            known.len() == patch.columns.len()
                && known
                    .iter()
                    .zip(&patch.columns)
                    .all(|(known, (name, _))| same_name(known, name))
        };
        if !patch.delete && patch.fault.is_none() && self.checked.as_ref().is_some_and(alike) {
            return Ok(());
        }
        check_patch(&self.ctx.table, patch)?;
        if !patch.delete {
            self.checked = Some(patch.columns.iter().map(|(name, _)| name.clone()).collect());
        }
        Ok(())
    }

    /// Ends the batch: writes what is left.
    ///
    /// # Errors
    /// A patch that cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        match self.deferred {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn hooked(&self) -> bool {
        self.ctx.write_mode == WriteMode::Normal
            && !self.ctx.hooks.of(&self.ctx.table.name).is_empty()
    }

    fn write_hooked(&mut self, key: Key, patch: Patch) -> Result<()> {
        let table = self.ctx.table.clone();
        let written = self.ctx.write_with_hooks(&table, key, patch);
        // What the database told a hook counts, not what the hook made of it.
        let poison = &mut self.ctx.poison;
        if written.map_err(|error| poison.take().map_or(error, |poison| poison.error))? {
            self.ctx.changed += 1;
            self.ctx.own_writes += 1;
        }
        Ok(())
    }

    /// Writes the patches in hand; the failure is that of the document it belongs to.
    fn flush(&mut self) -> Result<()> {
        let flushed = self
            .ctx
            .flush()
            .map_err(|shown| match self.ctx.poison.take() {
                Some(poison) => {
                    self.current = poison.position.unwrap_or(self.current);
                    poison.error
                }
                None => shown,
            });
        self.check_unnoticed()?;
        flushed
    }

    /// Leaves the last patches of the batch to the engine, which sends them without waiting: what became of them is known
    /// when the cursor has moved, in one round trip. Only for a step that looked at nothing but its documents. Says whether
    /// it did.
    fn defer_last(&mut self) -> bool {
        let ctx = &mut self.ctx;
        let plain = !(ctx.used || ctx.dry_run || self.eager || self.page.lock);
        if !plain || self.watched > 0 || ctx.pending.is_empty() || !ctx.missed.is_empty() {
            return false;
        }
        self.deferred = ctx.session.can_post(&ctx.table, &ctx.pending);
        self.deferred
    }

    /// Sends the patches that were left to the engine, if there are any.
    pub(crate) fn post_deferred(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.deferred) {
            return Ok(());
        }
        let ctx = &mut self.ctx;
        self.expected = ctx.pending.len() as u64;
        self.posted = ctx
            .session
            .post_write(&ctx.table, &ctx.keys, &ctx.pending, ctx.guarded)?;
        ctx.pending.clear();
        match self.posted {
            true => Ok(()),
            // A value that cannot be sent is a matter of one document, which is found by waiting for every write.
            false => self.again(Redo::Watched),
        }
    }

    /// The batch is to be done again, in another way.
    fn again(&mut self, redo: Redo) -> Result<()> {
        if redo == Redo::Watched {
            self.watched = WATCHED;
        }
        self.redo = Some(redo);
        Err(Error::step(format!("the batch is done again ({redo:?})")))
    }

    /// What became of the patches that were posted; `failed` is why the statement after them failed, if it did.
    pub(crate) fn settle(&mut self, failed: Option<&Error>) -> Result<()> {
        if !std::mem::take(&mut self.posted) {
            return Ok(());
        }
        match self.ctx.session.written()? {
            Arrived::Written(rows) => {
                self.ctx.changed += rows;
                self.ctx.own_writes += rows;
                Ok(())
            }
            Arrived::Short => self.again(Redo::Watched),
            // The database or whoever uses it is to blame, not a document.
            Arrived::Failed if failed.is_some_and(Error::is_busy) => Ok(()),
            Arrived::Failed => self.again(Redo::OneByOneOnce),
        }
    }

    /// The failure that one-at-a-time would have had. A document failed while patches before it were not written yet: one
    /// of those may fail first, or may have changed or removed this very document, which then was stale.
    pub(crate) fn first_failure(&mut self, error: Error) -> Error {
        // Outside of the transaction nothing is written, whatever ended it.
        if !self.ctx.session.in_transaction() {
            return error;
        }
        self.flush().err().unwrap_or(error)
    }

    /// Writing patches together must not be noticeable: see [`Ctx::noticed`]. Nor must it be that somebody else changed a
    /// document after the step looked further than at its documents.
    fn check_unnoticed(&mut self) -> Result<()> {
        if self.ctx.unattributed && !self.eager {
            self.redo = Some(Redo::OneByOneOnce);
        } else if self.ctx.noticed && !self.eager {
            self.redo = Some(Redo::OneByOne);
        } else if self.ctx.used && !self.ctx.missed.is_empty() {
            self.redo = Some(Redo::Locked);
        }
        match self.redo {
            Some(redo) => self.again(redo),
            None => Ok(()),
        }
    }

    /// Whether anything but our own patches changed rows since the page was read.
    fn changed_elsewhere(&mut self) -> Result<bool> {
        let counter = self.ctx.session.change_counter()?;
        Ok(counter != self.counter_at_read + self.ctx.own_writes)
    }

    /// Lets the reading of the next page begin while the step works on this one. What the step does besides patching its
    /// documents may change what the next page is, so then it is forgotten again.
    fn prefetch(&mut self) -> Result<()> {
        let last = self.ctx.keys.last();
        let more = self.ctx.keys.len() == self.page.limit && last != self.page.until.as_ref();
        if !more || self.page.lock || self.eager || self.ctx.dry_run {
            return Ok(());
        }
        let next = Page {
            after: last.cloned(),
            ..self.page.clone()
        };
        self.ctx.session.prefetch(&next)
    }

    /// Renews the lease when it is due and no transaction is in the way.
    fn beat(&mut self) {
        if let Some(heart) = &mut self.heart {
            heart.beat(&mut *self.ctx.session);
        }
    }

    /// Dry run: writes one patch at once and keeps the row as it was before and after.
    fn write_and_compare(&mut self, patch: Patch) -> Result<()> {
        self.flush()?;
        let key = self.ctx.keys[self.current].clone();
        let before = self.whole_row(&key)?;
        if self.hooked() {
            self.write_hooked(key.clone(), patch)?;
        } else {
            self.ctx.pending.push((self.current, patch));
            self.ctx
                .flush()
                .map_err(|shown| self.ctx.poison.take().map_or(shown, |poison| poison.error))?;
        }
        let after = self.whole_row(&key)?;
        let table = &self.ctx.table;
        let columns = match (before, after) {
            (Some(before), Some(after)) => compare(table, &before, &after),
            (Some(before), None) => table
                .columns
                .iter()
                .zip(before)
                .map(|(column, value)| (column.name.clone(), value.to_string(), None))
                .collect(),
            _ => Vec::new(),
        };
        self.differences.push(Difference {
            table: table.name.clone(),
            key: show_key(&key),
            columns,
        });
        Ok(())
    }

    fn whole_row(&mut self, key: &[Value]) -> Result<Option<Vec<Value>>> {
        let page = Page {
            filter: None,
            ..whole_rows(&self.page)
        };
        let mut found = None;
        self.ctx.session.read_one(&page, key, &mut |row| {
            found = Some(
                (0..page.columns.len())
                    .map(|at| row.cell(at).map(|cell| cell.to_owned()))
                    .collect::<Result<_>>()?,
            );
            Ok(())
        })?;
        Ok(found)
    }

    /// The document in hand, for messages.
    pub(crate) fn current_key(&self) -> Option<String> {
        self.ctx.keys.get(self.current).map(|key| show_key(key))
    }
}

fn compare(
    table: &crate::store::TableInfo,
    before: &[Value],
    after: &[Value],
) -> Vec<(String, String, Option<String>)> {
    let cells = table.columns.iter().zip(before.iter().zip(after));
    cells
        .filter(|(_, (before, after))| before != after)
        .map(|(column, (before, after))| {
            (
                column.name.clone(),
                before.to_string(),
                Some(after.to_string()),
            )
        })
        .collect()
}
