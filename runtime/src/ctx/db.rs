//! Raw SQL on the batch's own transaction.

use super::Ctx;
use crate::document::{record_from_row, to_parameters};
use crate::error::{Error, Result};
use crate::manifest::WriteMode;
use crate::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Raw SQL on the batch's own transaction. See [`Ctx::db`].
///
/// Parameters are `$1`, `$2`, … and are given as a tuple, an array, a single value or `()`.
pub struct Db<'c> {
    pub(super) ctx: &'c mut Ctx,
}

impl Db<'_> {
    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// SQL the database refuses, parameters that cannot be sent, a statement that would end the batch's transaction.
    pub fn execute(&mut self, sql: &str, parameters: impl Serialize) -> Result<u64> {
        let parameters = self.ready(sql, &parameters)?;
        let result = self.ctx.session.execute(sql, &parameters);
        self.still_inside(sql, result)
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
        self.still_inside(sql, result)?;
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
        self.ctx.look()?;
        if let Some(word) = transaction_word(sql) {
            return Err(Error::step(format!(
                "`{word}` would end or split the batch's transaction; remove it: everything a step does commits with its batch"
            )));
        }
        if self.ctx.write_mode == WriteMode::SafeBypass {
            self.ctx.passed.statements.insert(sql.to_owned());
        }
        to_parameters(parameters).map_err(|reason| {
            Error::step(format!(
                "a parameter cannot be sent to the database: {reason}"
            ))
        })
    }

    /// A failed statement may have rolled the whole transaction back; going on would write outside of it.
    fn still_inside<R>(&mut self, sql: &str, result: Result<R>) -> Result<R> {
        if self.ctx.session.in_transaction() || matches!(&result, Err(error) if error.is_busy()) {
            let result = result.map_err(|error| failed(sql, error));
            return self.ctx.or_poison(result);
        }
        let ended = format!("the batch's transaction was ended by: {sql}");
        let error = match result {
            Ok(_) => Error::step(ended),
            // A full disk, a conflict clause: the reason is what helps.
            Err(error) => error.context(ended),
        };
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
    const WORDS: [&str; 11] = [
        "abort",
        "begin",
        "commit",
        "end",
        "rollback",
        "savepoint",
        "release",
        "attach",
        "detach",
        // START TRANSACTION and PREPARE TRANSACTION; and a statement that is prepared is lost behind a pooler.
        "start",
        "prepare",
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
