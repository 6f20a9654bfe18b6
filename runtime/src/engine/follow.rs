//! Waiting for somebody else's run of the same plan, and noticing when it is to be taken over.

use super::retry::Patience;
use super::status::is_live;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, History, RunRow};
use crate::migrator::{MigrationReport, Migrator, Report, Run};
use crate::store::Session;
use std::time::{Duration, Instant};

/// Waits for somebody else's run of our plan. `None` when its holder is gone and it is to be taken over.
pub(crate) fn follow(migrator: &Migrator, request: &Run, run: &RunRow) -> Result<Option<Report>> {
    let holder = run.lease_holder.clone().unwrap_or_default();
    (migrator.observer)(&Event::Following {
        run_id: run.run_id.clone(),
        holder,
    });
    let mut session = migrator.store.connect()?;
    // A clock that is set back makes a lease look longer than it is; a holder that commits nothing for a whole lease by
    // our own clock is treated as gone all the same.
    let mut last_sign = (run.updated_at.clone(), Instant::now());
    loop {
        let history =
            Patience::new(request.lock_timeout).repeat(|| history::load(&mut *session))?;
        let Some(now) = Patience::new(request.lock_timeout)
            .repeat(|| history::load_run(&mut *session, &run.run_id))?
        else {
            return Ok(None);
        };
        if !now.is_active() {
            return Ok(Some(followed(request, &now, &history)));
        }
        if !is_live(&now) {
            return Ok(None);
        }
        if now.updated_at != last_sign.0 {
            last_sign = (now.updated_at.clone(), Instant::now());
        }
        if last_sign.1.elapsed() > migrator.lease * 2 {
            expire(request, &mut *session, &now)?;
            return Ok(None);
        }
        wait(request);
        if request.cancel.is_canceled() {
            return Err(Error::new(
                ErrorKind::Canceled,
                format!(
                    "stopped waiting; run {} goes on where it is executed",
                    run.run_id
                ),
            ));
        }
    }
}

/// Waits until it is time to look again, or until the request is canceled.
fn wait(request: &Run) {
    const BREATH: Duration = Duration::from_millis(100);
    let began = Instant::now();
    while !request.cancel.is_canceled() {
        let left = request.poll_interval.saturating_sub(began.elapsed());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(BREATH));
    }
}

/// Ends the lease of a holder that shows no sign of life.
fn expire(request: &Run, session: &mut dyn Session, run: &RunRow) -> Result<()> {
    Patience::new(request.lock_timeout).repeat(|| {
        session.begin()?;
        let result = history::expire(session, &run.run_id, run.lease_epoch, &run.updated_at)
            .and_then(|()| session.commit());
        session.rollback();
        result
    })
}

/// The report of a run that somebody else has executed.
fn followed(request: &Run, run: &RunRow, history: &History) -> Report {
    let migrations = run
        .migration_ids
        .iter()
        .filter_map(|id| history.state(id))
        .map(|state| MigrationReport {
            id: state.migration_id.clone(),
            status: state.status.to_string(),
            processed: state.processed,
            changed: state.changed,
            quarantined: state.quarantined,
            sample: Vec::new(),
        });
    Report {
        run_id: Some(run.run_id.clone()),
        migrations: migrations.collect(),
        error: run.last_error.clone(),
        ..Report::without_run(request, run.status, Vec::new())
    }
}
