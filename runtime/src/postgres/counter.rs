//! Counting changed rows: our own by what the statements say, those of others (a step's SQL, triggers, foreign key actions)
//! by asking the server. The question goes along with the statement, so that it costs no round trip.
//!
//! Only rows of the table whose page is in hand matter, for they are the documents; but a filter may look anywhere.

use super::session::{Pending, PostgresSession};
use super::table::Table;
use super::wire::{Answer, Posted};
use crate::error::Result;

/// What is known of the rows that were changed in this transaction.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// What [`Session::change_counter`](crate::store::Session::change_counter) returns.
    total: u64,
    /// What the server's own counter was when `total` was right; `None` when it has not been asked in this transaction.
    server: Option<u64>,
    /// Whether the next statement may change rows that its reply does not count.
    foreign: bool,
    /// Whether a statement may have changed rows that nobody was asked about yet.
    stale: bool,
    /// Whose rows count; `None` is everybody's.
    watched: Option<Vec<u32>>,
    /// How to ask the server.
    question: String,
}

/// What [`Counter::question`] asks when every table matters.
const ALL_TABLES: &str = "SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'r' AND oid >= 16384 AND relname NOT LIKE 'migration!_%' ESCAPE '!'";

impl Counter {
    pub(super) fn expects_foreign_changes(&self) -> bool {
        self.foreign
    }

    pub(super) fn forget_transaction(&mut self) {
        self.server = None;
        self.foreign = false;
        self.stale = false;
    }

    /// Takes what the server's counter says. The first time, that is where counting begins.
    pub(super) fn hear(&mut self, answer: &Answer) {
        let now: i64 = answer.rows.first().map_or(0, |row| row.get(0));
        let now = now.unsigned_abs();
        if let Some(before) = self.server {
            self.total += now.saturating_sub(before);
        }
        self.server = Some(now);
    }

    fn watches(&self, own: &Table) -> bool {
        let watched = self.watched.as_ref();
        watched.is_none_or(|tables| tables.contains(&own.oid))
    }
}

impl PostgresSession {
    /// Whose rows count from now on; `None` is everybody's.
    pub(super) fn watch(&mut self, tables: Option<&[u32]>) {
        if !self.counter.question.is_empty() && self.counter.watched.as_deref() == tables {
            return;
        }
        let oids = match tables {
            Some(tables) => {
                let numbers: Vec<String> = tables.iter().map(u32::to_string).collect();
                format!("SELECT unnest('{{{}}}'::oid[]) AS oid", numbers.join(","))
            }
            None => ALL_TABLES.to_owned(),
        };
        self.counter.question = format!(
            "SELECT coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_inserted(oid) + pg_catalog.pg_stat_get_xact_tuples_updated(oid) \
             + pg_catalog.pg_stat_get_xact_tuples_deleted(oid)), 0)::bigint FROM ({oids}) AS watched"
        );
        self.counter.watched = tables.map(<[u32]>::to_vec);
        self.counter.server = None;
    }

    /// Counts rows of a table that a statement of ours has changed.
    pub(super) fn count_changed(&mut self, own: &Table, rows: u64) {
        self.counter.foreign = false;
        if self.counter.watches(own) {
            self.count_documents(rows);
        }
    }

    /// Counts rows of the page's own table that a statement of ours has changed.
    pub(super) fn count_documents(&mut self, rows: u64) {
        self.counter.total += rows;
        if let Some(server) = &mut self.counter.server {
            *server += rows;
        }
    }

    /// Before a statement that may change rows we cannot count: asks where counting begins.
    pub(super) fn expect_foreign_changes(&mut self) -> Result<()> {
        self.prefetched = None;
        self.counter.foreign = true;
        if self.counter.server.is_none()
            && self.shared.flavor().counts
            && !matches!(self.pending.back(), Some(Pending::Counter(_)))
        {
            self.open()?;
            self.post_counter()?;
        }
        Ok(())
    }

    /// Waits for the reply of a statement that was just sent. If it may have changed rows we cannot count, the counter is
    /// asked right behind it, and nobody waits for that yet.
    pub(super) fn wait_and_count<T: Send + 'static>(&mut self, posted: Posted<T>) -> Result<T> {
        if !std::mem::take(&mut self.counter.foreign) {
            return self.wait(posted);
        }
        if !self.shared.flavor().counts || !self.is_open() {
            self.counter.stale = true;
            return self.wait(posted);
        }
        self.post_counter()?;
        let question = self.pending.pop_back();
        let reply = self.wait(posted);
        self.pending.extend(question);
        reply
    }

    /// After statements of which one may have changed rows we cannot count.
    pub(super) fn doubt_counter(&mut self) {
        self.counter.foreign = false;
        self.counter.stale = true;
    }

    /// How many rows were changed.
    pub(super) fn changes(&mut self) -> Result<u64> {
        if self.counter.stale {
            if self.shared.flavor().counts && self.is_open() {
                self.post_counter()?;
            } else {
                // Nobody counts here: something may have changed, so the engine goes one document at a time.
                self.counter.total += 1;
            }
            self.counter.stale = false;
        }
        let asked = |pending: &Pending| matches!(pending, Pending::Counter(_));
        if self.pending.iter().any(asked) {
            self.settle()?;
        }
        Ok(self.counter.total)
    }

    fn post_counter(&mut self) -> Result<()> {
        let question = self.counter.question.clone();
        let posted = self.send(&question, Vec::new())?;
        self.pending.push_back(Pending::Counter(posted));
        Ok(())
    }
}
