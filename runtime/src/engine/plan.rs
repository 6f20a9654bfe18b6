//! What a run will do, decided from manifest, stored rows and request alone. Touches nothing.

use super::{drift, order};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Direction, History, RunRow, RunStatus, Spread, StateRow};
use crate::manifest::{Manifest, Migration, Step};
use crate::migrator::{Drift, Run};

/// What to do.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Every migration the request names is where it should be.
    Noop,
    /// Applied history differs from the code, and nobody allowed it.
    DriftBlocked,
    /// Somebody else is executing the same plan.
    Follow(Box<RunRow>),
    /// The run's process is gone: go on with its run.
    TakeOver(Box<RunRow>, Vec<Work>),
    /// Begin a run. A run with another plan whose process is gone is ended first.
    Start(Vec<Work>, Option<Box<RunRow>>),
}

/// One migration to execute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub migration: &'static Migration,
    pub step: &'static Step,
    pub begin: Begin,
}

/// From where a step is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// From the first document to the last.
    Fresh,
    /// From where it stopped.
    Resume,
    /// From the first document to where the other direction stopped: undoes exactly what that did.
    Reverse,
}

/// A plan and what differs between history and code, which is reported whatever the plan is.
#[derive(Debug)]
pub(crate) struct Planned {
    pub plan: Plan,
    pub drift: Vec<Drift>,
    pub warnings: Vec<String>,
}

/// Plans a request. `is_gone` says whether the process that holds a run has ended, as far as this host can tell.
pub(crate) fn plan(
    manifest: &'static Manifest,
    history: &History,
    request: &Run,
    is_gone: impl Fn(&RunRow) -> bool,
) -> Result<Planned> {
    check_request(manifest, request)?;
    let drift = drift::find(manifest, history);
    let blocking = drift.iter().any(|drift| {
        let id = &drift.migration_id;
        !is_restarted(history, request, id) && !is_undone(manifest, history, request, id)
    });
    let active = history.active().cloned().map(Box::new);
    // A run that waits for a worker belongs to nobody yet, and is not to be set aside for another.
    let waits = |run: &RunRow| run.status == RunStatus::Pending;
    let live = active
        .as_ref()
        .is_some_and(|run| waits(run) || (!run.lease_expired && !is_gone(run)));
    if blocking && request.allow_drift.is_none() && !live {
        return Ok(Planned {
            plan: Plan::DriftBlocked,
            drift,
            warnings: Vec::new(),
        });
    }
    let work = match request.direction {
        Direction::Up => work_up(manifest, history, request),
        Direction::Down => work_down(manifest, history, request),
    };
    let plan = match active {
        Some(run) if waits(&run) && !request.dry_run => match work {
            Ok(work) if is_same_plan(manifest, &run, &work, request) => Plan::TakeOver(run, work),
            work => follow_or_refuse(manifest, run, work, request)?,
        },
        Some(run) if live => follow_or_refuse(manifest, run, work, request)?,
        Some(run) => match work? {
            work if is_same_plan(manifest, &run, &work, request) => Plan::TakeOver(run, work),
            work if work.is_empty() => Plan::Start(work, Some(run)),
            work => Plan::Start(work, Some(run)),
        },
        None => match work? {
            work if work.is_empty() => Plan::Noop,
            work => Plan::Start(work, None),
        },
    };
    let warnings = match &plan {
        Plan::Start(work, _) if request.direction == Direction::Up => {
            order::late(history, work, request.out_of_order)?
        }
        _ => Vec::new(),
    };
    Ok(Planned {
        plan,
        drift,
        warnings,
    })
}

/// Ids that `up` would apply, in order.
pub(crate) fn pending(manifest: &'static Manifest, history: &History) -> Vec<&'static Migration> {
    manifest
        .iter()
        .filter(|migration| is_to_apply(history.state(migration.id)))
        .collect()
}

fn is_to_apply(state: Option<&StateRow>) -> bool {
    match state {
        None => true,
        // A half-done `down` is neither applied nor pending.
        Some(state) => !state.applied && !is_half_down(state),
    }
}

fn is_half_down(state: &StateRow) -> bool {
    state.direction == Direction::Down && drift::is_half_done(state)
}

fn is_restarted(history: &History, request: &Run, id: &str) -> bool {
    request.restart
        && history
            .state(id)
            .is_some_and(|state| !state.applied && drift::is_half_done(state))
}

/// Whether the request rolls back a half-applied migration with the code that came with what was applied.
fn is_undone(manifest: &Manifest, history: &History, request: &Run, id: &str) -> bool {
    request.direction == Direction::Down
        && chosen(history, request).iter().any(|state| {
            state.migration_id == id
                && manifest
                    .get(id)
                    .is_some_and(|migration| drift::may_roll_back(migration, state))
        })
}

/// What can be refused without looking at history.
fn check_request(manifest: &Manifest, request: &Run) -> Result<()> {
    let unknown_to = |to: &&str| manifest.get(to).is_none();
    if let Some(to) = request.to.as_deref().filter(unknown_to) {
        return Err(unknown(manifest, to));
    }
    match request.steps {
        Some(_) if request.to.is_some() => Err(Error::usage(
            "`steps` and `to` say the same thing in two ways; give one of them",
        )),
        Some(0) => Err(Error::usage("0 steps roll nothing back; give 1 or more")),
        Some(_) if request.direction == Direction::Up => Err(Error::usage(
            "`steps` belongs to `down`; `up` goes as far as `to` says",
        )),
        _ if request.batch_size == Some(0) || request.start_batch_size == 0 => Err(Error::usage(
            "a batch of 0 documents never ends; give 1 or more",
        )),
        _ if request.restart && request.direction == Direction::Down => Err(Error::usage(
            "`restart` belongs to `up`; a half-done `down` goes on where it stopped",
        )),
        _ => match request.allow_drift.as_deref().map(str::trim) {
            Some("") => Err(Error::usage(
                "drift is only let pass for a reason; write one",
            )),
            _ => Ok(()),
        },
    }
}

/// An id that nobody knows, and the one that may have been meant.
pub(super) fn unknown(manifest: &Manifest, id: &str) -> Error {
    let nearest = manifest
        .ids()
        .max_by(|a, b| strsim::jaro_winkler(a, id).total_cmp(&strsim::jaro_winkler(b, id)));
    let hint = nearest.map_or("the folder has no migrations".into(), |nearest| {
        format!("did you mean {nearest}?")
    });
    Error::usage(format!("there is no migration {id}; {hint}"))
}

fn work_up(manifest: &'static Manifest, history: &History, request: &Run) -> Result<Vec<Work>> {
    order::check_baseline(manifest, history)?;
    let mut work = Vec::new();
    for migration in manifest
        .iter()
        .take_while(|migration| request.to.as_deref().is_none_or(|to| migration.id <= to))
    {
        let state = history.state(migration.id);
        let begin = match state {
            Some(state) if is_half_down(state) && state.spread == Spread::Turned => {
                return Err(half_turned(state));
            }
            Some(state) if is_half_down(state) && request.restart => Begin::Reverse,
            Some(state) if is_half_down(state) => return Err(half_down(state)),
            _ if !is_to_apply(state) => continue,
            Some(state)
                if state.direction == Direction::Up
                    && drift::is_half_done(state)
                    && (!request.restart || state.spread == Spread::Turned) =>
            {
                Begin::Resume
            }
            _ => Begin::Fresh,
        };
        work.push(Work {
            migration,
            step: &migration.up,
            begin,
        });
    }
    Ok(work)
}

fn half_down(state: &StateRow) -> Error {
    let (id, percent) = (&state.migration_id, state.percent());
    Error::usage(format!(
        "migration {id} is rolled back by {percent} %: neither applied nor pending; finish with `down`, or apply the rolled-back part again with `up --restart`"
    ))
}

/// A turn within a turn would leave two places where the change begins and ends, and there is one cursor.
fn half_turned(state: &StateRow) -> Error {
    let (id, percent, direction) = (&state.migration_id, state.percent(), state.direction);
    let was = match direction {
        Direction::Down => "was half applied and is being rolled back",
        Direction::Up => "was half rolled back and is being applied again",
    };
    Error::usage(format!(
        "migration {id} {was} ({percent} % done); finish that with `{direction}` first"
    ))
}

/// What `down` is to roll back, newest first.
fn chosen<'h>(history: &'h History, request: &Run) -> Vec<&'h StateRow> {
    let begun = history
        .states
        .iter()
        .rev()
        .filter(|state| drift::leaves_traces(state));
    match &request.to {
        Some(to) => begun.take_while(|state| state.migration_id > *to).collect(),
        None => begun
            .take(usize::try_from(request.steps.unwrap_or(1)).unwrap_or(usize::MAX))
            .collect(),
    }
}

fn work_down(manifest: &'static Manifest, history: &History, request: &Run) -> Result<Vec<Work>> {
    let mut work = Vec::new();
    for state in chosen(history, request) {
        let id = &state.migration_id;
        let migration = manifest.get(id).ok_or_else(|| {
            let why = match manifest.retired_one(id) {
                Some(_) => "it is retired; use the program of a version before that",
                None => "it is not compiled in; restore its file",
            };
            Error::usage(format!(
                "migration {id} cannot be rolled back, since {why}. Nothing was rolled back"
            ))
        })?;
        let step = migration.down.as_ref().ok_or_else(|| {
            Error::usage(format!("migration {id} cannot be rolled back, since it has no `down`; write one, or choose `--to` a later migration. Nothing was rolled back"))
        })?;
        let begin = match (state.direction, drift::is_half_done(state)) {
            (Direction::Down, true) => Begin::Resume,
            (Direction::Up, true) if state.spread == Spread::Turned => {
                return Err(half_turned(state));
            }
            (Direction::Up, true) => Begin::Reverse,
            _ => Begin::Fresh,
        };
        work.push(Work {
            migration,
            step,
            begin,
        });
    }
    Ok(work)
}

fn follow_or_refuse(
    manifest: &Manifest,
    run: Box<RunRow>,
    work: Result<Vec<Work>>,
    request: &Run,
) -> Result<Plan> {
    let same = work.is_ok_and(|work| is_same_plan(manifest, &run, &work, request));
    if same && request.follow && !request.dry_run {
        return Ok(Plan::Follow(run));
    }
    let holder = run.lease_holder.as_deref().unwrap_or("an unknown process");
    let what = if same {
        "the same plan"
    } else {
        "another plan"
    };
    let RunRow {
        run_id, direction, ..
    } = &*run;
    Err(Error::new(
        ErrorKind::RunActive,
        format!(
            "run {run_id} ({direction}, held by {holder}) is active with {what}; wait for it (`status --watch`) or stop it (`cancel`)"
        ),
    ))
}

/// Whether a run would do exactly what we would: same code, same direction, same migrations left.
fn is_same_plan(manifest: &Manifest, run: &RunRow, work: &[Work], request: &Run) -> bool {
    let left = run
        .migration_ids
        .iter()
        .skip(usize::try_from(run.current_index).unwrap_or(usize::MAX));
    run.direction == request.direction
        && run.manifest_digest == manifest.digest()
        && (!request.restart || run.status == RunStatus::Pending)
        && !work.is_empty()
        && left.eq(work.iter().map(|work| work.migration.id))
}
