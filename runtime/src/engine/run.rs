//! Driving a run: plan it, record it, execute its migrations one after another, record how it ended.

use super::follow::follow;
use super::lease::{self, Holder};
use super::open::in_transaction;
use super::plan::{Plan, Work, plan};
use super::poller::Poller;
use super::record::{Recorded, drift_text, record};
use super::retry::Patience;
use super::stale;
use super::status::is_live;
use super::step::{self, StepEnd};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::history::{self, Fence, RunRow, RunStatus};
use crate::migrator::{CancelToken, Drift, MigrationReport, Migrator, Report, Run};
use crate::store::{Limit, Session};
use std::sync::Arc;

/// What every part of a run needs.
pub(crate) struct Drive<'m> {
    pub migrator: &'m Migrator,
    pub request: &'m Run,
    pub run_id: Arc<str>,
    /// `None` in a dry run, which records nothing.
    pub fence: Option<Fence>,
    /// This process as the run's holder; `None` in a dry run.
    pub holder: Option<&'m Holder>,
    pub runtime: &'m Poller,
    /// Asks this process to leave the run to others, after the batch in hand.
    pub leave: CancelToken,
}

impl Drive<'_> {
    /// The run's end could not be recorded: whoever comes next is to see that nobody executes it any more.
    pub(crate) fn leave_behind(&self) {
        if let Some(holder) = self.holder {
            holder.leave_behind();
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.migrator.observer)(&event);
    }
}

/// Plans a run and executes it to its end.
pub(crate) fn run(
    migrator: &Migrator,
    request: &Run,
    runtime: Option<&tokio::runtime::Handle>,
) -> Result<Report> {
    check_workers(migrator, request)?;
    let runtime = &Poller::new(runtime)?;
    for table in migrator.hooks.tables() {
        tracing::debug!(table, "hooks registered");
    }
    if let Some(message) = stale::warning(migrator.manifest) {
        (migrator.observer)(&Event::Warning { message });
    }
    loop {
        match attempt(migrator, request, runtime, &CancelToken::default())? {
            Attempt::Ended(report) => return Ok(report),
            Attempt::Follow(run) => {
                if let Some(report) = follow(migrator, request, &run)? {
                    return Ok(report);
                }
            }
        }
    }
}

/// What came of trying to execute a request.
pub(super) enum Attempt {
    Ended(Report),
    Follow(Box<RunRow>),
}

fn check_workers(migrator: &Migrator, request: &Run) -> Result<()> {
    if request.workers == 0 {
        return Err(Error::usage("0 workers do nothing; give 1 or more"));
    }
    if request.workers > 1 && migrator.limits().contains(&Limit::OneWriter) {
        return Err(Error::usage(format!(
            "{} workers were asked for, and on this database {}",
            request.workers,
            Limit::OneWriter
        )));
    }
    Ok(())
}

/// Plans a request, records it, and executes it unless somebody else does. `leave` asks to stop without ending the run.
pub(super) fn attempt(
    migrator: &Migrator,
    request: &Run,
    runtime: &Poller,
    leave: &CancelToken,
) -> Result<Attempt> {
    let mut session = migrator.store.connect()?;
    let patience = || Patience::new(request.lock_timeout);
    let history = patience().repeat(|| history::load(&mut *session))?;
    // Most requests find nothing to do or are refused: those never ask for the write lock.
    let first = plan(migrator.manifest, &history, request, |run| !is_live(run))?;
    match first.plan {
        Plan::Noop => {
            return Ok(Attempt::Ended(Report::without_run(
                request,
                RunStatus::Noop,
                first.drift,
            )));
        }
        Plan::Follow(run) if request.detach => {
            return Ok(Attempt::Ended(enqueued(request, &run)));
        }
        Plan::Follow(run) => return Ok(Attempt::Follow(run)),
        Plan::DriftBlocked if request.dry_run => {
            return Ok(Attempt::Ended(blocked(request, None, first.drift)));
        }
        Plan::Start(work, None) if request.dry_run => {
            let run_id: Arc<str> = new_run_id().into();
            let drive = Drive {
                migrator,
                request,
                run_id,
                fence: None,
                holder: None,
                runtime,
                leave: leave.clone(),
            };
            return execute(&drive, session, work, 0, first.drift, first.warnings)
                .map(Attempt::Ended);
        }
        Plan::Start(_, Some(run)) | Plan::TakeOver(run, _) if request.dry_run => {
            return Err(Error::new(
                ErrorKind::RunActive,
                format!(
                    "run {} was left unfinished by a process that is gone; finish it with `up` or end it with `cancel` before a dry run",
                    run.run_id
                ),
            ));
        }
        _ => {}
    }
    let before = match first.plan {
        Plan::Start(_, run) => run,
        Plan::TakeOver(run, _) => Some(run),
        _ => None,
    };
    let holder = Holder::new()?;
    let recorded = patience().repeat(|| record(migrator, request, &mut *session, &holder))?;
    if let Some(gone) = before.and_then(|run| run.lease_holder) {
        lease::bury(&gone);
    }
    match recorded {
        Recorded::Execute {
            fence,
            work,
            index,
            drift,
            warnings,
            taken_from,
        } => {
            let drive = Drive {
                migrator,
                request,
                run_id: fence.run_id.as_str().into(),
                fence: Some(fence),
                holder: Some(&holder),
                runtime,
                leave: leave.clone(),
            };
            if let Some(holder) = taken_from {
                drive.tell(Event::TakenOver {
                    run_id: drive.run_id.to_string(),
                    holder,
                });
            }
            execute(&drive, session, work, index, drift, warnings).map(Attempt::Ended)
        }
        Recorded::Blocked { run_id, drift } => {
            Ok(Attempt::Ended(blocked(request, Some(run_id), drift)))
        }
        Recorded::Noop(drift) => Ok(Attempt::Ended(Report::without_run(
            request,
            RunStatus::Noop,
            drift,
        ))),
        Recorded::Follow(run) => Ok(Attempt::Follow(run)),
        Recorded::Enqueued(run_id) => Ok(Attempt::Ended(Report {
            run_id: Some(run_id),
            ..Report::without_run(request, RunStatus::Pending, first.drift)
        })),
    }
}

/// The report of a detached request that finds its plan under way.
fn enqueued(request: &Run, run: &RunRow) -> Report {
    Report {
        run_id: Some(run.run_id.clone()),
        ..Report::without_run(request, run.status, Vec::new())
    }
}

pub(super) fn new_run_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn blocked(request: &Run, run_id: Option<String>, drift: Vec<Drift>) -> Report {
    let error = format!(
        "applied history differs from the code, so nothing was done: {}",
        drift_text(&drift)
    );
    Report {
        run_id,
        error: Some(error),
        error_kind: Some(ErrorKind::Drift),
        ..Report::without_run(request, RunStatus::DriftBlocked, drift)
    }
}

impl Report {
    pub(super) fn without_run(request: &Run, status: RunStatus, drift: Vec<Drift>) -> Report {
        Report {
            status,
            run_id: None,
            direction: request.direction,
            migrations: Vec::new(),
            drift,
            error: None,
            warnings: Vec::new(),
            error_kind: None,
        }
    }
}

/// Executes the migrations of a recorded run, or tries those of a dry run.
fn execute(
    drive: &Drive<'_>,
    session: Box<dyn Session>,
    work: Vec<Work>,
    index: usize,
    drift: Vec<Drift>,
    warnings: Vec<String>,
) -> Result<Report> {
    let request = drive.request;
    let dry_run = request.dry_run;
    let mut report = Report {
        run_id: Some(drive.run_id.to_string()),
        warnings,
        ..Report::without_run(request, RunStatus::Completed, drift)
    };
    drive.tell(Event::RunStarted {
        run_id: drive.run_id.to_string(),
        direction: request.direction,
        migration_ids: work
            .iter()
            .map(|work| work.migration.id.to_owned())
            .collect(),
        dry_run,
    });
    for message in &report.warnings {
        drive.tell(Event::Warning {
            message: message.clone(),
        });
    }
    if dry_run {
        report.status = RunStatus::DryRun;
    }
    let count = work.len();
    let mut session = session;
    for (at, work) in work.into_iter().enumerate() {
        let last = at + 1 == count;
        let (back, end) = step::execute(drive, session, &work, index + at, last);
        session = back;
        match end {
            Ok(end) if end.status == RunStatus::Pending => {
                hand_back(drive, &mut *session);
                report.status = RunStatus::Pending;
                break;
            }
            Ok(end) => match record_end(&mut report, &work, end) {
                true => {}
                false => break,
            },
            Err(error) if error.is_lease_lost() => return Err(error),
            Err(error) => {
                report.status = RunStatus::Failed;
                report.error_kind = Some(error.kind());
                report.error = Some(error.chain());
                break;
            }
        }
    }
    if !dry_run {
        make_durable(drive, &mut *session);
    }
    drive.tell(Event::RunEnded {
        run_id: drive.run_id.to_string(),
        status: report.status,
        error: report.error.clone(),
    });
    Ok(report)
}

/// Leaves the run to whoever picks it up next.
fn hand_back(drive: &Drive<'_>, session: &mut dyn Session) {
    let (Some(fence), Some(holder)) = (&drive.fence, drive.holder) else {
        return;
    };
    let given = in_transaction(drive, session, |session| {
        history::hand_back(session, fence, &holder.name)
    });
    if let Err(error) = given {
        drive.leave_behind();
        let message = format!(
            "the run could not be handed back, so others wait until its lease ends: {}",
            error.chain()
        );
        drive.tell(Event::Warning { message });
    }
}

/// What is reported is to survive a power failure too.
fn make_durable(drive: &Drive<'_>, session: &mut dyn Session) {
    let durable = Patience::new(drive.request.lock_timeout).repeat(|| session.make_durable());
    if let Err(error) = durable {
        let message = format!(
            "the run's end is committed, and could not be synced to disk: {}",
            error.chain()
        );
        drive.tell(Event::Warning { message });
    }
}

/// Adds what became of one migration; says whether to go on with the next.
fn record_end(report: &mut Report, work: &Work, end: StepEnd) -> bool {
    let StepEnd {
        status,
        progress,
        error,
        sample,
    } = end;
    report.migrations.push(MigrationReport {
        id: work.migration.id.to_owned(),
        status: status.to_string(),
        processed: progress.processed,
        changed: progress.changed,
        quarantined: progress.quarantined,
        sample,
    });
    match error {
        None if status == RunStatus::Canceled => {
            report.status = RunStatus::Canceled;
            false
        }
        None => true,
        Some(error) => {
            report.status = RunStatus::Failed;
            report.error_kind = Some(error.kind());
            report.error = Some(error.chain());
            false
        }
    }
}
