//! How aggregates stand, and removing those that nobody declares.

use super::definition::AggregateDefinition;
use super::options::AggregateStatus;
use super::prepare;
use super::state::AggregateState;
use crate::engine::Patience;
use crate::error::Result;
use crate::history::{self, AggregateRow};
use crate::migrator::Migrator;
use crate::store::Session;
use std::time::Duration;

/// How every aggregate stands that is declared or was ever built. Writes nothing, and believes no READY whose triggers are
/// gone.
pub(crate) fn status(
    migrator: &Migrator,
    session: &mut dyn Session,
) -> Result<Vec<AggregateStatus>> {
    let rows = history::load_aggregates(session)?;
    let mut statuses: Vec<AggregateStatus> = Vec::new();
    for definition in &migrator.aggregates {
        let row = rows.iter().find(|row| row.name == definition.name);
        let mut status = match row {
            Some(row) => of_row(row),
            None => AggregateStatus {
                table: match definition.table.schema {
                    Some(schema) => format!("{schema}.{}", definition.table.name),
                    None => definition.table.name.into(),
                },
                state: None,
                ..of_row(&AggregateRow {
                    name: definition.name.into(),
                    ..AggregateRow::default()
                })
            },
        };
        status.declared = true;
        if row.is_some() {
            let doubt = match prepare::look(session, definition) {
                Ok(found) => found.distrust(),
                Err(error) => Some(error.chain()),
            };
            if let Some(doubt) = doubt {
                status.state = Some(AggregateState::Stale);
                status.reason.get_or_insert(doubt);
            }
        }
        statuses.push(status);
    }
    let undeclared = rows.iter().filter(|row| {
        let declared = |definition: &&AggregateDefinition| definition.name == row.name;
        !migrator
            .aggregates
            .iter()
            .copied()
            .any(|one| declared(&one))
    });
    statuses.extend(undeclared.map(of_row));
    Ok(statuses)
}

fn of_row(row: &AggregateRow) -> AggregateStatus {
    let live = row.holder.as_deref().filter(|_| !row.expired);
    AggregateStatus {
        name: row.name.clone(),
        table: row.table.replace('"', ""),
        state: Some(row.state),
        declared: false,
        reason: row.reason.clone(),
        processed: row.processed,
        total: row.total,
        holder: live.map(str::to_owned),
        requested: row.requested,
        ready_at: row.ready_at.clone(),
        error: None,
    }
}

/// Removes aggregates that this program does not declare, with their triggers; gives back their names.
pub(crate) fn prune(migrator: &Migrator) -> Result<Vec<String>> {
    let mut session = migrator.store.connect()?;
    let statuses = status(migrator, &mut *session)?;
    let mut pruned = Vec::new();
    for status in statuses.into_iter().filter(|status| !status.declared) {
        Patience::new(Duration::from_secs(30)).repeat(|| {
            session.begin_planning()?;
            let removed = session
                .script(&session.aggregate_drop_script(&status.name))
                .and_then(|()| history::forget_aggregate(&mut *session, &status.name))
                .and_then(|()| session.commit());
            session.rollback();
            removed
        })?;
        pruned.push(status.name);
    }
    Ok(pruned)
}
