//! What a step can reach: raw SQL and typed access, both inside the batch's own transaction.

use crate::document::{columns_of, record_from_row, to_parameters};
use crate::error::{BoxError, Error, Result};
use crate::history::Direction;
use crate::hooks::{Change, ChangeKind, Hooks};
use crate::manifest::{Migration, WriteMode};
use crate::patch::Patch;
use crate::store::{Page, Session, TableInfo};
use crate::value::{Key, Value, show_key};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::Arc;

/// What a step can reach besides its document.
///
/// Everything done here is part of the batch's transaction: it commits with the documents and the cursor, or not at all.
/// Calls block; a step runs on a thread of its own, so that harms nobody.
pub struct Ctx {
    pub(crate) session: Box<dyn Session>,
    pub(crate) migration: &'static Migration,
    pub(crate) run_id: Arc<str>,
    pub(crate) direction: Direction,
    pub(crate) dry_run: bool,
    pub(crate) write_mode: WriteMode,
    pub(crate) hooks: Arc<Hooks>,
    /// The table whose documents are visited.
    pub(crate) table: Arc<TableInfo>,
    /// The keys of the documents read.
    pub(crate) keys: Vec<Key>,
    /// Patches that steps have returned and that are not written yet, with the position of their document.
    pub(crate) pending: Vec<(usize, Patch)>,
    /// A failure that must fail the batch even if the step swallows it.
    pub(crate) poison: Option<Poison>,
    /// Documents whose row was really changed.
    pub(crate) changed: u64,
    /// Rows changed by our own patches since the page was read.
    pub(crate) own_writes: u64,
    /// Position of the document that the step has in hand.
    pub(crate) in_hand: usize,
    /// Writing patches together changed more rows than the patches say (a trigger, a foreign key action) after later
    /// documents were already handed out: those may have been stale.
    pub(crate) noticed: bool,
    tables: HashMap<String, Arc<TableInfo>>,
    hook_depth: usize,
}

/// A failure of the batch, and the document it belongs to.
pub(crate) struct Poison {
    pub error: Error,
    pub position: Option<usize>,
}

/// How deep hooks may write through hooks before it is called a circle.
const HOOK_DEPTH: usize = 8;

impl Ctx {
    pub(crate) fn new(
        session: Box<dyn Session>,
        migration: &'static Migration,
        table: Arc<TableInfo>,
        hooks: Arc<Hooks>,
    ) -> Self {
        Ctx {
            session,
            migration,
            run_id: "".into(),
            direction: Direction::Up,
            dry_run: false,
            write_mode: WriteMode::SafeBypass,
            hooks,
            table,
            keys: Vec::new(),
            pending: Vec::new(),
            poison: None,
            changed: 0,
            own_writes: 0,
            in_hand: 0,
            noticed: false,
            tables: HashMap::new(),
            hook_depth: 0,
        }
    }

    /// Raw SQL on the batch's own transaction.
    pub fn db(&mut self) -> Db<'_> {
        Db { ctx: self }
    }

    /// Typed reads and writes by table, in the step's write mode.
    pub fn orm(&mut self) -> Orm<'_> {
        Orm { ctx: self }
    }

    /// The migration's id.
    pub fn migration_id(&self) -> &'static str {
        self.migration.id
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Whether this is `up` or `down`.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether everything will be rolled back. Leave out what a transaction cannot undo, such as sending mail.
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether hooks and triggers fire.
    pub fn write_mode(&self) -> WriteMode {
        self.write_mode
    }

    /// Writes the patches returned so far, so that what the step looks at next is what one-at-a-time would show.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let before = self.session.change_counter();
        let mut pending = std::mem::take(&mut self.pending);
        match self.session.write(&self.table, &self.keys, &pending) {
            Ok(written) => {
                self.changed += written.rows;
                self.own_writes += written.rows;
                let alone = self.session.change_counter() == before + written.rows;
                let first = pending.first().map(|(position, _)| *position);
                self.noticed |= !alone && first.is_some_and(|first| first < self.in_hand);
                // Keep the allocation for the next patches.
                pending.clear();
                self.pending = pending;
                Ok(())
            }
            Err((index, error)) => {
                let position = pending[index].0;
                let key = show_key(&self.keys[position]);
                let error = error.context(format!(
                    "the change to document {key} of {} cannot be written",
                    self.table.name
                ));
                Err(self.poison(error, Some(position)))
            }
        }
    }

    /// Remembers a failure that fails the batch whatever the step does with it, and returns a copy for the step.
    pub(crate) fn poison(&mut self, error: Error, position: Option<usize>) -> Error {
        let shown = Error::new(error.kind(), error.chain());
        self.poison.get_or_insert(Poison { error, position });
        shown
    }

    pub(crate) fn table_info(&mut self, name: &str) -> Result<Arc<TableInfo>> {
        if let Some(table) = self.tables.get(name) {
            return Ok(table.clone());
        }
        let table = Arc::new(self.session.table(None, name)?);
        self.tables.insert(name.to_owned(), table.clone());
        Ok(table)
    }

    /// Writes one change, with its hooks in `normal` mode. Returns whether a row was found.
    pub(crate) fn write_with_hooks(
        &mut self,
        table: &Arc<TableInfo>,
        key: Key,
        patch: Patch,
    ) -> Result<bool> {
        let kind = if patch.is_delete() {
            ChangeKind::Delete
        } else {
            ChangeKind::Patch
        };
        let mut change = Change {
            table: table.name.clone(),
            kind,
            key: Some(key.to_vec()),
            patch,
        };
        self.run_hooks(&mut change, true)?;
        check_patch(table, &change.patch)?;
        let pair = [(0, std::mem::take(&mut change.patch))];
        let keys = [key];
        let written = self
            .session
            .write(table, &keys, &pair)
            .map_err(|(_, error)| {
                error.context(format!(
                    "the change to document {} of {} cannot be written",
                    show_key(&keys[0]),
                    table.name
                ))
            })?;
        let [(_, patch)] = pair;
        change.patch = patch;
        if written.rows > 0 {
            self.run_hooks(&mut change, false)?;
        }
        Ok(written.rows > 0)
    }

    fn run_hooks(&mut self, change: &mut Change, before: bool) -> Result<()> {
        if self.write_mode == WriteMode::SafeBypass || self.hooks.of(&change.table).is_empty() {
            return Ok(());
        }
        if self.hook_depth == HOOK_DEPTH {
            return Err(Error::step(format!(
                "the hooks of {} write to each other in a circle ({HOOK_DEPTH} deep)",
                change.table
            )));
        }
        let hooks = self.hooks.clone();
        self.hook_depth += 1;
        let result = hooks
            .of(&change.table)
            .iter()
            .try_for_each(|hooks| match before {
                true => hooks.before(self, change),
                false => hooks.after(self, change),
            });
        self.hook_depth -= 1;
        let when = if before { "before" } else { "after" };
        result.map_err(|error: BoxError| {
            Error::step(format!(
                "a hook of {} failed {when} the write",
                change.table
            ))
            .with_source(error)
        })
    }
}

/// Refuses what no patch may do: change the key, set a column the table does not have, set a computed one.
pub(crate) fn check_patch(table: &TableInfo, patch: &Patch) -> Result<()> {
    if let Some(fault) = &patch.fault {
        return Err(Error::step(fault.to_string()));
    }
    if patch.is_delete() && !patch.columns.is_empty() {
        return Err(Error::step(
            "the patch both removes the document and sets columns; return one or the other",
        ));
    }
    for (name, _) in &patch.columns {
        match table.position(name) {
            None => {
                return Err(Error::step(format!(
                    "the patch sets column {name}, which {} does not have (it has {})",
                    table.name,
                    table.column_names()
                )));
            }
            Some(position) if table.columns[position].generated => {
                return Err(Error::step(format!(
                    "the patch sets column {name}, which {} computes itself",
                    table.name
                )));
            }
            Some(_) if table.is_key(name) => {
                return Err(Error::step(format!(
                    "the patch sets column {name}, which belongs to the primary key of {}; insert a new row through `ctx.orm()` and return `Patch::delete()` instead",
                    table.name
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Raw SQL on the batch's own transaction. See [`Ctx::db`].
///
/// Parameters are `$1`, `$2`, … and are given as a tuple, an array, a single value or `()`.
pub struct Db<'c> {
    ctx: &'c mut Ctx,
}

impl Db<'_> {
    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// SQL the database refuses, parameters that cannot be sent, a statement that would end the batch's transaction.
    pub fn execute(&mut self, sql: &str, parameters: impl Serialize) -> Result<u64> {
        let parameters = self.ready(sql, &parameters)?;
        let result = self.ctx.session.execute(sql, &parameters);
        self.still_inside(sql)?;
        result.map_err(|error| failed(sql, error))
    }

    /// Runs a query. A row is read into a struct by column name, into a tuple by position, or into a single value.
    ///
    /// # Errors
    /// As [`Db::execute`], and rows that do not fit the type.
    pub fn query<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        parameters: impl Serialize,
    ) -> Result<Vec<T>> {
        let parameters = self.ready(sql, &parameters)?;
        let mut found = Vec::new();
        let mut names = Vec::new();
        let result = self.ctx.session.query(sql, &parameters, &mut |row| {
            if names.is_empty() {
                names = row.names();
            }
            found.push(record_from_row(row, &names)?);
            Ok(())
        });
        self.still_inside(sql)?;
        result.map_err(|error| failed(sql, error))?;
        Ok(found)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Db::query`].
    pub fn query_optional<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        parameters: impl Serialize,
    ) -> Result<Option<T>> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }

    /// The only row of a query.
    ///
    /// # Errors
    /// As [`Db::query`], and a query that finds no row or several.
    pub fn query_one<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        parameters: impl Serialize,
    ) -> Result<T> {
        let mut rows = self.query(sql, parameters)?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => Ok(row),
            (None, _) => Err(Error::step(format!(
                "one row was expected and none found by: {sql}"
            ))),
            (Some(_), more) => Err(Error::step(format!(
                "one row was expected and {} found by: {sql}",
                more + 1
            ))),
        }
    }

    fn ready(&mut self, sql: &str, parameters: &(impl Serialize + ?Sized)) -> Result<Vec<Value>> {
        self.ctx.flush()?;
        if let Some(word) = transaction_word(sql) {
            return Err(Error::step(format!(
                "`{word}` would end or split the batch's transaction; remove it: everything a step does commits with its batch"
            )));
        }
        to_parameters(parameters).map_err(|reason| {
            Error::step(format!(
                "a parameter cannot be sent to the database: {reason}"
            ))
        })
    }

    /// A failed statement may have rolled the whole transaction back; going on would write outside of it.
    fn still_inside(&mut self, sql: &str) -> Result<()> {
        if self.ctx.session.in_transaction() {
            return Ok(());
        }
        let error = Error::step(format!("the batch's transaction was ended by: {sql}"));
        Err(self.ctx.poison(error, None))
    }
}

fn failed(sql: &str, error: Error) -> Error {
    let sql: String = sql
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(200)
        .collect();
    error.context(format!("`{sql}` failed"))
}

/// The first word of a statement, if it is one that begins or ends transactions.
fn transaction_word(sql: &str) -> Option<&str> {
    const WORDS: [&str; 8] = [
        "begin",
        "commit",
        "end",
        "rollback",
        "savepoint",
        "release",
        "attach",
        "detach",
    ];
    let mut rest = sql.trim_start();
    while let Some(comment) = rest
        .strip_prefix("--")
        .map(|rest| ('\n', rest))
        .or_else(|| rest.strip_prefix("/*").map(|rest| ('*', rest)))
    {
        rest = match comment {
            ('\n', rest) => rest.split_once('\n').map_or("", |(_, rest)| rest),
            (_, rest) => rest.split_once("*/").map_or("", |(_, rest)| rest),
        }
        .trim_start();
    }
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    WORDS
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
        .then_some(word)
}

/// Typed reads and writes by table, in the step's write mode. See [`Ctx::orm`].
///
/// A key is the primary key's value; a composite key is a tuple in the key's order.
pub struct Orm<'c> {
    ctx: &'c mut Ctx,
}

impl Orm<'_> {
    /// The row with this key, if there is one.
    ///
    /// # Errors
    /// A table or column that does not exist, a row that does not fit the type.
    pub fn get<T: DeserializeOwned>(
        &mut self,
        table: &str,
        key: impl Serialize,
    ) -> Result<Option<T>> {
        self.ctx.flush()?;
        let table = self.ctx.table_info(table)?;
        let key = self.key(&table, &key)?;
        let conditions: Vec<String> = table
            .key
            .iter()
            .enumerate()
            .map(|(index, column)| format!("{} = ${}", column.sql_name, index + 1))
            .collect();
        Ok(self.select(&table, &conditions.join(" AND "), &key)?.pop())
    }

    /// The rows that match a SQL predicate, `$1`, `$2`… being its parameters, in key order.
    ///
    /// # Errors
    /// A table that does not exist, a predicate the database refuses, rows that do not fit the type.
    pub fn find<T: DeserializeOwned>(
        &mut self,
        table: &str,
        predicate: &str,
        parameters: impl Serialize,
    ) -> Result<Vec<T>> {
        self.ctx.flush()?;
        let table = self.ctx.table_info(table)?;
        let parameters = to_parameters(&parameters).map_err(|reason| {
            Error::step(format!("a parameter of find cannot be sent: {reason}"))
        })?;
        self.select(&table, predicate, &parameters)
    }

    /// Inserts a row: a struct, a map, or a [`Patch`] with the columns to set. In `normal` mode its hooks run.
    ///
    /// # Errors
    /// A constraint, a column the table does not have, a hook that refuses.
    pub fn insert(&mut self, table: &str, row: impl Serialize) -> Result<()> {
        self.ctx.flush()?;
        let table = self.ctx.table_info(table)?;
        let columns = columns_of(&row).map_err(|reason| {
            Error::step(format!(
                "a row for {} cannot be written: {reason}",
                table.name
            ))
        })?;
        let mut patch = Patch::none();
        for (name, value) in columns {
            patch.put(name.into(), value);
        }
        let mut change = Change {
            table: table.name.clone(),
            kind: ChangeKind::Insert,
            key: None,
            patch,
        };
        self.ctx.run_hooks(&mut change, true)?;
        for (name, _) in change.patch.columns() {
            if table.position(name).is_none() {
                return Err(Error::step(format!(
                    "the row sets column {name}, which {} does not have (it has {})",
                    table.name,
                    table.column_names()
                )));
            }
        }
        let columns: Vec<(String, Value)> = change
            .patch
            .columns()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        let key = self.ctx.session.insert(&table, &columns).map_err(|error| {
            error.context(format!("a row cannot be inserted into {}", table.name))
        })?;
        change.key = key.map(|key| key.to_vec());
        self.ctx.run_hooks(&mut change, false)
    }

    /// Sets columns of the row with this key. Returns whether there is such a row.
    ///
    /// # Errors
    /// A constraint, a column the table does not have, the primary key, a hook that refuses.
    pub fn patch(&mut self, table: &str, key: impl Serialize, patch: Patch) -> Result<bool> {
        self.ctx.flush()?;
        let table = self.ctx.table_info(table)?;
        let key = self.key(&table, &key)?;
        if patch.is_none() {
            return Err(Error::step(format!(
                "the patch for a row of {} sets no column",
                table.name
            )));
        }
        self.ctx.write_with_hooks(&table, key, patch)
    }

    /// Removes the row with this key. Returns whether there was one.
    ///
    /// # Errors
    /// A foreign key that still points to the row, a hook that refuses.
    pub fn delete(&mut self, table: &str, key: impl Serialize) -> Result<bool> {
        self.patch(table, key, Patch::delete())
    }

    fn key(&self, table: &TableInfo, key: &(impl Serialize + ?Sized)) -> Result<Key> {
        let values = to_parameters(key).map_err(|reason| {
            Error::step(format!("a key of {} cannot be sent: {reason}", table.name))
        })?;
        if values.len() != table.key.len() {
            let names: Vec<&str> = table
                .key
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            return Err(Error::step(format!(
                "the key of {} is ({}), and {} values were given",
                table.name,
                names.join(", "),
                values.len()
            )));
        }
        Ok(values.into())
    }

    fn select<T: DeserializeOwned>(
        &mut self,
        table: &Arc<TableInfo>,
        predicate: &str,
        parameters: &[Value],
    ) -> Result<Vec<T>> {
        let order: Vec<&str> = table
            .key
            .iter()
            .map(|column| column.sql_name.as_str())
            .collect();
        let sql = format!(
            "SELECT * FROM {} WHERE ({predicate}\n) ORDER BY {}",
            table.sql_name,
            order.join(", ")
        );
        let (mut found, mut names) = (Vec::new(), Vec::new());
        self.ctx
            .session
            .query(&sql, parameters, &mut |row| {
                if names.is_empty() {
                    names = row.names();
                }
                found.push(record_from_row(row, &names)?);
                Ok(())
            })
            .map_err(|error| error.context(format!("{} cannot be read", table.name)))?;
        Ok(found)
    }
}

impl Serialize for Patch {
    /// As a map of the columns it sets, so that a patch can be inserted as a row.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns().map(|(name, value)| (name, CellOf(value))))
    }
}

struct CellOf<'v>(&'v Value);

impl Serialize for CellOf<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Real(value) => serializer.serialize_f64(*value),
            Value::Text(value) | Value::Json(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
        }
    }
}

/// A page over the same table as `page` with every column, for showing whole rows.
pub(crate) fn whole_rows(page: &Page) -> Page {
    Page {
        columns: (0..page.table.columns.len()).collect(),
        ..page.clone()
    }
}
