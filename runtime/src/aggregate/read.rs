//! Reading groups: one statement, which also says how the aggregate stands, so that what is returned is of one moment.

use super::definition::{
    Aggregate, AggregateDefinition, AggregateFunction, FunctionKind, GroupKey, KeyPrefix,
};
use super::group::{Group, stored};
use super::layout::{Layout, groups_table, value_table};
use super::state::AggregateState;
use crate::document::to_parameters;
use crate::engine::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::history;
use crate::migrator::Migrator;
use crate::store::{Session, quote};
use crate::value::{Row, Value, ValueRef};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Reads an aggregate. See [`Migrator::aggregate`].
#[derive(Clone)]
pub struct AggregateReader<'m, const KEYS: usize> {
    migrator: &'m Migrator,
    aggregate: &'static Aggregate<KEYS>,
}

impl<'m, const KEYS: usize> AggregateReader<'m, KEYS> {
    pub(crate) fn new(migrator: &'m Migrator, aggregate: &'static Aggregate<KEYS>) -> Self {
        AggregateReader {
            migrator,
            aggregate,
        }
    }

    /// The group with this key; `None` when it has no rows.
    ///
    /// # Errors
    /// An aggregate that is not `READY`; a database that cannot be read.
    pub async fn get(&self, key: impl GroupKey<KEYS>) -> Result<Option<Group>> {
        Ok(self.read(&key, Trust::Ready).await?.pop())
    }

    /// As [`get`](Self::get), whatever the state: what there was when it became `STALE`, or what is built so far.
    ///
    /// # Errors
    /// An aggregate that was never built; a database that cannot be read.
    pub async fn get_stale(&self, key: impl GroupKey<KEYS>) -> Result<Option<Group>> {
        Ok(self.read(&key, Trust::Any).await?.pop())
    }

    /// All groups whose keys begin with these values, in the order of their keys: `(7,)`, or `()` for every group. They are
    /// held in memory.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn groups(&self, prefix: impl KeyPrefix<KEYS>) -> Result<Vec<Group>> {
        self.read(&prefix, Trust::Ready).await
    }

    async fn read(
        &self,
        key: &(impl serde::Serialize + ?Sized),
        trust: Trust,
    ) -> Result<Vec<Group>> {
        let definition: &'static AggregateDefinition = self.aggregate;
        let key = to_parameters(key).map_err(|reason| {
            Error::usage(format!(
                "a key of aggregate {} cannot be sent: {reason}",
                definition.name
            ))
        })?;
        self.migrator
            .on_thread(move |migrator| {
                let patience = Patience::new(Duration::from_secs(5));
                patience.repeat(|| migrator.readers.read(migrator, definition, &key, trust))
            })
            .await
    }
}

/// What state is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Ready,
    Any,
}

/// Connections that are kept for reading, each with what it knows of the aggregates it has read.
#[derive(Default, Clone)]
pub(crate) struct Readers(Arc<Mutex<Vec<Reading>>>);

struct Reading {
    session: Box<dyn Session>,
    queries: HashMap<&'static str, Query>,
}

/// So many connections are kept open.
const KEPT: usize = 4;

impl Readers {
    fn read(
        &self,
        migrator: &Migrator,
        definition: &'static AggregateDefinition,
        key: &[Value],
        trust: Trust,
    ) -> Result<Vec<Group>> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connect = || -> Result<Reading> {
            Ok(Reading {
                session: migrator.store.connect()?,
                queries: HashMap::new(),
            })
        };
        let idle = kept().pop();
        let known = idle.is_some();
        let mut reading = idle.map_or_else(connect, Ok)?;
        let mut groups = reading.read(definition, key, trust);
        // What an idle connection knew may be wrong by now: the aggregate was declared otherwise, the connection is gone.
        if known && matches!(&groups, Err(error) if !error.is_stale()) {
            reading = connect()?;
            groups = reading.read(definition, key, trust);
        }
        let usable = groups.is_ok() || matches!(&groups, Err(error) if error.is_stale());
        if usable && kept().len() < KEPT {
            kept().push(reading);
        }
        groups
    }
}

impl Reading {
    fn read(
        &mut self,
        definition: &'static AggregateDefinition,
        key: &[Value],
        trust: Trust,
    ) -> Result<Vec<Group>> {
        let session = &mut *self.session;
        let query = match self.queries.entry(definition.name) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(Query::new(session, definition)?)
            }
        };
        query.run(session, definition, key, trust)
    }
}

/// The statement that reads an aggregate, but for its key.
struct Query {
    columns: String,
    intact: String,
    keys: usize,
}

impl Query {
    fn new(session: &mut dyn Session, definition: &'static AggregateDefinition) -> Result<Query> {
        let row = match history::has_aggregates(session)? {
            true => history::load_aggregate(session, definition.name)?,
            false => None,
        };
        let row = row.ok_or_else(|| not_built(definition))?;
        // Its tables would hold something else than what is asked for.
        if row.digest != definition.digest {
            return Err(stale(definition, "was built from another declaration"));
        }
        let table = session.table(definition.table.schema, definition.table.name)?;
        let layout = Layout::new(definition, Arc::new(table))?;
        let mut columns = vec!["g.count".to_owned()];
        for (at, position) in layout.by.iter().enumerate() {
            columns.push(session.aggregate_cell_sql(&layout, *position, &format!("g.by{at}"))?);
        }
        for function in stored(definition) {
            columns.push(cell_sql(session, &layout, function)?);
        }
        let columns = columns.iter().enumerate();
        let columns: Vec<String> = columns
            .map(|(at, column)| format!("{column} AS c{at}"))
            .collect();
        Ok(Query {
            columns: columns.join(", "),
            intact: session.aggregate_intact_sql(definition.name),
            keys: layout.by.len(),
        })
    }

    fn run(
        &self,
        session: &mut dyn Session,
        definition: &'static AggregateDefinition,
        key: &[Value],
        trust: Trust,
    ) -> Result<Vec<Group>> {
        let mut parameters = vec![Value::Text(definition.name.into())];
        let mut conditions = vec!["g.count > 0".to_owned()];
        for (at, value) in key.iter().enumerate() {
            conditions.push(match value {
                Value::Null => format!("g.by{at} IS NULL"),
                value => {
                    parameters.push(value.clone());
                    format!("g.by{at} = ${}", parameters.len())
                }
            });
        }
        let order: Vec<String> = (0..self.keys).map(|at| format!("g.by{at}")).collect();
        let sql = format!(
            "SELECT a.state, a.digest, a.reason, {intact}, found.* FROM migration_aggregate AS a \
             LEFT JOIN (SELECT {columns}, row_number() OVER (ORDER BY {order}) AS place FROM {groups} AS g WHERE {conditions}) AS found \
             ON TRUE WHERE a.name = $1 ORDER BY found.place",
            intact = self.intact,
            columns = self.columns,
            order = order.join(", "),
            groups = quote(&groups_table(definition.name)),
            conditions = conditions.join(" AND "),
        );
        let (mut known, mut groups) = (false, Vec::new());
        session.query(&sql, &parameters, &mut |row| {
            if !known {
                check(definition, row, trust)?;
            }
            known = true;
            groups.extend(self.group(definition, row)?);
            Ok(())
        })?;
        match known {
            true => Ok(groups),
            false => Err(not_built(definition)),
        }
    }

    /// The group of a row; `None` when the row only tells how the aggregate stands.
    fn group(
        &self,
        definition: &'static AggregateDefinition,
        row: &dyn Row,
    ) -> Result<Option<Group>> {
        let ValueRef::Integer(count) = row.cell(BEFORE)? else {
            return Ok(None);
        };
        let cells = |from: usize, to: usize| {
            let cells = (from..to).map(|at| row.cell(at).map(ValueRef::to_owned));
            cells.collect::<Result<Vec<Value>>>()
        };
        let key = BEFORE + 1;
        let functions = key + self.keys;
        let end = functions + stored(definition).count();
        Ok(Some(Group::new(
            definition,
            count.unsigned_abs(),
            cells(key, functions)?,
            cells(functions, end)?,
        )))
    }
}

/// Cells before those of a group: how the aggregate stands.
const BEFORE: usize = 4;

/// What a function of a group is, as SQL.
fn cell_sql(
    session: &dyn Session,
    layout: &Layout,
    function: &AggregateFunction,
) -> Result<String> {
    let place = layout.place(function).unwrap_or_default();
    let backwards = match function.kind {
        FunctionKind::Sum | FunctionKind::Avg => {
            let (sum, average) = session.aggregate_sum_sql(layout, place)?;
            return Ok(match function.kind {
                // Of no values it is NULL, as in SQL.
                FunctionKind::Sum => {
                    format!("CASE WHEN g.present{place} <> 0 THEN {sum} END")
                }
                _ => average,
            });
        }
        FunctionKind::Max => " DESC",
        _ => "",
    };
    let cell = session.aggregate_cell_sql(layout, layout.extremes[place], "v.value")?;
    Ok(format!(
        "(SELECT {cell} FROM {} AS v WHERE v.group_id = g.group_id AND v.n > 0 ORDER BY v.value{backwards} LIMIT 1)",
        quote(&value_table(layout.name(), place))
    ))
}

fn stale(definition: &AggregateDefinition, why: &str) -> Error {
    Error::new(
        ErrorKind::Stale,
        format!(
            "aggregate {} {why}; run `migrate aggregate backfill`",
            definition.name
        ),
    )
}

fn not_built(definition: &AggregateDefinition) -> Error {
    stale(definition, "was never built here")
}

/// Refuses to read what is not right, or not to be trusted.
fn check(definition: &AggregateDefinition, row: &dyn Row, trust: Trust) -> Result<()> {
    let text = |at: usize| -> Result<Option<String>> {
        Ok(match row.cell(at)? {
            ValueRef::Text(text) => Some(text.to_owned()),
            _ => None,
        })
    };
    let stale = |why: &str| Err(stale(definition, why));
    if text(1)?.as_deref() != Some(definition.digest) {
        return stale("was built from another declaration");
    }
    if trust == Trust::Any {
        return Ok(());
    }
    let state = text(0)?.unwrap_or_default();
    match AggregateState::parse(&state) {
        Some(AggregateState::Ready) => {}
        Some(AggregateState::Building | AggregateState::Clearing) => {
            return stale(&format!(
                "is {state}, so that it does not count every row yet"
            ));
        }
        _ => {
            let reason = text(2)?.unwrap_or_else(|| "its table was changed past it".into());
            return stale(&format!("is {state}: {reason}"));
        }
    }
    match row.cell(3)? {
        ValueRef::Integer(1) | ValueRef::Boolean(true) => Ok(()),
        _ => stale("has lost a trigger, so that writes may have passed it by"),
    }
}
