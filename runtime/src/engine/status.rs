//! Looking at runs and stopping them, from any process.

use super::retry::Patience;
use super::{drift, lease, plan};
use crate::error::{Error, Result};
use crate::history::{self, History, RunRow, RunStatus};
use crate::migrator::{Canceled, Migrator, PartialStep, Status, StatusKind};
use std::time::Duration;

/// How long a request to cancel waits for the lock that a batch in hand may hold.
const CANCEL_PATIENCE: Duration = Duration::from_secs(30);

/// Where everything stands. Writes nothing.
pub(crate) fn status(migrator: &Migrator) -> Result<Status> {
    let mut session = migrator.store.connect()?;
    let history = Patience::new(CANCEL_PATIENCE).repeat(|| history::load(&mut *session))?;
    let kind = match history.active() {
        None => StatusKind::Idle,
        // It waits for a worker.
        Some(run) if run.status == RunStatus::Pending => StatusKind::Idle,
        Some(run) if is_live(run) => StatusKind::Running,
        Some(_) => StatusKind::Stale,
    };
    let partial = history
        .states
        .iter()
        .filter(|state| drift::is_half_done(state))
        .map(|state| PartialStep {
            migration_id: state.migration_id.clone(),
            direction: state.direction,
            percent: state.percent(),
        });
    Ok(Status {
        status: kind,
        active_run: history.active().cloned(),
        pending: plan::pending(migrator.manifest, &history)
            .iter()
            .map(|migration| migration.id.to_owned())
            .collect(),
        partial: partial.collect(),
        drift: drift::find(migrator.manifest, &history),
        runs: history.runs,
        migrations: history.states,
    })
}

/// Whether somebody is executing the run, as far as can be told from here.
pub(crate) fn is_live(run: &RunRow) -> bool {
    !run.lease_expired && !run.lease_holder.as_deref().is_some_and(lease::is_gone)
}

/// Asks the active run to stop, or ends it.
pub(crate) fn cancel(migrator: &Migrator, run_id: Option<&str>, force: bool) -> Result<Canceled> {
    let mut session = migrator.store.connect()?;
    let history = Patience::new(CANCEL_PATIENCE).repeat(|| history::load(&mut *session))?;
    let Some(run) = chosen(&history, run_id)? else {
        return Ok(Canceled::NothingActive);
    };
    let now = force || !is_live(run);
    Patience::new(CANCEL_PATIENCE).repeat(|| {
        session.begin()?;
        let written = match now {
            true => {
                history::cancel_now(&mut *session, &run.run_id, RunStatus::Canceled, "canceled")
            }
            false => history::request_cancel(&mut *session, &run.run_id),
        };
        let result = written.and_then(|()| session.commit());
        session.rollback();
        result
    })?;
    if let Some(holder) = run.lease_holder.as_deref().filter(|_| now) {
        lease::bury(holder);
    }
    let run_id = run.run_id.clone();
    Ok(if now {
        Canceled::Done { run_id }
    } else {
        Canceled::Requested { run_id }
    })
}

fn chosen<'h>(history: &'h History, run_id: Option<&str>) -> Result<Option<&'h RunRow>> {
    let active = history.active();
    match (active, run_id) {
        (Some(run), Some(id)) if run.run_id != id => Err(Error::usage(format!(
            "run {id} is not active; the active run is {} ({})",
            run.run_id, run.direction
        ))),
        (None, Some(id)) => Err(Error::usage(format!("run {id} is not active; no run is"))),
        _ => Ok(active),
    }
}
