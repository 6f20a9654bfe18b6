//! One connection: transactions, raw statements, and the calls that other files of this folder implement.
//!
//! A transaction that was begun is *wanted* until something needs it: only then BEGIN is sent, together with that
//! statement. A page that is not locked is read before that, so that no transaction is open while a step function works.

use super::Shared;
use super::counter::Counter;
use super::error::{translate, translate_planning};
use super::flight::{self, Flight};
use super::page::{Guard, Prefetched};
use super::table::Table;
use super::types::{Kind, Parameter, Scratch, decode, kind_of_result};
use super::wire::{Answer, Failure, Posted, Wire};
use super::{bypass, page, table, write};
use crate::error::{Error, ErrorKind, Result};
use crate::patch::Patch;
use crate::store::{
    Arrived, BatchEnd, Landed, Page, RowSink, Session, Statement, TableInfo, WriteFailure, Written,
};
use crate::value::{Key, Row, Value, ValueRef};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::{FromSql, Type};

/// A process that was stopped must not hold locks for ever, and not for longer than those who wait for it are patient (30
/// seconds, unless told otherwise). So long may a step think about one document once it has used the database.
const IDLE_IN_TRANSACTION: &str = "25s";

/// How long a statement waits for a lock before it answers that the row is locked: longer than a server waits before it
/// looks for deadlocks, short enough to notice a cancel.
const LOCK_TIMEOUT: &str = "2s";

pub(super) struct PostgresSession {
    pub(super) shared: Arc<Shared>,
    wire: Option<Wire>,
    stand: Stand,
    /// Whether the transaction plans: see [`translate_planning`].
    planning: bool,
    /// What was sent into the transaction and nobody has waited for yet, in order.
    pub(super) pending: VecDeque<Pending>,
    pub(super) guard: Guard,
    pub(super) prefetched: Option<Prefetched>,
    pub(super) scout: Scout,
    /// What became of the changes that were posted.
    pub(super) posted_write: Option<PostedWrite>,
    /// The transaction before, which ends by itself.
    in_flight: Option<Flight>,
    /// How it ended, until the engine has asked.
    landed: Option<Landed>,
    pub(super) counter: Counter,
    /// For how many writes more rows are expected to have changed since they were read.
    pub(super) wary: u32,
    /// Whether triggers fire on what [`Session::write`] and [`Session::insert`] write.
    pub(super) fires: bool,
}

/// Changes that were posted.
pub(super) struct PostedWrite {
    /// How many rows there are to change.
    pub expected: u64,
    pub guarded: bool,
    /// How many were changed, as far as replies have come.
    pub rows: u64,
    pub failed: bool,
}

/// A second connection, on which the next page is read while this one is written: the server has more than one processor.
pub(super) enum Scout {
    /// So many pages were read without one. A short job is not worth a connection.
    NotYet(u32),
    Open(Wire),
    /// The server has no more connections to give, or another host might answer.
    Refused,
}

/// Pages that are read before a second connection is opened.
const PAGES_WITHOUT_SCOUT: u32 = 8;

/// How the transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// There is none.
    None,
    /// It was begun and the server does not know yet.
    Wanted,
    /// The server knows.
    Open,
    /// It has failed; the server waits for a ROLLBACK.
    Failed,
}

/// A request whose reply is still to come.
pub(super) enum Pending {
    /// Nothing is wanted of it but that it did not fail.
    Script(Posted<()>),
    Statement(Posted<u64>),
    /// A part of [`PostgresSession::posted_write`].
    Write(Posted<u64>),
    /// The server's counter of changed rows.
    Counter(Posted<Answer>),
}

impl PostgresSession {
    pub(super) fn new(shared: Arc<Shared>, wire: Wire) -> Self {
        PostgresSession {
            shared,
            wire: Some(wire),
            stand: Stand::None,
            planning: false,
            pending: VecDeque::new(),
            guard: Guard::default(),
            prefetched: None,
            scout: Scout::NotYet(0),
            posted_write: None,
            in_flight: None,
            landed: None,
            counter: Counter::default(),
            wary: 0,
            fires: true,
        }
    }

    /// The connection; a new one when the old one is lost and no transaction is lost with it.
    ///
    /// The transaction before comes first: until it is known to be committed, nothing may be built on it.
    fn wire(&mut self) -> Result<&Wire> {
        self.land();
        if let Some(Landed::Short | Landed::Fenced | Landed::Failed(_) | Landed::Unknown(_)) =
            self.landed
        {
            return Err(Error::new(
                ErrorKind::Busy,
                "the batch before this one is not committed",
            ));
        }
        let lost = self.wire.as_ref().is_none_or(Wire::is_closed);
        if lost {
            if matches!(self.stand, Stand::Open | Stand::Failed) {
                self.stand = Stand::Failed;
                return Err(self.lost());
            }
            self.prefetched = None;
            self.wire = Some(self.shared.connect()?);
        }
        self.wire
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Busy, "there is no connection to the database"))
    }

    /// Waits for the transaction before, if it is still under way.
    fn land(&mut self) {
        if let Some(flight) = self.in_flight.take() {
            let ended = flight.wait();
            self.landed = Some(flight::landed(ended, || self.lost()));
        }
    }

    /// The transaction ends by itself from here on.
    pub(super) fn fly(&mut self, flight: Flight) {
        self.forget_transaction();
        self.landed = None;
        self.in_flight = Some(flight);
    }

    /// Why the connection is gone, in the server's words where there are any.
    fn lost(&mut self) -> Error {
        let said = self.wire.as_ref().and_then(Wire::take_end);
        match said {
            Some(failure) => translate(failure),
            None => Error::new(ErrorKind::Busy, "the connection to the database was lost"),
        }
    }

    /// Whether the server knows of a transaction that can still commit.
    pub(super) fn is_open(&self) -> bool {
        self.stand == Stand::Open
    }

    /// Sends BEGIN if it is due, without waiting for the answer.
    pub(super) fn open(&mut self) -> Result<()> {
        match self.stand {
            Stand::None | Stand::Open => return Ok(()),
            Stand::Failed => {
                return Err(Error::new(
                    ErrorKind::Busy,
                    "the transaction has failed before and can only be rolled back",
                ));
            }
            Stand::Wanted => {}
        }
        let script = self.begin_script();
        let posted = self.wire()?.post_script(script);
        self.pending.push_back(Pending::Script(posted));
        self.stand = Stand::Open;
        Ok(())
    }

    /// Settings of the transaction alone: behind a pooler the next one may be somebody else's.
    ///
    /// A batch that is committed need not be on disk yet: the log is written in order, so that a power failure undoes the
    /// last few batches whole, documents and cursor together, and the next run does them again, once. A run's end is
    /// synced ([`Session::make_durable`]). CockroachDB has no such setting.
    fn begin_script(&self) -> String {
        let (isolation, lazily) = match self.planning {
            true => ("SERIALIZABLE", false),
            false => ("READ COMMITTED", !self.shared.flavor().cockroach),
        };
        let lazily = if lazily {
            "SET LOCAL synchronous_commit = off; "
        } else {
            ""
        };
        format!(
            "BEGIN ISOLATION LEVEL {isolation}; {lazily}SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; \
             SET LOCAL idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION}'"
        )
    }

    /// A failed statement fails the transaction.
    pub(super) fn fail(&mut self, failure: Failure) -> Error {
        if self.stand == Stand::Open {
            self.stand = Stand::Failed;
        }
        if failure.is_closed() || self.wire.as_ref().is_none_or(Wire::is_closed) {
            if self.stand == Stand::Wanted {
                // Nothing was done, and nothing is lost but the connection.
                self.prefetched = None;
            }
            if failure.as_db_error().is_none() {
                return self.lost().with_source(failure);
            }
        }
        if self.planning {
            translate_planning(failure)
        } else {
            translate(failure)
        }
    }

    /// Sends a part of a write whose outcome is asked for later.
    pub(super) fn post_write_part(&mut self, sql: &str, parameters: Vec<Parameter>) -> Result<()> {
        self.open()?;
        let posted = self.wire()?.post_execute(sql, parameters);
        self.pending.push_back(Pending::Write(posted));
        Ok(())
    }

    /// Waits for the replies to what was sent before; the first failure is the one that counts.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut settled = Ok(());
        while let Some(pending) = self.pending.pop_front() {
            let reply = match pending {
                Pending::Script(posted) => posted.wait()?,
                Pending::Statement(posted) => posted.wait()?.map(drop),
                Pending::Write(posted) => posted.wait()?.map(|rows| {
                    if let Some(write) = &mut self.posted_write {
                        write.rows += rows;
                    }
                }),
                Pending::Counter(posted) => posted.wait()?.map(|answer| self.counter.hear(&answer)),
            };
            if let Err(failure) = reply {
                let error = self.fail(failure);
                if let Some(write) = &mut self.posted_write {
                    write.failed = true;
                }
                settled = settled.and(Err(error));
            }
        }
        settled
    }

    /// Sends a statement into the transaction, if there is one.
    pub(super) fn send(&mut self, sql: &str, parameters: Vec<Parameter>) -> Result<Posted<Answer>> {
        self.open()?;
        Ok(self.wire()?.post(sql, parameters))
    }

    /// Sends a statement of the transaction's own making; its failure shows with the next reply that is waited for.
    pub(super) fn post_script(&mut self, sql: &str) -> Result<()> {
        self.open()?;
        let posted = self.wire()?.post_script(sql);
        self.pending.push_back(Pending::Script(posted));
        Ok(())
    }

    /// Sends a statement of the engine's into the transaction.
    pub(super) fn post_statement(&mut self, statement: &Statement) -> Result<Posted<Answer>> {
        let parameters = Self::untyped(&statement.parameters)?;
        self.send(&statement.sql, parameters)
    }

    /// The connection that the transaction is on.
    pub(super) fn wire_in_hand(&mut self) -> Result<Wire> {
        self.wire().cloned()
    }

    /// Sends a statement that needs no transaction.
    pub(super) fn send_outside(
        &mut self,
        sql: &str,
        parameters: Vec<Parameter>,
    ) -> Result<Posted<Answer>> {
        Ok(self.wire()?.post(sql, parameters))
    }

    /// The second connection, if the job is long enough to be worth one and the server gives us one.
    pub(super) fn scout(&mut self) -> Option<&Wire> {
        match &mut self.scout {
            Scout::NotYet(pages) if *pages < PAGES_WITHOUT_SCOUT => *pages += 1,
            Scout::NotYet(_) => {
                let connected = match self.shared.target.config.get_hosts().len() {
                    // Of several hosts it might meet one that lags behind.
                    1 => self.shared.connect().ok(),
                    _ => None,
                };
                self.scout = connected.map_or(Scout::Refused, Scout::Open);
            }
            Scout::Open(wire) if wire.is_closed() => self.scout = Scout::NotYet(0),
            Scout::Open(_) | Scout::Refused => {}
        }
        match &self.scout {
            Scout::Open(wire) => Some(wire),
            _ => None,
        }
    }

    /// Waits for a reply, and for those before it.
    pub(super) fn wait<T: Send + 'static>(&mut self, posted: Posted<T>) -> Result<T> {
        let settled = self.settle();
        let reply = posted.wait()?;
        settled?;
        reply.map_err(|failure| self.fail(failure))
    }

    /// Runs a statement in the transaction, if there is one.
    pub(super) fn ask(&mut self, sql: &str, parameters: Vec<Parameter>) -> Result<Answer> {
        let posted = self.send(sql, parameters)?;
        let answer = self.wait(posted)?;
        Ok(answer)
    }

    /// Runs a statement whose rows nobody wants.
    pub(super) fn tell(&mut self, sql: &str, parameters: Vec<Parameter>) -> Result<u64> {
        self.open()?;
        let posted = self.wire()?.post_execute(sql, parameters);
        self.wait_and_count(posted)
    }

    fn untyped(parameters: &[Value]) -> Result<Vec<Parameter>> {
        parameters.iter().map(Parameter::untyped).collect()
    }

    /// Lets the driver meet the types that somebody made in this database, before a step's own SQL may return one of them.
    ///
    /// The driver looks up a type that it does not know in the middle of an answer. Behind an answer of more than a few
    /// kilobytes it would wait for ever for what it asks: the answer is in the way. An answer without rows is in nobody's
    /// way. What it asks has a name, which is bad manners behind a pooler; so it is asked once per connection, in a
    /// transaction, and only of a database that has such types. Types that no column has (a row as a whole, say) are still
    /// met when they come.
    fn meet_types(&mut self) -> Result<()> {
        if self.wire()?.has_met_types() {
            return Ok(());
        }
        let sql = "SELECT DISTINCT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) \
                   FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                   JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
                   WHERE a.attnum > 0 AND NOT a.attisdropped AND t.oid >= 16384 AND t.typtype <> 'd' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
        let answer = self.ask(sql, Vec::new())?;
        let types = answer
            .rows
            .iter()
            .map(|row| format!("NULL::{}", row.get::<_, &str>(0)));
        let types: Vec<String> = types.collect();
        // As many as a query may return.
        for types in types.chunks(1000) {
            let sql = format!("SELECT {} WHERE FALSE", types.join(", "));
            self.ask(&sql, Vec::new())?;
        }
        self.wire()?.note_that_types_are_met();
        Ok(())
    }

    fn forget_transaction(&mut self) {
        self.stand = Stand::None;
        self.planning = false;
        self.pending.clear();
        self.posted_write = None;
        self.counter.forget_transaction();
    }

    /// What only this store knows of a table.
    pub(super) fn own(table: &TableInfo) -> Result<&Table> {
        table.store_own.downcast_ref::<Table>().ok_or_else(|| {
            Error::database(format!("{} was described by another store", table.name))
        })
    }
}

impl Session for PostgresSession {
    fn begin(&mut self) -> Result<()> {
        self.rollback();
        // The one before may take its time; it is waited for when this one needs the connection.
        if self.in_flight.is_none() {
            self.wire()?;
        }
        self.stand = Stand::Wanted;
        Ok(())
    }

    fn begin_planning(&mut self) -> Result<()> {
        self.begin()?;
        self.planning = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        match self.stand {
            Stand::None => {
                return Err(Error::new(
                    ErrorKind::Busy,
                    "there is no transaction to commit; it was rolled back",
                ));
            }
            Stand::Failed => {
                // The server would answer this COMMIT with a ROLLBACK, and call it a success.
                self.rollback();
                return Err(Error::new(
                    ErrorKind::Busy,
                    "the transaction has failed before and was rolled back",
                ));
            }
            // Nothing was done.
            Stand::Wanted => {
                self.forget_transaction();
                return Ok(());
            }
            Stand::Open => {}
        }
        let posted = match self.wire() {
            Ok(wire) => wire.post_script("COMMIT"),
            Err(error) => {
                self.forget_transaction();
                return Err(error);
            }
        };
        let result = self.wait(posted);
        // Whatever a COMMIT says, the transaction is over.
        self.forget_transaction();
        result
    }

    fn make_durable(&mut self) -> Result<()> {
        if self.shared.flavor().cockroach {
            return Ok(());
        }
        // A commit that is synced syncs everything before it.
        self.tell("UPDATE migration_schema SET version = version", Vec::new())
            .map(drop)
    }

    fn rollback(&mut self) {
        let known = matches!(self.stand, Stand::Open | Stand::Failed);
        if known && self.wire.as_ref().is_some_and(|wire| !wire.is_closed()) {
            let _ = self.settle();
            let rolled_back = self
                .wire
                .as_ref()
                .map(|wire| wire.post_script("ROLLBACK").wait());
            if let Some(Ok(Err(_)) | Err(_)) = rolled_back {
                // Without a connection there is no transaction either.
                self.wire = None;
            }
        }
        self.forget_transaction();
    }

    fn in_transaction(&self) -> bool {
        matches!(self.stand, Stand::Wanted | Stand::Open)
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let parameters = Self::untyped(parameters)?;
        self.tell(sql, parameters)
    }

    fn post(&mut self, sql: &str, parameters: &[Value]) -> Result<()> {
        let parameters = Self::untyped(parameters)?;
        self.open()?;
        let posted = self.wire()?.post_execute(sql, parameters);
        self.pending.push_back(Pending::Statement(posted));
        Ok(())
    }

    fn execute_aside(&mut self, sql: &str, parameters: &[Value]) -> Result<bool> {
        if matches!(self.stand, Stand::Open | Stand::Failed) {
            return Ok(false);
        }
        let parameters = Self::untyped(parameters)?;
        let posted = self.wire()?.post_execute(sql, parameters);
        posted.wait()?.map_err(translate).map(|_| true)
    }

    /// Our own SQL never selects a type that is not Postgres' own as it is (`ColumnType::read_sql`); a step's SQL may, see
    /// [`PostgresSession::meet_types`].
    fn query(&mut self, sql: &str, parameters: &[Value], sink: RowSink<'_>) -> Result<()> {
        if self.counter.expects_foreign_changes() {
            self.meet_types()?;
        }
        let parameters = Self::untyped(parameters)?;
        let posted = self.send(sql, parameters)?;
        let answer = self.wait_and_count(posted)?;
        let kinds = answer
            .columns()
            .iter()
            .map(|column| {
                kind_of_result(column.type_()).map_err(|error| {
                    error.context(format!("column {} cannot be read", column.name()))
                })
            })
            .collect::<Result<Vec<Kind>>>()?;
        each_row(&answer, &kinds, sink)
    }

    fn script(&mut self, sql: &str) -> Result<()> {
        self.open()?;
        let posted = self.wire()?.post_script(sql);
        self.wait(posted)
    }

    fn now_sql(&self, plus: Duration) -> String {
        if plus.is_zero() {
            return "clock_timestamp()".into();
        }
        format!(
            "(clock_timestamp() + INTERVAL '{:.3} seconds')",
            plus.as_secs_f64()
        )
    }

    fn schema_sql(&self) -> &'static str {
        include_str!("schema.sql")
    }

    /// Version 2 was the first on this store.
    fn upgrade_sql(&self, from: i64) -> Option<&'static str> {
        match from {
            2 => Some(include_str!("upgrade_2.sql")),
            3 => Some(include_str!("upgrade_3.sql")),
            _ => None,
        }
    }

    fn columns(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        table::column_names(self, name)
    }

    fn table(&mut self, schema: Option<&str>, name: &str) -> Result<TableInfo> {
        table::describe(self, schema, name)
    }

    fn fire_triggers(&mut self, fire: bool) -> Result<()> {
        self.fires = fire;
        Ok(())
    }

    fn check_bypass(&mut self, table: &TableInfo) -> Result<()> {
        bypass::check(self, table)
    }

    fn check_predicate(&mut self, table: &TableInfo, predicate: &str) -> Result<()> {
        page::check_predicate(self, table, predicate)
    }

    fn read_page(&mut self, page: &Page, sink: RowSink<'_>) -> Result<()> {
        page::read(self, page, sink)
    }

    fn prefetch(&mut self, page: &Page) -> Result<()> {
        page::prefetch(self, page)
    }

    fn read_again(
        &mut self,
        page: &Page,
        position: usize,
        key: &[Value],
        sink: RowSink<'_>,
    ) -> Result<bool> {
        page::read_again(self, page, position, key, sink)
    }

    fn read_one(&mut self, page: &Page, key: &[Value], sink: RowSink<'_>) -> Result<bool> {
        page::read_one(self, page, key, sink)
    }

    fn last_key(&mut self, table: &TableInfo) -> Result<Option<Key>> {
        page::last_key(self, table)
    }

    fn count(
        &mut self,
        table: &TableInfo,
        predicate: Option<&str>,
        until: Option<&Key>,
    ) -> Result<u64> {
        page::count(self, table, predicate, until)
    }

    fn estimate(
        &mut self,
        table: &TableInfo,
        predicate: Option<&str>,
        until: Option<&Key>,
    ) -> Result<u64> {
        page::estimate(self, table, predicate, until)
    }

    fn middle(
        &mut self,
        table: &TableInfo,
        after: Option<&Key>,
        until: Option<&Key>,
    ) -> Result<Option<Key>> {
        page::middle(self, table, after, until)
    }

    fn write(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        changes: &[(usize, Patch)],
        guarded: bool,
    ) -> Result<Written, WriteFailure> {
        write::write(self, table, keys, changes, guarded)
    }

    /// All of a batch's changes in one statement, if its batch is not huge.
    fn together(&self) -> usize {
        8192
    }

    fn insert(&mut self, table: &TableInfo, columns: &[(String, Value)]) -> Result<Option<Key>> {
        write::insert(self, table, columns)
    }

    fn change_counter(&mut self) -> Result<u64> {
        self.changes()
    }

    fn post_write(
        &mut self,
        table: &TableInfo,
        keys: &[Key],
        changes: &[(usize, Patch)],
        guarded: bool,
    ) -> Result<bool> {
        write::post(self, table, keys, changes, guarded)
    }

    fn can_post(&self, table: &TableInfo, changes: &[(usize, Patch)]) -> bool {
        write::can_post(self, table, changes)
    }

    fn post_end(&mut self, end: &BatchEnd) -> Result<bool> {
        flight::launch(self, end)
    }

    fn landed(&mut self) -> Option<Landed> {
        self.land();
        self.landed.take()
    }

    fn written(&mut self) -> Result<Arrived> {
        self.settle()?;
        Ok(match self.posted_write.take() {
            Some(write) if write.failed => Arrived::Failed,
            Some(write) if write.guarded && write.rows < write.expected => Arrived::Short,
            Some(write) => {
                self.count_documents(write.rows);
                Arrived::Written(write.rows)
            }
            None => Arrived::Written(0),
        })
    }

    /// Readers go on. CockroachDB has no such lock, and needs none: its transactions are serializable.
    fn keep_writers_out(&mut self, table: &TableInfo) -> Result<()> {
        if self.shared.flavor().cockroach {
            return Ok(());
        }
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.sql_name);
        for sql in [
            "SET LOCAL lock_timeout = '200ms'",
            lock.as_str(),
            "SET LOCAL lock_timeout TO DEFAULT",
        ] {
            self.tell(sql, Vec::new())?;
        }
        Ok(())
    }

    fn forget_prefetched(&mut self) {
        self.prefetched = None;
    }

    fn step_reaches_out(&mut self) -> Result<()> {
        self.expect_foreign_changes()?;
        Ok(())
    }
}

/// Hands the rows of an answer over.
pub(super) fn each_row(answer: &Answer, kinds: &[Kind], sink: RowSink<'_>) -> Result<()> {
    for row in &answer.rows {
        sink(&PostgresRow::new(row, kinds))?;
    }
    Ok(())
}

/// A row, and how its cells are written.
pub(super) struct PostgresRow<'r> {
    row: &'r tokio_postgres::Row,
    kinds: &'r [Kind],
    scratch: SmallVec<[Scratch; 8]>,
}

impl<'r> PostgresRow<'r> {
    pub(super) fn new(row: &'r tokio_postgres::Row, kinds: &'r [Kind]) -> Self {
        let scratch = std::iter::repeat_with(Scratch::default).take(kinds.len());
        PostgresRow {
            row,
            kinds,
            scratch: scratch.collect(),
        }
    }
}

impl Row for PostgresRow<'_> {
    fn cell(&self, position: usize) -> Result<ValueRef<'_>> {
        match raw_cell(self.row, position) {
            None => Ok(ValueRef::Null),
            Some(raw) => decode(&self.kinds[position], raw, &self.scratch[position]),
        }
    }

    fn len(&self) -> usize {
        self.kinds.len()
    }

    fn names(&self) -> Vec<String> {
        self.row
            .columns()
            .iter()
            .map(|column| column.name().to_owned())
            .collect()
    }
}

/// A cell's bytes as they came; `None` is NULL.
pub(super) fn raw_cell(row: &tokio_postgres::Row, position: usize) -> Option<&[u8]> {
    let cell: Option<Raw<'_>> = row.get(position);
    cell.map(|Raw(bytes)| bytes)
}

struct Raw<'r>(&'r [u8]);

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, crate::error::BoxError> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
