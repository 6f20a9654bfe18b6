//! Between two batches: whether to stop, whether the run is still ours, keeping its lease, and leaving the database to others.

use super::open::in_transaction;
use super::step::Part;
use super::visit::Execution;
use crate::error::Result;
use crate::history::{self, RunStatus};
use std::time::{Duration, Instant};

impl Execution<'_, '_, '_> {
    /// Whether the run goes on, and is this process's to drive if it was.
    pub(super) fn run_is_ours(&mut self) -> Result<bool> {
        let run = self.load_run()?;
        Ok(run.is_some_and(|run| {
            let driver = self.drive.fence.as_ref();
            run.is_active() && driver.is_none_or(|fence| fence.epoch == run.lease_epoch)
        }))
    }

    /// Whether another worker of this process has ended the run, which all of them then notice.
    pub(super) fn run_was_ended(&mut self) -> Result<bool> {
        Ok(self.step.is_stopped() && self.load_run()?.is_some_and(|run| !run.is_active()))
    }

    pub(super) fn load_run(&mut self) -> Result<Option<history::RunRow>> {
        let drive = self.drive;
        in_transaction(drive, &mut *self.batch.ctx.session, |session| {
            history::load_run(session, &drive.run_id)
        })
    }

    pub(super) fn asked_to_stop(&self) -> Option<Part> {
        if self.drive.request.cancel.is_canceled() || self.canceled {
            Some(Part::Canceled)
        } else if self.drive.leave.is_canceled() {
            Some(Part::Left)
        } else if self.step.is_stopped() {
            Some(Part::Over)
        } else {
            None
        }
    }

    /// Only the driver ends a run without holding a range of it.
    pub(super) fn stop_without_a_range(&mut self, part: Part) -> Result<Part> {
        if matches!(part, Part::Canceled) {
            self.fence = None;
            self.record_end(RunStatus::Canceled, None);
        }
        Ok(part)
    }

    /// The run's own lease outlives its batches; it is renewed when a fifth of it is used up.
    pub(super) fn renew_run_lease(&mut self) -> Result<()> {
        let Some(fence) = self.drive.fence.clone().filter(|_| self.drives) else {
            return Ok(());
        };
        if !self.run_lease_is_due() {
            return Ok(());
        }
        let drive = self.drive;
        self.canceled |= in_transaction(drive, &mut *self.batch.ctx.session, |session| {
            history::fence(session, &fence)
        })?;
        self.renewed = Instant::now();
        Ok(())
    }

    pub(super) fn run_lease_is_due(&self) -> bool {
        let fence = self.drive.fence.as_ref().filter(|_| self.drives);
        fence.is_some_and(|fence| self.renewed.elapsed() >= fence.lease / 5)
    }

    /// Every batch is told whether the run was asked to stop; here the flag is read when that was some time ago.
    pub(super) fn look_for_cancel(&mut self, ago: Duration) -> Result<()> {
        // The batch on its way will tell.
        if self.fence.is_none() || self.flight.is_some() || self.looked.elapsed() < ago {
            return Ok(());
        }
        match history::load_run(&mut *self.batch.ctx.session, &self.drive.run_id) {
            // One that was ended by somebody else refuses the next batch.
            Ok(run) => {
                self.canceled |= run.is_some_and(|run| run.is_active() && run.cancel_requested)
            }
            // The batch meets the same trouble, and has the patience for it.
            Err(error) if error.is_busy() => {}
            Err(error) => return Err(error),
        }
        self.looked = Instant::now();
        Ok(())
    }

    /// Leaves the database to others; whoever asks us to stop cuts a long pause short.
    pub(super) fn pause(&mut self, pause: Duration) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(50);
        let until = Instant::now() + pause;
        while let Some(left) = until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            if self.asked_to_stop().is_some() {
                return Ok(());
            }
            self.look_for_cancel(Duration::from_millis(500))?;
            self.renew_run_lease()?;
            std::thread::sleep(left.min(LOOK));
        }
        Ok(())
    }
}
