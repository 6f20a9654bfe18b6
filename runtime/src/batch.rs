//! The inside of one batch: a page of documents, handed to the step one after another, and their patches written.
//!
//! A batch behaves as if its documents were processed one at a time in key order. Two things make it fast all the same:
//! the page is read at once, and patches are written together. Both are given up exactly where they could be noticed:
//! patches are flushed before the step looks at the database, and once anything but our own patches has changed rows,
//! the documents that are left are looked for in the table, one after another.

use crate::ctx::{Ctx, check_patch, whole_rows};
use crate::document::{DecodeError, Fields, document_from_row};
use crate::error::{BoxError, Error, Result};
use crate::manifest::WriteMode;
use crate::migrator::Difference;
use crate::patch::{Patch, StepResult, same_name};
use crate::store::Page;
use crate::value::{Key, Row, Value, show_key};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::vec;

/// How many patches are written together: enough to share the preparations, few enough that the values are still in the
/// processor's cache when they are bound (measured on SQLite: a page of 1,024 at once is slower by a tenth).
const TOGETHER: usize = 256;

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
    /// Set when writing together turned out to be noticeable: the batch must be redone eagerly.
    pub(crate) needs_eager: bool,
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
            needs_eager: false,
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
        self.needs_eager = false;
        self.differences.clear();
        self.ctx.pending.clear();
        self.ctx.poison = None;
        self.ctx.noticed = false;
        self.ctx.in_hand = 0;
        self.truncated = false;
        self.ctx.changed = 0;
        self.ctx.own_writes = 0;
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
        if let Some(poison) = self.ctx.poison.take() {
            self.current = poison.position.unwrap_or(self.current);
            return Err(poison.error);
        }
        self.check_unnoticed()?;
        let patch =
            result.map_err(|error| Error::step("the step returned an error").with_source(error))?;
        self.processed += 1;
        if patch.is_none() {
            return Ok(());
        }
        self.check(&patch)?;
        if self.differences.len() < self.sample {
            return self.write_and_compare(patch);
        }
        if self.hooked() {
            let key = self.ctx.keys[self.current].clone();
            return self.write_hooked(key, patch);
        }
        self.ctx.pending.push((self.current, patch));
        let enough = if self.eager { 1 } else { TOGETHER };
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
        self.flush()
    }

    fn hooked(&self) -> bool {
        self.ctx.write_mode == WriteMode::Normal
            && !self.ctx.hooks.of(&self.ctx.table.name).is_empty()
    }

    fn write_hooked(&mut self, key: Key, patch: Patch) -> Result<()> {
        let table = self.ctx.table.clone();
        if self.ctx.write_with_hooks(&table, key, patch)? {
            self.ctx.changed += 1;
            self.ctx.own_writes += 1;
        }
        Ok(())
    }

    /// Writes the patches in hand; the failure is that of the document it belongs to.
    fn flush(&mut self) -> Result<()> {
        self.ctx
            .flush()
            .map_err(|shown| match self.ctx.poison.take() {
                Some(poison) => {
                    self.current = poison.position.unwrap_or(self.current);
                    poison.error
                }
                None => shown,
            })?;
        self.check_unnoticed()
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

    /// Writing patches together must not be noticeable: see [`Ctx::noticed`].
    fn check_unnoticed(&mut self) -> Result<()> {
        if self.ctx.noticed && !self.eager {
            self.needs_eager = true;
            return Err(Error::step("the batch is redone one document at a time"));
        }
        Ok(())
    }

    /// Whether anything but our own patches changed rows since the page was read.
    fn changed_elsewhere(&self) -> bool {
        self.ctx.session.change_counter() != self.counter_at_read + self.ctx.own_writes
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

/// The documents of a batch, decoded.
pub struct Documents<T> {
    decoded: vec::IntoIter<T>,
    next: usize,
    /// The document at which decoding stopped.
    fault: Option<Error>,
    /// The page held as many documents as it may, so that there may be more after it.
    full: bool,
    /// Set once rows were changed by anything but our own patches: documents are then looked for in the table, one by one.
    stale: bool,
    /// The last key of a full page that has gone stale.
    end: Option<Key>,
}

impl<T: DeserializeOwned> Documents<T> {
    /// Reads the page.
    ///
    /// # Errors
    /// The database cannot read it.
    pub fn read(batch: &mut Batch) -> Result<Self> {
        let Batch {
            ctx, page, fields, ..
        } = batch;
        let Ctx { session, keys, .. } = ctx;
        let mut decoded = Vec::with_capacity(page.limit.min(4096));
        let mut fault = None;
        let width = page.columns.len();
        session.read_page(page, &mut |row| {
            if fault.is_some() {
                return Ok(());
            }
            keys.push(key_of(row, width, page.table.key.len())?);
            match document_from_row(row, fields) {
                Ok(document) => decoded.push(document),
                Err(error) => {
                    fault = Some(explain(
                        page,
                        &fields.names,
                        row,
                        keys.last().map_or(&[], |key| key.as_slice()),
                        error,
                    ))
                }
            }
            Ok(())
        })?;
        batch.truncated = fault.is_some();
        batch.counter_at_read = batch.ctx.session.change_counter();
        Ok(Documents {
            full: fault.is_none() && batch.ctx.keys.len() == batch.page.limit,
            decoded: decoded.into_iter(),
            next: 0,
            fault,
            stale: false,
            end: None,
        })
    }

    /// The next document, in key order.
    ///
    /// # Errors
    /// A document that does not fit the type, named with its table, key and column.
    pub fn next(&mut self, batch: &mut Batch) -> Result<Option<T>> {
        if !self.stale {
            match self.decoded.next() {
                Some(document) if !batch.changed_elsewhere() => {
                    self.hand_out(batch);
                    return Ok(Some(document));
                }
                Some(_) => {}
                None if self.full => return Ok(None),
                None => {
                    batch.flush()?;
                    if !batch.changed_elsewhere() {
                        return match self.fault.take() {
                            None => Ok(None),
                            Some(fault) => {
                                batch.current = self.next;
                                Err(fault)
                            }
                        };
                    }
                }
            }
            // For good: whoever has changed rows once may do so again.
            self.stale = true;
            self.end = batch.ctx.keys.last().filter(|_| self.full).cloned();
        }
        self.look_for_next(batch)
    }

    fn hand_out(&mut self, batch: &mut Batch) {
        batch.current = self.next;
        batch.ctx.in_hand = self.next;
        self.next += 1;
    }

    /// The next document as the table has it now: one that is gone is passed over, one that was inserted is found.
    fn look_for_next(&mut self, batch: &mut Batch) -> Result<Option<T>> {
        batch.flush()?;
        let Batch {
            ctx, page, fields, ..
        } = batch;
        let Ctx { session, keys, .. } = ctx;
        keys.truncate(self.next);
        if keys.len() == page.limit {
            return Ok(None);
        }
        let one = Page {
            after: keys.last().or(page.after.as_ref()).cloned(),
            until: self.end.clone().or_else(|| page.until.clone()),
            limit: 1,
            ..page.clone()
        };
        let width = page.columns.len();
        let mut found = None;
        session.read_page(&one, &mut |row| {
            let key = key_of(row, width, page.table.key.len())?;
            found = Some(
                document_from_row(row, fields)
                    .map_err(|error| explain(page, &fields.names, row, &key, error)),
            );
            keys.push(key);
            Ok(())
        })?;
        // Behind the end of a full page there may be more, and not behind the end of the range.
        batch.truncated = found.is_none() && self.end.is_some();
        if found.is_some() {
            self.hand_out(batch);
        }
        found.transpose()
    }
}

fn key_of(row: &dyn Row, start: usize, parts: usize) -> Result<Key> {
    if parts == 1 {
        return Ok(Key::from_buf([row.cell(start)?.to_owned()]));
    }
    (start..start + parts)
        .map(|at| row.cell(at).map(|cell| cell.to_owned()))
        .collect()
}

/// Names table, key and column of a document that does not fit its type, and what the cell really holds.
fn explain(page: &Page, names: &[&str], row: &dyn Row, key: &[Value], error: DecodeError) -> Error {
    let table = &page.table.name;
    let key = show_key(key);
    let message = match error.position.map(|at| (names.get(at), row.cell(at))) {
        Some((Some(column), Ok(cell))) => {
            format!(
                "document {key} of {table}: column {column} holds {} ({}) and cannot be read: {}",
                cell.kind(),
                cell.to_owned(),
                error.reason
            )
        }
        Some((Some(column), Err(_))) => format!(
            "document {key} of {table}: column {column} cannot be read: {}",
            error.reason
        ),
        _ => format!("document {key} of {table} cannot be read: {}", error.reason),
    };
    Error::step(message)
}
