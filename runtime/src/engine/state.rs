//! The state machine of one migration, as data: from where it stands and what happens to where it stands next, and why that
//! can happen.
//!
//! Live runs, recovery and `cancel` all go through [`next`], so every edge there is stands in [`EDGES`].
//! `docs/state-machine.md` is drawn from it, and `tests/state_machine` reaches every edge on real databases.

use crate::history::{Direction, StateRow, StateStatus};
use std::fmt;

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
    /// A new database is said to begin with what the migration did.
    Baseline,
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

/// One way from a status of a step to another.
#[derive(Debug)]
pub(crate) struct Edge {
    from: (StateStatus, Direction),
    on: Happening,
    to: (StateStatus, Direction),
    applied: Applied,
    /// Why there is this edge.
    because: &'static str,
}

/// What becomes of "every document has the change".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applied {
    Stays,
    TurnsTrue,
    TurnsFalse,
}

const fn edge(
    from: (StateStatus, Direction),
    on: Happening,
    to: (StateStatus, Direction),
    because: &'static str,
) -> Edge {
    Edge {
        from,
        on,
        to,
        applied: Applied::Stays,
        because,
    }
}

impl Edge {
    const fn turns(self, applied: Applied) -> Edge {
        Edge { applied, ..self }
    }
}

use Direction::{Down, Up};
use Happening::{Baseline, Batch, Begin, Cancel, Fail, LastBatch};
use StateStatus::{Canceled, Completed, Failed, Pending, Running};

/// Every edge there is.
#[rustfmt::skip]
const EDGES: [Edge; 24] = [
    edge((Pending, Up), Begin(Up), (Running, Up), "`up` of a migration that is new")
        .turns(Applied::TurnsFalse),
    edge((Pending, Down), Begin(Up), (Running, Up), "`up` of a migration that was rolled back entirely")
        .turns(Applied::TurnsFalse),
    edge((Pending, Up), Fail, (Failed, Up), "the step could not begin, since its table or a right was missing; nothing was changed"),
    edge((Pending, Up), Baseline, (Completed, Up), "`baseline`: a new database begins with what a retired migration did")
        .turns(Applied::TurnsTrue),
    edge((Pending, Down), Baseline, (Completed, Up), "`baseline`, where a retired migration was applied once and rolled back")
        .turns(Applied::TurnsTrue),
    edge((Completed, Up), Begin(Down), (Running, Down), "`down` of an applied migration: nothing is rolled back yet, so it is still applied"),

    edge((Running, Up), Begin(Up), (Running, Up), "the process that applied it is gone, and another one goes on where it stopped"),
    edge((Running, Up), Batch, (Running, Up), "a batch that is not the last is committed"),
    edge((Running, Up), LastBatch, (Completed, Up), "every document has the change, from the transaction that commits the last batch on")
        .turns(Applied::TurnsTrue),
    edge((Running, Up), Fail, (Failed, Up), "a batch failed and left nothing behind; what was committed before it stays"),
    edge((Running, Up), Cancel, (Canceled, Up), "the run was asked to stop, and stopped between two batches"),

    edge((Running, Down), Begin(Down), (Running, Down), "the process that rolled it back is gone, and another one goes on where it stopped"),
    edge((Running, Down), Batch, (Running, Down), "the first batch makes \"every document has the change\" untrue")
        .turns(Applied::TurnsFalse),
    edge((Running, Down), LastBatch, (Pending, Down), "rolled back entirely: as if it had never been applied")
        .turns(Applied::TurnsFalse),
    edge((Running, Down), Fail, (Failed, Down), "a batch failed and left nothing behind; what was rolled back before it stays so"),
    edge((Running, Down), Cancel, (Canceled, Down), "the run was asked to stop, and stopped between two batches"),

    edge((Failed, Up), Begin(Up), (Running, Up), "the next `up` goes on where it stopped, or with `--restart` at the first document"),
    edge((Canceled, Up), Begin(Up), (Running, Up), "the next `up` goes on where it stopped, or with `--restart` at the first document"),
    edge((Failed, Up), Begin(Down), (Running, Down), "`down` of a half-applied migration rolls back the part that was done"),
    edge((Canceled, Up), Begin(Down), (Running, Down), "`down` of a half-applied migration rolls back the part that was done"),

    edge((Failed, Down), Begin(Down), (Running, Down), "the next `down` goes on where it stopped"),
    edge((Canceled, Down), Begin(Down), (Running, Down), "the next `down` goes on where it stopped"),
    edge((Failed, Down), Begin(Up), (Running, Up), "`up --restart` applies again the part that a half-done `down` rolled back"),
    edge((Canceled, Down), Begin(Up), (Running, Up), "`up --restart` applies again the part that a half-done `down` rolled back"),
];

/// Where a migration stands after something happened; `None` when that cannot happen to it.
pub(crate) fn next(now: Standing, happening: Happening) -> Option<Standing> {
    let edge = find(now, happening)?;
    tracing::trace!(target: "driftless::state", edge = %edge, because = edge.because, "a migration's standing changes");
    let (status, direction) = edge.to;
    let applied = match edge.applied {
        Applied::Stays => now.applied,
        Applied::TurnsTrue => true,
        Applied::TurnsFalse => false,
    };
    Some(Standing {
        applied,
        status,
        direction,
    })
}

fn find(now: Standing, happening: Happening) -> Option<&'static Edge> {
    EDGES
        .iter()
        .find(|edge| edge.from == (now.status, now.direction) && edge.on == happening)
}

/// `running up, last batch, completed up`
impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((was, from), (is, to)) = (self.from, self.to);
        write!(f, "{was} {from}, {}, {is} {to}", self.on)
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Begin(direction) => write!(f, "begin {direction}"),
            Batch => f.write_str("batch"),
            LastBatch => f.write_str("last batch"),
            Fail => f.write_str("fail"),
            Cancel => f.write_str("cancel"),
            Baseline => f.write_str("baseline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const STATUSES: [StateStatus; 5] = [Pending, Running, Completed, Failed, Canceled];
    const BATCHES: [Happening; 3] = [Batch, LastBatch, Cancel];

    /// The documentation of the table.
    fn document() -> String {
        let mut text = "# How a migration stands\n\n\
            Drawn from the table in [`runtime/src/engine/state.rs`](../runtime/src/engine/state.rs); \
            `DRIFTLESS_BLESS=1 cargo test -p driftless --lib state` draws it again.\n\n\
            `migration_state` says of every migration which step was begun last (`direction`), how that stands (`status`), and \
            whether every document has the change (`applied`). These are all the ways in which that changes; \
            `tests/tests/state_machine` reaches every one of them on real databases.\n\n\
            ```mermaid\nstateDiagram-v2\n    [*] --> pending_up\n"
            .to_owned();
        for edge in &EDGES {
            let ((was, from), (is, to)) = (edge.from, edge.to);
            let _ = writeln!(text, "    {was}_{from} --> {is}_{to}: {}", edge.on);
        }
        text.push_str("```\n\n| from | on | to | `applied` | because |\n|---|---|---|---|---|\n");
        for edge in &EDGES {
            let ((was, from), (is, to)) = (edge.from, edge.to);
            let applied = match edge.applied {
                Applied::Stays => "stays",
                Applied::TurnsTrue => "true",
                Applied::TurnsFalse => "false",
            };
            let because = edge.because;
            let _ = writeln!(
                text,
                "| {was} {from} | {} | {is} {to} | {applied} | {because} |",
                edge.on
            );
        }
        text
    }

    #[test]
    fn the_documentation_is_drawn_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/state-machine.md");
        if std::env::var_os("DRIFTLESS_BLESS").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written.replace("\r\n", "\n"), document());
    }

    #[test]
    fn every_edge_has_its_own_cause_and_a_reason() {
        for (index, edge) in EDGES.iter().enumerate() {
            let same = |other: &&Edge| (other.from, other.on) == (edge.from, edge.on);
            assert_eq!(EDGES.iter().filter(same).count(), 1, "edge {index}: {edge}");
            assert!(!edge.because.is_empty(), "{edge}");
        }
    }

    #[test]
    fn p8_applied_is_true_only_after_the_last_batch_of_up_and_until_the_first_of_down() {
        let up = next(Standing::NEW, Begin(Up)).unwrap();
        let half = next(up, Batch).unwrap();
        let done = next(half, LastBatch).unwrap();
        let down = next(done, Begin(Down)).unwrap();
        let half_down = next(down, Batch).unwrap();
        let undone = next(half_down, LastBatch).unwrap();
        let applied = [up, half, done, down, half_down, undone].map(|standing| standing.applied);
        assert_eq!(applied, [false, false, true, true, false, false]);
        assert_eq!(undone.status, StateStatus::Pending);
    }

    #[test]
    fn no_batch_happens_to_a_step_that_is_not_running() {
        for status in STATUSES.into_iter().filter(|status| *status != Running) {
            for direction in [Up, Down] {
                for happening in BATCHES {
                    let now = Standing {
                        applied: false,
                        status,
                        direction,
                    };
                    assert_eq!(next(now, happening), None, "{now:?} {happening:?}");
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
        assert_eq!(next(applied, Begin(Up)), None);
    }
}
