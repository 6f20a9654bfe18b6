//! A batch that commits by itself while the step works on the next one.
//!
//! Its changes, its cursor and its counters are sent, and the store commits as soon as it knows that they all went in. The
//! worker goes on as if they had: it reads the next page and calls the step, both without touching the transaction. Before
//! anything of the next batch is sent, it is known what became of this one; if it is not committed, the next one is
//! forgotten and the worker goes back. The step may then be called again for documents it has seen, as after any batch that
//! is done again.

use super::open::in_transaction;
use super::state::{Happening, next};
use super::visit::{Execution, Outcome};
use crate::batch::WATCHED;
use crate::error::{Error, Result};
use crate::history::{self, Advanced, Fate, Progress, RangeFence, RangeRow};
use crate::store::Landed;
use std::time::{Duration, Instant};

/// A batch that is on its way.
pub(super) struct Flight {
    from: RangeRow,
    to: RangeRow,
    done: Progress,
    documents: usize,
    begun: Instant,
}

impl Execution<'_, '_, '_> {
    /// Sends the end of a batch whose changes were posted, where that is possible, and goes on as if it were committed.
    /// Says whether it did. The last batch of a range is waited for, since the step may end with it.
    pub(super) fn take_off(
        &mut self,
        fence: &RangeFence,
        to: &RangeRow,
        mut done: Progress,
        begun: Instant,
    ) -> Result<bool> {
        if !self.batch.posted || to.done || self.closing {
            return Ok(false);
        }
        let Some(standing) = next(self.step.opened.standing, Happening::Batch) else {
            return Ok(false);
        };
        done.changed = self.batch.expected;
        let distrust = self.distrust_aggregates(done.changed)?;
        let session = &mut *self.batch.ctx.session;
        let mut end = history::batch_end(session, fence, &self.range, to, standing, done);
        end.rest.extend(distrust);
        if !session.post_end(&end)? {
            return Ok(false);
        }
        self.batch.posted = false;
        self.flight = Some(Flight {
            from: std::mem::replace(&mut self.range, to.clone()),
            to: to.clone(),
            done,
            documents: self.batch.ctx.keys.len(),
            begun,
        });
        (self.batch.page.lock, self.batch.eager) = (self.locks, self.one_by_one);
        Ok(true)
    }

    /// Waits for the batch that is on its way. Returns what the worker does instead of going on, when it is not committed;
    /// the batch after it is then to be forgotten.
    pub(super) fn land(&mut self) -> Result<Option<Outcome>> {
        let Some(flight) = self.flight.take() else {
            return Ok(None);
        };
        match self.batch.ctx.session.landed() {
            Some(Landed::Committed {
                fence: canceled,
                work,
                commit,
            }) => {
                self.canceled |= canceled;
                self.looked = Instant::now();
                self.pace.took(flight.documents, work, commit);
                self.arrived(&flight);
                return Ok(None);
            }
            Some(Landed::Short) => self.batch.watched = WATCHED,
            Some(Landed::Fenced) => {
                self.abandon();
                return self.whereabouts(&flight).map(Some);
            }
            Some(Landed::Failed(error)) => {
                // Done again with every write waited for, it finds the document or the patience that is needed.
                self.batch.watched = WATCHED;
                if error.is_busy() {
                    self.pace.timed_out();
                    self.tell_retry(&error, Duration::ZERO);
                }
            }
            Some(Landed::Unknown(error)) => {
                self.abandon();
                self.range = flight.from.clone();
                match self.read_back_flight(&flight, error)? {
                    Fate::Committed => {
                        self.range = flight.to.clone();
                        self.arrived(&flight);
                    }
                    Fate::RolledBack => {}
                }
                return Ok(Some(Outcome::Again));
            }
            None => {
                let text =
                    "a batch was sent and nothing is known of it; this is a fault of driftless";
                return Err(Error::schema(text));
            }
        }
        self.abandon();
        self.range = flight.from;
        Ok(Some(Outcome::Again))
    }

    /// Forgets the batch in hand, of which nothing was sent.
    fn abandon(&mut self) {
        self.batch.ctx.session.rollback();
        self.batch.ctx.session.forget_prefetched();
        self.batch.redo = None;
    }

    /// The batch is committed.
    fn arrived(&mut self, flight: &Flight) {
        self.batch.watched = self.batch.watched.saturating_sub(1);
        if let Some(heart) = &mut self.batch.heart {
            heart.rest();
        }
        self.count(flight.done);
        self.tell_batch(flight.documents, flight.begun.elapsed());
    }

    /// The cursor did not move: the range was split, or the lease is lost.
    fn whereabouts(&mut self, flight: &Flight) -> Result<Outcome> {
        let Some(fence) = self.fence.clone() else {
            return Ok(Outcome::Again);
        };
        let found = in_transaction(self.drive, &mut *self.batch.ctx.session, |session| {
            history::elsewhere(session, &fence, &flight.from)
        })?;
        Ok(match found {
            Advanced::Elsewhere(range) => Outcome::Elsewhere(range),
            Advanced::Moved { .. } => Outcome::Again,
        })
    }

    fn read_back_flight(&mut self, flight: &Flight, error: Error) -> Result<Fate> {
        match self.fence.clone() {
            Some(fence) => self.read_back(&fence, &flight.to, error),
            None => Err(error),
        }
    }
}
