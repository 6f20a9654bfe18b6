//! How a run is to be driven, as JSON in its row: what a worker elsewhere needs to know of a detached request.

use crate::error::{Error, Result};
use crate::history::{Direction, RunRow};
use crate::migrator::Run;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Options {
    restart: bool,
    batch_size: Option<u32>,
    start_batch_size: Option<u32>,
    pause_ms: Option<u64>,
    full_speed: bool,
    rows_per_second: Option<u64>,
    target_batch_ms: Option<u64>,
    lock_timeout_ms: Option<u64>,
    workers: Option<u32>,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Run {
    /// The part of the request that is not in the run's other columns.
    pub(crate) fn options(&self) -> String {
        let options = Options {
            restart: self.restart,
            batch_size: self.batch_size,
            start_batch_size: Some(self.start_batch_size),
            pause_ms: self.pause.map(milliseconds),
            full_speed: self.full_speed,
            rows_per_second: self.rows_per_second,
            target_batch_ms: self.target_batch.map(milliseconds),
            lock_timeout_ms: Some(milliseconds(self.lock_timeout)),
            workers: Some(self.workers),
        };
        // Numbers and booleans always serialize.
        serde_json::to_string(&options).unwrap_or_default()
    }

    /// The request that a run's row was recorded for, for as much of the run as is left.
    pub(crate) fn of_row(row: &RunRow, options: &str) -> Result<Run> {
        let options: Options = serde_json::from_str(options).map_err(|error| {
            Error::schema(format!(
                "column options of run {} in migration_run was not written by driftless; end the run with `cancel --force`",
                row.run_id
            ))
            .with_source(error)
        })?;
        let index = usize::try_from(row.current_index).unwrap_or(usize::MAX);
        let left = row.migration_ids.iter().skip(index);
        let mut run = match row.direction {
            Direction::Up => match left.last() {
                Some(last) => Run::up().to(last),
                None => Run::up(),
            },
            Direction::Down => Run::down().steps(left.count().max(1) as u64),
        };
        // Only a run that has not begun can begin again.
        run.restart = options.restart && row.lease_epoch <= 1;
        run.batch_size = options.batch_size;
        run.pause = options.pause_ms.map(Duration::from_millis);
        run.full_speed = options.full_speed;
        run.rows_per_second = options.rows_per_second;
        run.allow_drift.clone_from(&row.reason);
        run.workers = options.workers.unwrap_or(run.workers);
        run.start_batch_size = options.start_batch_size.unwrap_or(run.start_batch_size);
        run.target_batch = options.target_batch_ms.map(Duration::from_millis);
        run.lock_timeout = options
            .lock_timeout_ms
            .map_or(run.lock_timeout, Duration::from_millis);
        Ok(run)
    }
}
