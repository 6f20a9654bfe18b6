//! A new database begins after the migrations that are retired: what they did is in its schema, or there is nothing they
//! would have done.

use super::order;
use super::origin::Origin;
use super::retry::Patience;
use super::state::{Happening, Standing, next};
use crate::error::{Error, Result};
use crate::history::{self, AuditAction, Decision};
use crate::migrator::Migrator;
use crate::store::Session;
use std::time::Duration;

/// How long to wait for the lock that a batch in hand may hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// Records every retired migration that is missing as applied; returns their ids.
pub(crate) fn baseline(migrator: &Migrator, reason: &str) -> Result<Vec<String>> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::usage(
            "a baseline is only recorded for a reason; write one",
        ));
    }
    let mut session = migrator.store.connect()?;
    Patience::new(PATIENCE).repeat(|| {
        session.begin_planning()?;
        let recorded = inside(migrator, &mut *session, reason)
            .and_then(|recorded| session.commit().map(|()| recorded));
        session.rollback();
        recorded
    })
}

fn inside(migrator: &Migrator, session: &mut dyn Session, reason: &str) -> Result<Vec<String>> {
    let history = history::load(session)?;
    let missing = order::missing(migrator.manifest, &history);
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    history::ensure(session)?;
    let origin = Origin::of(migrator.manifest);
    for (retired, state) in &missing {
        if next(Standing::of(*state), Happening::Baseline).is_none() {
            let id = retired.id;
            return Err(Error::usage(format!(
                "migration {id} is retired and has begun on this database; finish it with the program of a version before it was retired"
            )));
        }
        history::insert_applied(session, retired.id, retired.checksum)?;
        let decision = Decision {
            action: AuditAction::Baseline,
            migration_id: retired.id,
            reason,
            old_checksum: state.map_or("", |state| &state.checksum),
            new_checksum: Some(retired.checksum),
            run_id: None,
            source: None,
        };
        history::record_decision(session, &decision, &origin)?;
    }
    Ok(missing
        .iter()
        .map(|(retired, _)| retired.id.to_owned())
        .collect())
}
