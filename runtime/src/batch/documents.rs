//! The documents of a batch: those of its page, those that somebody changed meanwhile, and, once the page is stale, those
//! that are there now.

use super::{Batch, ROUNDS, Redo};
use crate::ctx::Ctx;
use crate::document::{DecodeError, document_from_row};
use crate::error::{Error, Result};
use crate::store::Page;
use crate::value::{Key, Row, Value, show_key};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::vec;

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
    /// Positions of documents that somebody changed between our reading and our writing: the step gets them again (P3).
    again: VecDeque<usize>,
    rounds: usize,
}

impl<T: DeserializeOwned> Documents<T> {
    /// Reads the page.
    ///
    /// # Errors
    /// The database cannot read it.
    pub fn read(batch: &mut Batch) -> Result<Self> {
        let Batch {
            ctx,
            page,
            fields,
            only,
            ..
        } = batch;
        let Ctx { session, keys, .. } = ctx;
        let mut decoded = Vec::with_capacity(page.limit.min(4096));
        let mut fault = None;
        let width = page.columns.len();
        let mut take = |row: &dyn Row| {
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
        };
        match only {
            Some(key) => session.read_one(page, key, &mut take).map(drop)?,
            None => session.read_page(page, &mut take)?,
        }
        batch.truncated = fault.is_some();
        if batch.only.is_none() {
            batch.prefetch()?;
        }
        batch.counter_at_read = batch.ctx.session.change_counter()?;
        Ok(Documents {
            full: fault.is_none()
                && batch.only.is_none()
                && batch.ctx.keys.len() == batch.page.limit,
            decoded: decoded.into_iter(),
            next: 0,
            fault,
            stale: false,
            end: None,
            again: VecDeque::new(),
            rounds: 0,
        })
    }

    /// The next document, in key order.
    ///
    /// # Errors
    /// A document that does not fit the type, named with its table, key and column.
    pub fn next(&mut self, batch: &mut Batch) -> Result<Option<T>> {
        batch.beat();
        if !self.stale {
            match self.decoded.next() {
                Some(document) if !batch.changed_elsewhere()? => {
                    self.hand_out(batch);
                    return Ok(Some(document));
                }
                Some(_) => {}
                None if self.fault.is_none() && batch.defer_last() => return Ok(None),
                None => {
                    batch.flush()?;
                    if self.full || !batch.changed_elsewhere()? {
                        return self.changed_meanwhile(batch);
                    }
                }
            }
            // For good: whoever has changed rows once may do so again.
            self.stale = true;
            self.end = batch.ctx.keys.last().filter(|_| self.full).cloned();
        }
        self.look_for_next(batch)
    }

    /// After the last document of the page: those that somebody changed before our patches came, as they are now.
    fn changed_meanwhile(&mut self, batch: &mut Batch) -> Result<Option<T>> {
        loop {
            if let Some(position) = self.again.pop_front() {
                match self.read_again(batch, position)? {
                    Some(document) => return Ok(Some(document)),
                    // Gone, or no longer one of those to visit.
                    None => continue,
                }
            }
            if batch.ctx.missed.is_empty() {
                break;
            }
            self.rounds += 1;
            if self.rounds > ROUNDS {
                batch.redo = Some(Redo::Locked);
                return Err(Error::step("documents keep changing; they are locked"));
            }
            batch.ctx.missed.sort_unstable();
            self.again.extend(batch.ctx.missed.drain(..));
        }
        match self.fault.take() {
            None => Ok(None),
            Some(fault) => {
                batch.current = self.next;
                Err(fault)
            }
        }
    }

    fn read_again(&mut self, batch: &mut Batch, position: usize) -> Result<Option<T>> {
        let Batch {
            ctx, page, fields, ..
        } = batch;
        let Ctx { session, keys, .. } = ctx;
        let key = &keys[position];
        let mut found = None;
        session.read_again(page, position, key, &mut |row| {
            found = Some(
                document_from_row(row, fields)
                    .map_err(|error| explain(page, &fields.names, row, key, error)),
            );
            Ok(())
        })?;
        batch.current = position;
        if found.is_some() {
            // It is the same document, visited once.
            batch.processed -= 1;
        }
        found.transpose()
    }

    fn hand_out(&mut self, batch: &mut Batch) {
        batch.current = self.next;
        batch.ctx.in_hand = self.next;
        self.next += 1;
    }

    /// The next document as the table has it now: one that is gone is passed over, one that was inserted is found.
    fn look_for_next(&mut self, batch: &mut Batch) -> Result<Option<T>> {
        batch.flush()?;
        if !batch.ctx.missed.is_empty() {
            batch.redo = Some(Redo::Locked);
            return Err(Error::step("a document changed meanwhile; it is locked"));
        }
        let Batch {
            ctx, page, fields, ..
        } = batch;
        // From here on every document is locked as it is read.
        ctx.guarded = false;
        let Ctx { session, keys, .. } = ctx;
        keys.truncate(self.next);
        if keys.len() == page.limit {
            return Ok(None);
        }
        let one = Page {
            after: keys.last().or(page.after.as_ref()).cloned(),
            until: self.end.clone().or_else(|| page.until.clone()),
            limit: 1,
            lock: true,
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

/// The key that a row of a page ends with.
pub(crate) fn key_of(row: &dyn Row, start: usize, parts: usize) -> Result<Key> {
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
