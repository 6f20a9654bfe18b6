//! Recording a run: planning it once more inside the transaction that writes its row.

use super::lease::Holder;
use super::origin::Origin;
use super::plan::{Plan, Planned, Work, plan};
use super::run::new_run_id;
use super::status::is_live;
use crate::error::Result;
use crate::history::{self, AuditAction, Decision, Fence, History, NewRun, RunRow, RunStatus};
use crate::migrator::{Drift, Migrator, Run};
use crate::store::Session;

/// What was recorded, and so what is to be done.
pub(super) enum Recorded {
    Execute {
        fence: Fence,
        work: Vec<Work>,
        index: usize,
        drift: Vec<Drift>,
        warnings: Vec<String>,
        taken_from: Option<String>,
    },
    Blocked {
        run_id: String,
        drift: Vec<Drift>,
    },
    Noop(Vec<Drift>),
    Follow(Box<RunRow>),
    /// A worker is to execute it.
    Enqueued(String),
}

/// Plans again inside a transaction, so that nobody can come between the plan and its record.
pub(super) fn record(
    migrator: &Migrator,
    request: &Run,
    session: &mut dyn Session,
    holder: &Holder,
) -> Result<Recorded> {
    // Asked before the lock is taken: it may look around on this machine.
    let origin = Origin::of(migrator.manifest);
    session.begin_planning()?;
    let recorded = record_inside(migrator, request, session, holder, &origin)
        .and_then(|recorded| session.commit().map(|()| recorded));
    session.rollback();
    recorded
}

fn record_inside(
    migrator: &Migrator,
    request: &Run,
    session: &mut dyn Session,
    holder: &Holder,
    origin: &Origin,
) -> Result<Recorded> {
    history::ensure(session)?;
    let history = history::load(session)?;
    // Our own record of an attempt whose commit went through though its reply was lost is to be executed, not followed.
    let is_gone = |run: &RunRow| run.lease_holder.as_ref() == Some(&holder.name) || !is_live(run);
    let Planned {
        plan,
        drift,
        warnings,
    } = plan(migrator.manifest, &history, request, is_gone)?;
    let run_id = new_run_id();
    let ids: Vec<&'static str> = match &plan {
        Plan::Start(work, _) => work.iter().map(|work| work.migration.id).collect(),
        _ => Vec::new(),
    };
    let new = NewRun {
        run_id: &run_id,
        direction: request.direction,
        reason: request.allow_drift.as_deref(),
        migration_ids: &ids,
        digest: migrator.manifest.digest(),
        holder: (!request.detach).then_some(&holder.name),
        origin,
        lease: migrator.lease,
        options: &request.options(),
    };
    if let Some(reason) = request.allow_drift.as_deref() {
        let passes = match &plan {
            Plan::Start(work, _) if !work.is_empty() => Some(&run_id),
            // Whoever began or enqueued it has said so already.
            Plan::TakeOver(run, _) if run.reason.as_deref() != Some(reason) => Some(&run.run_id),
            _ => None,
        };
        if let Some(run_id) = passes {
            let audit = Audit {
                reason,
                run_id,
                origin,
            };
            audit.drift(session, migrator, &history, &drift)?;
        }
    }
    Ok(match plan {
        Plan::Noop => Recorded::Noop(drift),
        Plan::Follow(run) if request.detach => Recorded::Enqueued(run.run_id),
        Plan::TakeOver(run, _) if request.detach => Recorded::Enqueued(run.run_id),
        Plan::Follow(run) => Recorded::Follow(run),
        Plan::DriftBlocked => {
            history::record_blocked(session, &new, &drift_text(&drift))?;
            Recorded::Blocked { run_id, drift }
        }
        Plan::TakeOver(run, work) => take_over(migrator, session, holder, *run, work, drift)?,
        Plan::Start(work, abandoned) => {
            if let Some(run) = abandoned {
                let gone = format!(
                    "its process ({}) is gone; run {run_id} went on from there",
                    run.lease_holder.as_deref().unwrap_or("unknown")
                );
                history::cancel_now(session, &run.run_id, RunStatus::Failed, &gone)?;
            }
            if work.is_empty() {
                return Ok(Recorded::Noop(drift));
            }
            history::insert_run(session, &new)?;
            if request.detach {
                return Ok(Recorded::Enqueued(run_id));
            }
            let fence = Fence {
                run_id,
                epoch: 1,
                lease: migrator.lease,
            };
            Recorded::Execute {
                fence,
                work,
                index: 0,
                drift,
                warnings,
                taken_from: None,
            }
        }
    })
}

fn take_over(
    migrator: &Migrator,
    session: &mut dyn Session,
    holder: &Holder,
    run: RunRow,
    work: Vec<Work>,
    drift: Vec<Drift>,
) -> Result<Recorded> {
    match history::take_over(session, &run, &holder.name, migrator.lease)? {
        None => Ok(Recorded::Follow(Box::new(run))),
        Some(fence) => Ok(Recorded::Execute {
            fence,
            work,
            index: usize::try_from(run.current_index).unwrap_or(0),
            drift,
            warnings: Vec::new(),
            taken_from: run.lease_holder,
        }),
    }
}

pub(super) fn drift_text(drift: &[Drift]) -> String {
    drift
        .iter()
        .map(|drift| drift.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// What is recorded of drift that was let pass.
struct Audit<'a> {
    reason: &'a str,
    run_id: &'a str,
    origin: &'a Origin,
}

impl Audit<'_> {
    fn drift(
        &self,
        session: &mut dyn Session,
        migrator: &Migrator,
        history: &History,
        drift: &[Drift],
    ) -> Result<()> {
        for id in drift.iter().map(|drift| drift.migration_id.as_str()) {
            let decision = Decision {
                action: AuditAction::AllowDrift,
                migration_id: id,
                reason: self.reason,
                old_checksum: history.state(id).map_or("", |state| &state.checksum),
                new_checksum: migrator
                    .manifest
                    .get(id)
                    .map(|migration| migration.checksum),
                run_id: Some(self.run_id),
                source: None,
            };
            history::record_decision(session, &decision, self.origin)?;
        }
        Ok(())
    }
}
