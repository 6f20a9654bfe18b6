//! When a step does not go on: what is said, what is recorded, and which document is set aside.

use super::open::in_transaction;
use super::state::{Happening, next};
use super::step::{Execution, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, Progress, RunStatus};
use std::time::Instant;

impl Execution<'_, '_> {
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
        let fence = self.drive.fence.clone();
        self.batch.ctx.session.begin()?;
        if let Some(fence) = &fence {
            let session = &mut *self.batch.ctx.session;
            history::fence(session, fence)?;
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
        let progress = Progress {
            processed: self.progress.processed + 1,
            quarantined: self.progress.quarantined + 1,
            ..self.progress
        };
        self.commit(Some(key), progress, true, Instant::now())
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
        let kept = match self.progress.processed {
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

    pub(super) fn record_end(&mut self, status: RunStatus, error: Option<&Error>) {
        let drive = self.drive;
        match status {
            RunStatus::Completed | RunStatus::DryRun => {
                let Progress {
                    processed, changed, ..
                } = self.progress;
                drive.tell(Event::StepCompleted {
                    migration_id: self.work.migration.id.to_owned(),
                    processed,
                    changed,
                });
                return;
            }
            _ => {}
        }
        let Some(fence) = drive.fence.clone() else {
            return;
        };
        let happening = if status == RunStatus::Canceled {
            Happening::Cancel
        } else {
            Happening::Fail
        };
        let Some(standing) = next(self.standing, happening) else {
            return;
        };
        let text = error.map(Error::chain);
        let id = self.work.migration.id;
        let recorded = in_transaction(drive, &mut *self.batch.ctx.session, |session| {
            history::fence(session, &fence)?;
            history::end_step(session, id, standing, text.as_deref())?;
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
}

/// Whether a document is to blame, and not the database or whoever else uses it.
pub(super) fn of_a_document(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Step | ErrorKind::Constraint)
}
