//! Keeping a lease while a step takes its time over a batch.

use crate::store::Session;
use std::time::{Duration, Instant};

/// Renews a lease when it is due. Asked before every document, so that a step may take as long as it likes over a batch,
/// though not over one document.
pub(crate) struct Heart {
    every: Duration,
    due: Instant,
    renew: Box<Renewal>,
}

type Renewal = dyn FnMut(&mut dyn Session) + Send;

impl Heart {
    pub(crate) fn new(
        every: Duration,
        renew: impl FnMut(&mut dyn Session) + Send + 'static,
    ) -> Self {
        Heart {
            every,
            due: Instant::now() + every,
            renew: Box::new(renew),
        }
    }

    /// The lease was renewed by other means: a batch that commits does.
    pub(crate) fn rest(&mut self) {
        self.due = Instant::now() + self.every;
    }

    pub(crate) fn beat(&mut self, session: &mut dyn Session) {
        if Instant::now() >= self.due {
            (self.renew)(session);
            self.rest();
        }
    }
}
