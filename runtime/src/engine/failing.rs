//! When a step does not go on: what is said, what is recorded, and which document is set aside.

use super::open::in_transaction;
use super::state::{Happening, Standing, next};
use super::visit::{Execution, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, Progress, RunStatus};
use std::time::Instant;

impl Execution<'_, '_, '_> {
    /// `on_error = "quarantine"`: commits the documents before the failing one, then sets that one aside.
    pub(super) fn around_the_failing_document(&mut self, error: Error) -> Result<Outcome> {
        let position = self.batch.current;
        let Some(key) = self.batch.ctx.keys.get(position).cloned() else {
            return Err(error);
        };
        if position > 0 {
            return self.batch_of(position);
        }
        let text = error.chain();
        self.batch.reset();
        self.batch.ctx.session.begin()?;
        if !self.drive.request.dry_run {
            let session = &mut *self.batch.ctx.session;
            let table = &self.batch.page.table.name;
            history::quarantine(
                session,
                self.work.migration.id,
                self.drive.request.direction,
                table,
                &key,
                &text,
                &self.drive.run_id,
            )?;
        }
        let done = Progress {
            processed: 1,
            quarantined: 1,
            ..Progress::default()
        };
        self.commit(Some(key), done, true, Instant::now())
    }

    /// Names migration, document and table of a failure, and says what became of the batch.
    pub(super) fn explain(&self, error: Error) -> Error {
        let id = self.work.migration.id;
        let direction = self.drive.request.direction;
        let table = &self.batch.page.table.name;
        let place = match self
            .batch
            .current_key()
            .filter(|_| of_a_document(&error) || error.kind() == ErrorKind::Database)
        {
            Some(key) => format!("document {key} of {table}"),
            None => format!("table {table}"),
        };
        let kept = match self.step.tally().processed {
            0 => "nothing was changed".to_owned(),
            done => format!("its batch was rolled back, the {done} documents before it are done"),
        };
        let way_out = match (self.drive.request.dry_run, direction) {
            (true, _) => "this was a dry run, so nothing was written".to_owned(),
            (false, direction) => format!("{kept}; run `{direction}` again to go on from there"),
        };
        error.context(format!(
            "migration {id} ({direction}) failed at {place} ({way_out})"
        ))
    }

    /// Records that the step and its run ended before their time, and fences off every other worker. Whoever holds a range
    /// may do that, and so may the driver.
    pub(super) fn record_end(&mut self, status: RunStatus, error: Option<&Error>) {
        let drive = self.drive;
        let (range, run) = (self.fence.clone(), drive.fence.clone());
        if drive.request.dry_run || (range.is_none() && run.is_none()) {
            return;
        }
        let happening = match status {
            RunStatus::Canceled => Happening::Cancel,
            _ => Happening::Fail,
        };
        let text = error.map(Error::chain);
        let id = self.work.migration.id;
        let recorded = in_transaction(drive, &mut *self.batch.ctx.session, |session| {
            if history::lock_run(session, &drive.run_id)? != Some(RunStatus::Running) {
                // Another worker ended it first, or our own first attempt did and its reply was lost.
                return Ok(());
            }
            match (&range, &run) {
                (Some(fence), _) if history::hold(session, fence)?.is_some() => {}
                (_, Some(fence)) => history::fence(session, fence).map(drop)?,
                _ => return Ok(()),
            }
            let state = history::load_state(session, id)?;
            if let Some(standing) = next(Standing::of(state.as_ref()), happening) {
                history::end_step(session, id, standing, text.as_deref())?;
            }
            history::end_run(session, &drive.run_id, status, text.as_deref())
        });
        if let Err(second) = recorded {
            drive.leave_behind();
            // The cursor is intact; the run is taken over or ended by whoever comes next.
            drive.tell(Event::Warning {
                message: format!(
                    "the end of the run could not be recorded: {}",
                    second.chain()
                ),
            });
        }
    }

    /// Gives the range back, so that others need not wait for the lease to end.
    pub(super) fn give_back(&mut self) {
        let Some(fence) = self.fence.take() else {
            return;
        };
        let given = in_transaction(self.drive, &mut *self.batch.ctx.session, |session| {
            history::release(session, &fence)
        });
        if let Err(error) = given {
            tracing::warn!(error = %error.chain(), "a lease could not be given back; it ends by itself");
        }
    }
}

/// Whether a document is to blame, and not the database or whoever else uses it.
pub(super) fn of_a_document(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Step | ErrorKind::Constraint)
}
