//! Accepting a change of applied code: its checksum stands for the old one from now on, and the audit says why.

use super::origin::Origin;
use super::retry::Patience;
use super::{drift, plan};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{self, AuditAction, Decision};
use crate::manifest::Migration;
use crate::migrator::{Accepted, Migrator};
use crate::store::Session;
use std::time::Duration;

/// How long to wait for the lock that a batch in hand may hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// Accepts one migration as it is compiled in.
pub(crate) fn accept(migrator: &Migrator, id: &str, reason: &str) -> Result<Accepted> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::usage(
            "a change of applied history is only accepted for a reason; write one",
        ));
    }
    let mut session = migrator.store.connect()?;
    Patience::new(PATIENCE).repeat(|| {
        session.begin_planning()?;
        let accepted = inside(migrator, &mut *session, id, reason)
            .and_then(|accepted| session.commit().map(|()| accepted));
        session.rollback();
        accepted
    })
}

fn inside(
    migrator: &Migrator,
    session: &mut dyn Session,
    id: &str,
    reason: &str,
) -> Result<Accepted> {
    let history = history::load(session)?;
    let state = history
        .state(id)
        .filter(|state| drift::leaves_traces(state));
    let (state, migration) = match (state, migrator.manifest.get(id)) {
        (Some(state), Some(migration)) => (state, migration),
        (Some(_), None) => {
            return Err(Error::usage(format!(
                "migration {id} was applied and is not compiled in, so there is no code to accept; restore its file, or retire it (`retire`)"
            )));
        }
        (None, Some(_)) => {
            return Err(Error::usage(format!(
                "migration {id} is not applied on this database, so there is nothing to accept"
            )));
        }
        (None, None) => return Err(plan::unknown(migrator.manifest, id)),
    };
    if drift::is_half_done(state) {
        return Err(Error::new(
            ErrorKind::Drift,
            drift::half_done(migration, state),
        ));
    }
    if let Some(algorithm) = drift::unknown_algorithm(state) {
        return Err(Error::new(
            ErrorKind::Drift,
            format!(
                "migration {id} was recorded with checksum algorithm {algorithm}, which this build does not know; update this program's driftless"
            ),
        ));
    }
    let accepted = Accepted {
        migration_id: id.to_owned(),
        old_checksum: state.checksum.clone(),
        new_checksum: migration.checksum.to_owned(),
        changed: migration.checksum != state.checksum,
    };
    if accepted.changed {
        history::ensure(session)?;
        record(migrator, session, migration, &accepted, reason)?;
    }
    Ok(accepted)
}

fn record(
    migrator: &Migrator,
    session: &mut dyn Session,
    migration: &Migration,
    accepted: &Accepted,
    reason: &str,
) -> Result<()> {
    let decision = Decision {
        action: AuditAction::Accept,
        migration_id: migration.id,
        reason,
        old_checksum: &accepted.old_checksum,
        new_checksum: Some(migration.checksum),
        run_id: None,
        source: Some(migration.source),
    };
    history::record_decision(session, &decision, &Origin::of(migrator.manifest))?;
    history::replace_checksum(session, migration)
}
