//! What a step can reach: raw SQL and typed access, both inside the batch's own transaction.

mod db;
mod orm;

pub use db::Db;
pub use orm::Orm;

use crate::error::{BoxError, Error, Result};
use crate::history::Direction;
use crate::hooks::{Change, ChangeKind, Hooks};
use crate::manifest::{Migration, WriteMode};
use crate::patch::Patch;
use crate::store::{Page, Session, TableInfo, WriteFailure, quote};
use crate::value::{Key, show_key};
use std::collections::{BTreeSet, HashMap};
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
    /// Whether the step reached for anything besides its documents.
    pub(crate) used: bool,
    /// Whether a row is only written where it still is what its document was read as; rows that were locked as they were
    /// read need no such guard.
    pub(crate) guarded: bool,
    /// Positions of documents whose rows were not what they were read as.
    pub(crate) missed: Vec<usize>,
    /// Patches written together failed, and the database does not say whose document's it was.
    pub(crate) unattributed: bool,
    tables: HashMap<String, Arc<TableInfo>>,
    hook_depth: usize,
    /// What was written past the triggers.
    pub(crate) passed: Passed,
}

/// What a batch wrote past the triggers: aggregates of these tables are not right any more.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Names of tables as SQL writes them.
    pub tables: BTreeSet<String>,
    /// Statements like those that were run: which tables they reach, foreign key actions included, the store knows.
    pub statements: BTreeSet<String>,
    /// Whether a document was removed.
    pub removed: bool,
}

impl Passed {
    /// Rows of a table were changed.
    pub(crate) fn changed(&mut self, table: &TableInfo, removed: bool) {
        let name = &table.sql_name;
        if !self.tables.contains(name) {
            self.tables.insert(name.clone());
        }
        if removed {
            self.statements.insert(format!("DELETE FROM {name}"));
            return;
        }
        let columns = table.columns.iter();
        let writable = columns.filter(|column| !column.generated && !table.is_key(&column.name));
        let sets: Vec<String> = writable
            .map(|column| format!("{0} = {0}", quote(&column.name)))
            .collect();
        if !sets.is_empty() {
            let sql = format!("UPDATE {name} SET {}", sets.join(", "));
            self.statements.insert(sql);
        }
    }

    /// Nothing was, so far.
    pub(crate) fn clear(&mut self) {
        self.tables.clear();
        self.statements.clear();
        self.removed = false;
    }
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
            used: false,
            guarded: false,
            missed: Vec::new(),
            unattributed: false,
            tables: HashMap::new(),
            hook_depth: 0,
            passed: Passed::default(),
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

    /// Before the step looks at the database: writes the patches returned so far, so that what it sees is what
    /// one-at-a-time would show.
    pub(crate) fn look(&mut self) -> Result<()> {
        self.used = true;
        self.flush()?;
        if self.missed.is_empty() {
            let reached = self.session.step_reaches_out();
            return self.or_poison(reached);
        }
        let error = Error::step("a document changed meanwhile; the batch is done again");
        Err(self.poison(error, None))
    }

    /// Writes the patches returned so far.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let before = self.changes_so_far()?;
        let mut pending = std::mem::take(&mut self.pending);
        let written = self
            .session
            .write(&self.table, &self.keys, &pending, self.guarded);
        match written {
            Ok(written) => {
                self.changed += written.rows;
                self.own_writes += written.rows;
                let missed = written.missed.iter().map(|index| pending[*index].0);
                self.missed.extend(missed);
                let alone = self.changes_so_far()? == before + written.rows;
                let first = pending.first().map(|(position, _)| *position);
                self.noticed |= !alone && first.is_some_and(|first| first < self.in_hand);
                // Keep the allocation for the next patches.
                pending.clear();
                self.pending = pending;
                Ok(())
            }
            Err(failure) => Err(self.not_written(&pending, failure)),
        }
    }

    /// How many rows the transaction has changed. That it cannot be told is no fault of the step that happens to look.
    fn changes_so_far(&mut self) -> Result<u64> {
        let counted = self.session.change_counter();
        self.or_poison(counted)
    }

    fn not_written(&mut self, pending: &[(usize, Patch)], failure: WriteFailure) -> Error {
        let WriteFailure { index, error } = failure;
        let only = (pending.len() == 1).then_some(0);
        let Some((position, _)) = index.or(only).map(|index| &pending[index]) else {
            self.unattributed = !error.is_busy();
            return self.poison(error, None);
        };
        let key = show_key(&self.keys[*position]);
        let error = error.context(format!(
            "the change to document {key} of {} cannot be written",
            self.table.name
        ));
        self.poison(error, Some(*position))
    }

    /// Remembers a failure that fails the batch whatever the step does with it, and returns a copy for the step.
    pub(crate) fn poison(&mut self, error: Error, position: Option<usize>) -> Error {
        let shown = Error::new(error.kind(), error.chain());
        self.poison.get_or_insert(Poison { error, position });
        shown
    }

    /// What the database answered the step. A failure that ended the transaction, or that may be tried again, fails the
    /// batch whatever the step makes of it: a lost connection is not the step's own error, nor its to swallow.
    pub(crate) fn or_poison<R>(&mut self, result: Result<R>) -> Result<R> {
        match result {
            Err(error) if error.is_busy() || !self.session.in_transaction() => {
                Err(self.poison(error, None))
            }
            other => other,
        }
    }

    pub(crate) fn table_info(&mut self, name: &str) -> Result<Arc<TableInfo>> {
        if let Some(table) = self.tables.get(name) {
            return Ok(table.clone());
        }
        let described = self.session.table(None, name);
        let table = Arc::new(self.or_poison(described)?);
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
            .write(table, &keys, &pair, false)
            .map_err(|failure| {
                failure.error.context(format!(
                    "the change to document {} of {} cannot be written",
                    show_key(&keys[0]),
                    table.name
                ))
            })?;
        let [(_, patch)] = pair;
        change.patch = patch;
        if written.rows > 0 {
            if self.write_mode == WriteMode::SafeBypass {
                self.passed.changed(table, change.patch.is_delete());
            }
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

/// A page over the same table as `page` with every column, for showing whole rows.
pub(crate) fn whole_rows(page: &Page) -> Page {
    Page {
        columns: (0..page.table.columns.len()).collect(),
        ..page.clone()
    }
}
