//! The state machine of one migration: a pure function from where it stands and what happens to where it stands next.
//!
//! Live runs, recovery and `cancel` all go through [`next`], so every edge there is stands in one table.

use crate::history::{Direction, StateRow, StateStatus};

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether every document has the change.
    pub applied: bool,
    pub status: StateStatus,
    /// Which step was last begun.
    pub direction: Direction,
}

/// What can happen to a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A run begins this step, or goes on with it.
    Begin(Direction),
    /// A batch that is not the last is committed.
    Batch,
    /// The last batch is committed.
    LastBatch,
    /// A batch failed and was rolled back.
    Fail,
    /// The run stopped between two batches, or its process is gone and somebody ended the run.
    Cancel,
}

impl Standing {
    /// A migration that has never begun.
    pub(crate) const NEW: Standing = Standing {
        applied: false,
        status: StateStatus::Pending,
        direction: Direction::Up,
    };

    pub(crate) fn of(state: Option<&StateRow>) -> Standing {
        state.map_or(Standing::NEW, |state| Standing {
            applied: state.applied,
            status: state.status,
            direction: state.direction,
        })
    }
}

/// Where a migration stands after something happened; `None` when that cannot happen to it.
pub(crate) fn next(now: Standing, happening: Happening) -> Option<Standing> {
    use Direction::{Down, Up};
    use Happening::{Batch, Begin, Cancel, Fail, LastBatch};
    use StateStatus::{Canceled, Completed, Failed, Pending, Running};
    let to = |applied, status, direction| {
        Some(Standing {
            applied,
            status,
            direction,
        })
    };
    match (now.status, now.direction, happening) {
        // `up` of a migration that is new, or was rolled back entirely.
        (Pending, _, Begin(Up)) => to(false, Running, Up),
        // `down` of an applied migration. Nothing is rolled back yet, so it is still applied.
        (Completed, Up, Begin(Down)) => to(true, Running, Down),
        // The next run of the same direction goes on where it stopped; a process that is gone leaves `running` behind.
        (Running | Failed | Canceled, was, Begin(again)) if was == again => {
            to(now.applied, Running, again)
        }
        // `down` of a half-applied migration rolls back the part that was done; `up --restart` applies again the part that
        // a half-done `down` rolled back. Either way some documents have the change and some have not.
        (Running | Failed | Canceled, _, Begin(turned)) => to(now.applied, Running, turned),
        // The first batch of a `down` makes "every document has the change" untrue.
        (Running, Up, Batch) => to(now.applied, Running, Up),
        (Running, Down, Batch) => to(false, Running, Down),
        // `applied` turns true in the transaction that commits the last batch.
        (Running, Up, LastBatch) => to(true, Completed, Up),
        // Rolled back entirely: pending again.
        (Running, Down, LastBatch) => to(false, Pending, Down),
        // The failed batch left nothing behind; what was committed before it stays.
        (Running, direction, Fail) => to(now.applied, Failed, direction),
        (Running, direction, Cancel) => to(now.applied, Canceled, direction),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [StateStatus; 5] = [
        StateStatus::Pending,
        StateStatus::Running,
        StateStatus::Completed,
        StateStatus::Failed,
        StateStatus::Canceled,
    ];
    const HAPPENINGS: [Happening; 6] = [
        Happening::Begin(Direction::Up),
        Happening::Begin(Direction::Down),
        Happening::Batch,
        Happening::LastBatch,
        Happening::Fail,
        Happening::Cancel,
    ];

    #[test]
    fn p8_applied_is_true_only_after_the_last_batch_of_up_and_until_the_first_of_down() {
        let up = next(Standing::NEW, Happening::Begin(Direction::Up)).unwrap();
        let half = next(up, Happening::Batch).unwrap();
        let done = next(half, Happening::LastBatch).unwrap();
        let down = next(done, Happening::Begin(Direction::Down)).unwrap();
        let half_down = next(down, Happening::Batch).unwrap();
        let undone = next(half_down, Happening::LastBatch).unwrap();
        let applied = [up, half, done, down, half_down, undone].map(|standing| standing.applied);
        assert_eq!(applied, [false, false, true, true, false, false]);
        assert_eq!(undone.status, StateStatus::Pending);
    }

    #[test]
    fn nothing_but_a_begin_happens_to_a_step_that_is_not_running() {
        for status in STATUSES {
            for direction in [Direction::Up, Direction::Down] {
                for happening in HAPPENINGS {
                    let now = Standing {
                        applied: false,
                        status,
                        direction,
                    };
                    let possible = next(now, happening).is_some();
                    if status != StateStatus::Running && !matches!(happening, Happening::Begin(_)) {
                        assert!(!possible, "{now:?} {happening:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_applied_migration_cannot_be_applied_again() {
        let applied = Standing {
            applied: true,
            status: StateStatus::Completed,
            direction: Direction::Up,
        };
        assert_eq!(next(applied, Happening::Begin(Direction::Up)), None);
    }
}
