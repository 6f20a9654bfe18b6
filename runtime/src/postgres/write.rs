//! Writing by key: one statement for all the changes of a batch that set the same columns.
//!
//! The values go as arrays of the columns' own types, a column of the statement's `u` each, and are joined by the key. Casts
//! are left out where they can be: Citus refuses those that are not immutable on columns that were unnested.

use super::bypass;
use super::foreign_keys::{self, Check};
use super::page::key_columns;
use super::session::{PostedWrite, PostgresRow, PostgresSession, raw_cell};
use super::table::Table;
use super::types::{Kind, Parameter};
use super::unnest::Unnested;
use super::wire::Answer;
use crate::error::{Error, Result};
use crate::patch::{Patch, same_name};
use crate::store::{TableInfo, WriteFailure, Written, quote};
use crate::value::{Key, Row, Value};

/// A change, with its place in the caller's list.
pub(super) type Change<'c> = (usize, &'c (usize, Patch));

/// Writes changes, those alike together.
pub(super) fn write(
    session: &mut PostgresSession,
    table: &TableInfo,
    keys: &[Key],
    changes: &[(usize, Patch)],
    guarded: bool,
) -> Result<Written, WriteFailure> {
    let at_once = |changes: &[(usize, Patch)], offset, session: &mut PostgresSession| {
        let failed = |error| WriteFailure {
            index: (changes.len() == 1).then_some(offset),
            error,
        };
        write_at_once(session, table, keys, changes, offset, guarded).map_err(failed)
    };
    // One document twice: the second change comes after the first.
    let ascending = changes.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if ascending {
        return at_once(changes, 0, session);
    }
    let mut written = Written::default();
    for (offset, change) in changes.iter().enumerate() {
        let mut one = at_once(std::slice::from_ref(change), offset, session)?;
        written.rows += one.rows;
        written.missed.append(&mut one.missed);
    }
    Ok(written)
}

/// Whether what becomes of changes can be told by counting rows.
pub(super) fn can_post(
    session: &PostgresSession,
    table: &TableInfo,
    changes: &[(usize, Patch)],
) -> bool {
    let ascending = changes.windows(2).all(|pair| pair[0].0 < pair[1].0);
    PostgresSession::own(table).is_ok_and(|own| {
        ascending && !bypass::is_needed(session, own) && is_quiet(session, own, &alike(changes, 0))
    })
}

/// Sends changes without waiting for what becomes of them, where that can be told by counting rows. Says whether it did.
pub(super) fn post(
    session: &mut PostgresSession,
    table: &TableInfo,
    keys: &[Key],
    changes: &[(usize, Patch)],
    guarded: bool,
) -> Result<bool> {
    let own = PostgresSession::own(table)?;
    let groups = alike(changes, 0);
    let guard = guarded && session.guard.columns.is_some();
    let batch = Batch {
        table,
        own,
        keys,
        groups: &groups,
        guard,
        bypass: false,
    };
    // Before the first is sent: a value that cannot be sent is a matter of one document.
    let statements: Result<Vec<_>> = groups
        .iter()
        .map(|group| batch.many(session, group, false))
        .collect();
    let Ok(statements) = statements else {
        return Ok(false);
    };
    session.posted_write = Some(PostedWrite {
        expected: changes.len() as u64,
        guarded: guard,
        rows: 0,
        failed: false,
    });
    for (sql, parameters) in statements {
        session.post_write_part(&sql, parameters)?;
    }
    Ok(true)
}

fn write_at_once(
    session: &mut PostgresSession,
    table: &TableInfo,
    keys: &[Key],
    changes: &[(usize, Patch)],
    offset: usize,
    guarded: bool,
) -> Result<Written> {
    let own = PostgresSession::own(table)?;
    let groups = alike(changes, offset);
    let quiet = is_quiet(session, own, &groups);
    if !quiet {
        session.expect_foreign_changes()?;
    }
    let guard = guarded && session.guard.columns.is_some();
    let bypass = bypass::is_needed(session, own);
    let (mut pointed_to, mut checks) = (Vec::new(), Vec::new());
    if bypass {
        for group in &groups {
            pointed_to.extend(foreign_keys::lock_what_is_pointed_to(
                session, table, own, keys, group,
            )?);
            checks.extend(foreign_keys::of_what_points(table, own, keys, group)?);
        }
    }
    let batch = Batch {
        table,
        own,
        keys,
        groups: &groups,
        guard,
        bypass,
    };
    let written = batch.write(session)?;
    for pointed_to in pointed_to {
        checks.extend(pointed_to.check(table)?);
    }
    hold(session, checks)?;
    if quiet || !session.shared.flavor().counts {
        session.count_changed(own, written.rows);
    }
    if !quiet {
        session.doubt_counter();
    }
    Ok(written)
}

/// Changes that are written together.
struct Batch<'b, 'c> {
    table: &'b TableInfo,
    own: &'b Table,
    keys: &'b [Key],
    groups: &'b [Vec<Change<'c>>],
    guard: bool,
    bypass: bool,
}

/// So many changes are first written in the hope that nobody has touched their rows meanwhile.
const MANY: usize = 64;

/// How many writes there is no such hope after it was in vain.
const WARY: u32 = 16;

impl Batch<'_, '_> {
    /// Rows that come back to say which ones were found cost a batch a tenth of its time, and mostly all were found. So
    /// many changes are written without, behind a savepoint; when their number is wrong they are undone and written again,
    /// and the rows say which are missing.
    fn write(&self, session: &mut PostgresSession) -> Result<Written> {
        let changes: usize = self.groups.iter().map(Vec::len).sum();
        if !self.guard || changes < MANY || session.wary > 0 {
            session.wary = session.wary.saturating_sub(1);
            return self.attempt(session, self.guard);
        }
        session.post_script("SAVEPOINT driftless_write")?;
        let written = self.attempt(session, false)?;
        if written.rows == changes as u64 {
            session.post_script("RELEASE SAVEPOINT driftless_write")?;
            return Ok(written);
        }
        session.wary = WARY;
        session.post_script("ROLLBACK TO SAVEPOINT driftless_write")?;
        self.attempt(session, true)
    }

    fn attempt(&self, session: &mut PostgresSession, tell_places: bool) -> Result<Written> {
        let mut posted = Vec::with_capacity(self.groups.len() + 2);
        if self.bypass {
            posted.push((None, session.send(bypass::OFF, Vec::new())?));
        }
        for group in self.groups {
            let (sql, parameters) = match group.as_slice() {
                [(_, (position, patch))] if !self.guard => {
                    single(self.table, self.own, &self.keys[*position], patch)?
                }
                group => self.many(session, group, tell_places)?,
            };
            posted.push((Some(group), session.send(&sql, parameters)?));
        }
        if self.bypass {
            posted.push((None, session.send(bypass::ON, Vec::new())?));
        }
        // All of them are waited for, in order; after a failure the others only say that the transaction has failed.
        let mut result = Ok(Written::default());
        for (group, posted) in posted {
            let answer = session.wait(posted);
            result = result.and_then(|mut written| {
                let answer = answer?;
                if let Some(group) = group {
                    written.rows += answer.affected;
                    if tell_places {
                        written.missed.extend(missed(group, &answer));
                    }
                }
                Ok(written)
            });
        }
        result
    }

    /// Changes that set the same columns.
    fn many(
        &self,
        session: &PostgresSession,
        group: &[Change<'_>],
        tell_places: bool,
    ) -> Result<(String, Vec<Parameter>)> {
        let Batch {
            table, own, keys, ..
        } = self;
        let mut statement = Unnested::default();
        let first = &group[0].1.1;
        let mut set = Vec::new();
        for (at, (name, _)) in first.columns.iter().enumerate() {
            let column = position(table, name)?;
            let of = &own.types[column];
            let values = group.iter().map(|(_, (_, patch))| &patch.columns[at].1);
            let array = Parameter::many(of, values).map_err(|error| named(table, column, error))?;
            let (cell, name) = (statement.add(array), quote(&table.columns[column].name));
            set.push(format!("{name} = {}", of.many_sql(&cell)));
        }
        let mut conditions = statement.keys(table, keys, group)?;
        if self.guard {
            conditions.extend(unchanged(session, table, own, group, &mut statement)?);
        }
        let (source, conditions) = (statement.source(tell_places), conditions.join(" AND "));
        let returning = if tell_places {
            " RETURNING u.place"
        } else {
            ""
        };
        let (name, set) = (&table.sql_name, set.join(", "));
        let sql = match first.delete {
            true => format!("DELETE FROM {name} AS d USING {source} WHERE {conditions}{returning}"),
            false => {
                format!("UPDATE {name} AS d SET {set} FROM {source} WHERE {conditions}{returning}")
            }
        };
        Ok((sql, statement.parameters))
    }
}

/// Makes sure that foreign keys hold.
fn hold(session: &mut PostgresSession, checks: Vec<Check>) -> Result<()> {
    for Check {
        sql,
        parameters,
        broken,
    } in checks
    {
        if session.ask(&sql, parameters)?.affected > 0 {
            return Err(broken);
        }
    }
    Ok(())
}

/// Whether writing these changes changes no other row: nobody's trigger fires, and no foreign key passes it on.
fn is_quiet(session: &PostgresSession, own: &Table, groups: &[Vec<Change<'_>>]) -> bool {
    if session.fires && own.fires_normally() || own.has_rules {
        return false;
    }
    let passed_on = |patch: &Patch| own.incoming.iter().any(|key| key.is_passed_on(patch));
    !groups.iter().any(|group| passed_on(&group[0].1.1))
}

/// The changes by the columns they set, in order of first appearance.
fn alike<'c>(changes: &'c [(usize, Patch)], offset: usize) -> Vec<Vec<Change<'c>>> {
    let mut groups: Vec<Vec<Change<'c>>> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let known = groups
            .iter()
            .rposition(|group| same_columns(&group[0].1.1, &change.1));
        match known {
            Some(at) => groups[at].push((offset + index, change)),
            None => {
                let mut group = Vec::with_capacity(changes.len() - index);
                group.push((offset + index, change));
                groups.push(group);
            }
        }
    }
    groups
}

fn same_columns(one: &Patch, other: &Patch) -> bool {
    one.delete == other.delete
        && one.columns.len() == other.columns.len()
        && one
            .columns
            .iter()
            .zip(&other.columns)
            .all(|((one, _), (other, _))| same_name(one, other))
}

/// The changes whose places did not come back.
fn missed(group: &[Change<'_>], answer: &Answer) -> Vec<usize> {
    let mut found = vec![false; group.len()];
    for row in &answer.rows {
        let place: i64 = row.get(0);
        if let Some(found) = usize::try_from(place - 1)
            .ok()
            .and_then(|at| found.get_mut(at))
        {
            *found = true;
        }
    }
    let places = group.iter().zip(found);
    places
        .filter(|(_, found)| !found)
        .map(|((index, _), _)| *index)
        .collect()
}

/// One change to a row that needs no guard.
fn single(
    table: &TableInfo,
    own: &Table,
    key: &Key,
    patch: &Patch,
) -> Result<(String, Vec<Parameter>)> {
    let mut parameters = Vec::new();
    let mut set = Vec::new();
    for (name, value) in &patch.columns {
        let at = position(table, name)?;
        parameters.push(parameter(table, own, at, value)?);
        set.push(format!(
            "{} = ${}",
            quote(&table.columns[at].name),
            parameters.len()
        ));
    }
    let mut conditions = Vec::new();
    for (column, value) in key_columns(table)?.zip(key) {
        parameters.push(Parameter::one(column.of, value)?);
        conditions.push(format!("{} = ${}", column.compared, parameters.len()));
    }
    let conditions = conditions.join(" AND ");
    let sql = match patch.delete {
        true => format!("DELETE FROM {} WHERE {conditions}", table.sql_name),
        false => format!(
            "UPDATE {} SET {} WHERE {conditions}",
            table.sql_name,
            set.join(", ")
        ),
    };
    Ok((sql, parameters))
}

/// The conditions that a row still is what its document was read from. The key needs none.
fn unchanged(
    session: &PostgresSession,
    table: &TableInfo,
    own: &Table,
    group: &[Change<'_>],
    statement: &mut Unnested,
) -> Result<Vec<String>> {
    let mut conditions = Vec::new();
    let columns = session.guard.columns.as_deref().unwrap_or_default();
    let rows = &session.guard.rows;
    for (cell, column) in columns.iter().enumerate() {
        let of = &own.types[*column];
        if own.key.contains(column) && of.has_equality {
            continue;
        }
        let mut raw = Vec::with_capacity(group.len());
        for (_, (position, _)) in group {
            let row = rows.get(*position).ok_or_else(|| {
                Error::database(format!(
                    "document {position} of the page of {} was not read",
                    table.name
                ))
            })?;
            raw.push(raw_cell(row, cell));
        }
        let name = statement.add(Parameter::many_raw(of, raw.into_iter())?);
        conditions.push(of.same_sql(&format!("d.{}", quote(&table.columns[*column].name)), &name));
    }
    Ok(conditions)
}

fn position(table: &TableInfo, name: &str) -> Result<usize> {
    table.position(name).ok_or_else(|| {
        Error::step(format!(
            "column {name} is set, which {} does not have (it has {})",
            table.name,
            table.column_names()
        ))
    })
}

fn parameter(table: &TableInfo, own: &Table, column: usize, value: &Value) -> Result<Parameter> {
    Parameter::one(&own.types[column], value).map_err(|error| named(table, column, error))
}

fn named(table: &TableInfo, column: usize, error: Error) -> Error {
    error.context(format!(
        "column {} of {} cannot be set",
        table.columns[column].name, table.name
    ))
}

/// Inserts a row and returns its key.
pub(super) fn insert(
    session: &mut PostgresSession,
    table: &TableInfo,
    columns: &[(String, Value)],
) -> Result<Option<Key>> {
    let own = PostgresSession::own(table)?;
    session.prefetched = None;
    let quiet = !(own.has_rules || session.fires && own.fires_normally());
    if !quiet {
        session.expect_foreign_changes()?;
    }
    let (mut names, mut places, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in columns {
        let at = position(table, name)?;
        parameters.push(parameter(table, own, at, value)?);
        names.push(quote(&table.columns[at].name));
        places.push(format!("${}", parameters.len()));
    }
    let key: Vec<&str> = key_columns(table)?.map(|column| column.read).collect();
    let what = match names.as_slice() {
        [] => "DEFAULT VALUES".to_owned(),
        names => format!("({}) VALUES ({})", names.join(", "), places.join(", ")),
    };
    let sql = format!(
        "INSERT INTO {} {what} RETURNING {}",
        table.sql_name,
        key.join(", ")
    );
    let bypass = bypass::is_needed(session, own);
    let mut posted = Vec::new();
    if bypass {
        posted.push(session.send(bypass::OFF, Vec::new())?);
    }
    posted.push(session.send(&sql, parameters)?);
    let mut answer = Answer::default();
    for posted in posted {
        answer = session.wait(posted)?;
    }
    if bypass {
        session.ask(bypass::ON, Vec::new())?;
    }
    if quiet {
        session.count_changed(own, answer.affected);
    } else {
        session.doubt_counter();
    }
    let kinds: Vec<Kind> = own
        .key
        .iter()
        .map(|at| own.types[*at].kind.clone())
        .collect();
    let Some(row) = answer.rows.first() else {
        return Ok(None);
    };
    let row = PostgresRow::new(row, &kinds);
    let key = (0..kinds.len()).map(|at| row.cell(at).map(|cell| cell.to_owned()));
    let key = key.collect::<Result<Key>>()?;
    if bypass {
        hold(session, foreign_keys::of_an_inserted_row(table, own, &key)?)?;
    }
    Ok(Some(key))
}
