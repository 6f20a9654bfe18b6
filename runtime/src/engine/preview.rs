//! What a run would do, looked up before it is asked for. Writes nothing.

use super::plan::{Begin, Plan, Work, plan};
use super::retry::Patience;
use super::status::is_live;
use crate::error::Result;
use crate::history;
use crate::migrator::{Drift, Migrator, Run};
use crate::store::Session;

/// What a run would do.
#[derive(Debug)]
pub(crate) struct Preview {
    /// What differs between applied history and the code.
    pub(crate) drift: Vec<Drift>,
    /// Whether that keeps the run from beginning.
    pub(crate) is_blocked: bool,
    /// The migrations it would execute, in order; those that are left of a run that is under way.
    pub(crate) work: Vec<Previewed>,
}

/// One migration of it.
#[derive(Debug)]
pub(crate) struct Previewed {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    pub(crate) table: String,
    /// About how many documents it visits; unknown where the table does not exist yet.
    pub(crate) documents: Option<u64>,
    /// Whether it has begun already.
    pub(crate) is_begun: bool,
}

/// Plans a run without recording it; `count` asks for the number of documents, which takes its time on a huge table.
///
/// # Errors
/// As when it is run: another active run with another plan, a request that cannot be meant, a database that cannot be
/// read.
pub(crate) fn preview(migrator: &Migrator, request: &Run, count: bool) -> Result<Preview> {
    let mut session = migrator.store.connect()?;
    let history = Patience::new(request.lock_timeout).repeat(|| history::load(&mut *session))?;
    let planned = plan(migrator.manifest, &history, request, |run| !is_live(run))?;
    let is_blocked = matches!(planned.plan, Plan::DriftBlocked);
    let work = match planned.plan {
        Plan::Start(work, _) | Plan::TakeOver(_, work) => work
            .iter()
            .map(|work| previewed(&mut *session, work, count))
            .collect(),
        Plan::Follow(run) => run
            .migration_ids
            .iter()
            .skip(usize::try_from(run.current_index).unwrap_or(usize::MAX))
            .filter_map(|id| migrator.manifest.get(id))
            .map(|migration| {
                let work = Work {
                    migration,
                    step: &migration.up,
                    begin: Begin::Resume,
                };
                previewed(&mut *session, &work, count)
            })
            .collect(),
        Plan::Noop | Plan::DriftBlocked => Vec::new(),
    };
    Ok(Preview {
        drift: planned.drift,
        is_blocked,
        work,
    })
}

fn previewed(session: &mut dyn Session, work: &Work, count: bool) -> Previewed {
    let step = work.step;
    // A table may be made by the very command that pushes the code: not to know is no failure here.
    let mut estimate = || {
        let table = session.table(step.table.schema, step.table.name).ok()?;
        session.estimate(&table, step.filter, None).ok()
    };
    Previewed {
        id: work.migration.id,
        description: work.migration.description,
        table: match step.table.schema {
            Some(schema) => format!("{schema}.{}", step.table.name),
            None => step.table.name.to_owned(),
        },
        documents: if count { estimate() } else { None },
        is_begun: work.begin != Begin::Fresh,
    }
}
