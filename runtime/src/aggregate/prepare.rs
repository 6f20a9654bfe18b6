//! Before a build: what is there, what is needed, and who may do it. One transaction, so that nobody comes in between.

use super::definition::AggregateDefinition;
use super::layout::{Layout, Object, script};
use super::state::{AggregateState, Need, distrust, need};
use crate::engine::is_gone;
use crate::error::Result;
use crate::history::{self, AggregateFence, AggregateRow};
use crate::store::Session;
use std::sync::Arc;
use std::time::Duration;

/// What a look at an aggregate comes to.
pub(super) enum Prepared {
    /// It is READY.
    Ready,
    /// It is ours to build, from where it stands.
    Build {
        layout: Box<Layout>,
        fence: AggregateFence,
        /// Whether what it held is to be removed first.
        clearing: bool,
        /// Rows counted already.
        processed: u64,
    },
    /// This holder builds it.
    Wait(String),
}

/// What is there of an aggregate, and what it should be.
pub(super) struct Found {
    pub layout: Layout,
    pub objects: Vec<Object>,
    pub row: Option<AggregateRow>,
    /// What is missing of its tables and triggers.
    pub damage: Option<String>,
}

impl Found {
    pub(super) fn need(&self, rebuild: bool) -> Need {
        let digest = self.layout.definition.digest;
        let (row, damage) = (self.row.as_ref(), self.damage.as_deref());
        need(row, digest, &script(&self.objects), damage, rebuild)
    }

    /// Why a row that says READY is not to be believed.
    pub(super) fn distrust(&self) -> Option<String> {
        let row = self.row.as_ref()?;
        distrust(row, self.layout.definition.digest, self.damage.as_deref())
    }
}

/// Looks at an aggregate. Writes nothing.
pub(super) fn look(
    session: &mut dyn Session,
    definition: &'static AggregateDefinition,
) -> Result<Found> {
    let table = session.table(definition.table.schema, definition.table.name);
    let table = table
        .map_err(|error| error.context(format!("aggregate {} has no table", definition.name)))?;
    let layout = Layout::new(definition, Arc::new(table))?;
    let objects = session.aggregate_objects(&layout)?;
    let row = match history::has_aggregates(session)? {
        true => history::load_aggregate(session, definition.name)?,
        false => None,
    };
    let damage = match row {
        Some(_) => session.aggregate_damage(&layout, &objects)?,
        None => None,
    };
    Ok(Found {
        layout,
        objects,
        row,
        damage,
    })
}

/// Makes an aggregate's tables and triggers where they are not as they should be, and leases it to be built. Inside the
/// caller's transaction.
pub(super) fn prepare(
    session: &mut dyn Session,
    definition: &'static AggregateDefinition,
    rebuild: bool,
    total: u64,
    holder: &str,
    lease: Duration,
) -> Result<Prepared> {
    history::ensure(session)?;
    let found = look(session, definition)?;
    let need = found.need(rebuild);
    if need == Need::Nothing {
        return Ok(Prepared::Ready);
    }
    if let Some(other) = found
        .row
        .as_ref()
        .and_then(|row| held_by_other(row, holder))
    {
        return Ok(Prepared::Wait(other));
    }
    let fence = match (need, &found.row) {
        (Need::Clear | Need::Resume, Some(row)) => {
            let state = match need {
                Need::Resume => row.state,
                // A write that is in flight may still count into what is to be removed.
                _ => {
                    session.keep_writers_out(&found.layout.table)?;
                    AggregateState::Clearing
                }
            };
            history::lease_aggregate(session, row, state, total, holder, lease)?
        }
        _ => Some(make(session, &found, total, holder, lease)?),
    };
    let clearing = match (need, &found.row) {
        (Need::Clear, _) => true,
        (Need::Resume, Some(row)) => row.state == AggregateState::Clearing,
        _ => false,
    };
    Ok(match fence {
        Some(fence) => Prepared::Build {
            layout: Box::new(found.layout),
            fence,
            clearing,
            processed: match (need, &found.row) {
                (Need::Resume, Some(row)) => row.processed,
                _ => 0,
            },
        },
        None => Prepared::Wait("somebody else".into()),
    })
}

/// Somebody else who builds it and lives, as far as one can know.
fn held_by_other(row: &AggregateRow, me: &str) -> Option<String> {
    let holder = row.holder.as_deref()?;
    let other = holder != me && !row.expired && !is_gone(holder);
    other.then(|| holder.to_owned())
}

/// Makes tables and triggers anew, with nothing counted.
fn make(
    session: &mut dyn Session,
    found: &Found,
    total: u64,
    holder: &str,
    lease: Duration,
) -> Result<AggregateFence> {
    let Found {
        layout,
        objects,
        row,
        ..
    } = found;
    session.keep_writers_out(&layout.table)?;
    let objects_sql = script(objects);
    session.script(&session.aggregate_drop_script(layout.name()))?;
    session.script(&objects_sql)?;
    let new = AggregateRow {
        name: layout.name().into(),
        table: layout.table.sql_name.clone(),
        digest: layout.definition.digest.into(),
        objects: objects_sql,
        epoch: row.as_ref().map_or(0, |row| row.epoch),
        total,
        ..AggregateRow::default()
    };
    history::begin_aggregate(session, &new, holder, lease)
}
