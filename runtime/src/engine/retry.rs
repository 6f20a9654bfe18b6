//! Trying again while the database is busy, with growing, jittered pauses, for a bounded time.

use crate::error::Result;
use backon::{BackoffBuilder, ExponentialBuilder};
use std::time::{Duration, Instant};

/// Pauses to come, and when patience ends.
pub(crate) struct Patience {
    pauses: backon::ExponentialBackoff,
    until: Instant,
    waited: Duration,
}

impl Patience {
    /// Patience for this long.
    pub(crate) fn new(timeout: Duration) -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(5))
            .with_max_delay(Duration::from_millis(500))
            .with_factor(1.6)
            .with_jitter()
            .without_max_times()
            .build();
        Patience {
            pauses,
            until: Instant::now() + timeout,
            waited: timeout,
        }
    }

    /// How long to pause before the next attempt; `None` when patience has ended.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        let left = self.until.checked_duration_since(Instant::now())?;
        self.pauses.next().map(|pause| pause.min(left))
    }

    /// Repeats an operation that may find the database busy.
    pub(crate) fn repeat<T>(mut self, mut operation: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            match operation() {
                Err(error) if error.is_busy() => match self.pause() {
                    Some(pause) => std::thread::sleep(pause),
                    None => return Err(gave_up(error, self.waited)),
                },
                result => return result,
            }
        }
    }
}

/// The error after patience has ended.
pub(crate) fn gave_up(error: crate::error::Error, waited: Duration) -> crate::error::Error {
    error.context(format!(
        "the database stayed locked or out of reach for {:.1} seconds; find out why, or wait longer (`--lock-timeout-ms`)",
        waited.as_secs_f64()
    ))
}
