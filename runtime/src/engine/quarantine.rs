//! Documents that were set aside: each is tried again in a transaction of its own.
//!
//! The transaction takes the document out of the quarantine first, so that nobody else tries it at the same time, calls the
//! step for it alone, and commits both together (P1). No run may be active: it might be on its way to the same document, or
//! back over it.

use super::call::call_step;
use super::commit::distrust_aggregates;
use super::drift;
use super::open::look_at;
use super::plan::{Begin, Work};
use super::poller::Poller;
use super::retry::Patience;
use crate::batch::Batch;
use crate::ctx::Ctx;
use crate::document::key_from_text;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{self, Direction};
use crate::manifest::WriteMode;
use crate::migrator::Migrator;
use crate::quarantine::{QuarantinedDocument, Retried};
use crate::store::{Page, Statement};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the lock that somebody's batch in hand may hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every document that is set aside.
pub(crate) fn quarantined(migrator: &Migrator) -> Result<Vec<QuarantinedDocument>> {
    let mut session = migrator.store.connect()?;
    Patience::new(PATIENCE).repeat(|| history::load_quarantined(&mut *session))
}

/// Forgets that documents were set aside.
pub(crate) fn drop_quarantined(
    migrator: &Migrator,
    documents: &[QuarantinedDocument],
) -> Result<u64> {
    let mut session = migrator.store.connect()?;
    Patience::new(PATIENCE).repeat(|| {
        session.begin()?;
        let mut dropped = 0;
        let result = documents.iter().try_for_each(|document| {
            if history::take_out(&mut *session, document)? {
                history::count_taken_out(&mut *session, document, 0)?;
                dropped += 1;
            }
            Ok(())
        });
        let result = result.and_then(|()| session.commit());
        session.rollback();
        result.map(|()| dropped)
    })
}

/// Calls steps again for documents that were set aside.
pub(crate) fn retry_quarantined(
    migrator: &Migrator,
    documents: Vec<QuarantinedDocument>,
    runtime: Option<&tokio::runtime::Handle>,
) -> Result<Retried> {
    let poller = Poller::new(runtime)?;
    let mut retried = Retried::default();
    let mut last: Option<(String, Direction, Retrying)> = None;
    for document in documents {
        let of_last = last.take().filter(|(id, direction, _)| {
            *id == document.migration_id && *direction == document.direction
        });
        let mut retrying = match of_last {
            Some((_, _, retrying)) => retrying,
            None => Retrying::of(migrator, &document)?,
        };
        match Patience::new(PATIENCE).repeat(|| retrying.one(migrator, &document, &poller))? {
            Outcome::Done { changed } => {
                retried.done += 1;
                retried.changed += changed;
            }
            Outcome::Gone => retried.gone += 1,
            Outcome::Taken => {}
            Outcome::Failed(error) => retried.failed.push(QuarantinedDocument {
                error,
                ..document.clone()
            }),
        }
        last = Some((document.migration_id, document.direction, retrying));
    }
    Ok(retried)
}

/// What became of one document.
enum Outcome {
    Done {
        changed: u64,
    },
    /// There is no such document any more.
    Gone,
    /// Somebody else has taken it out of the quarantine.
    Taken,
    /// It failed again.
    Failed(String),
}

/// The step that is called again, with its session.
struct Retrying {
    work: Work,
    batch: Batch,
}

impl Retrying {
    fn of(migrator: &Migrator, document: &QuarantinedDocument) -> Result<Retrying> {
        let id = &document.migration_id;
        let missing = || {
            Error::usage(format!(
                "migration {id} is not compiled in, so that its step cannot be called again; restore its file, or forget the document (`quarantine drop`)"
            ))
        };
        let migration = migrator.manifest.get(id).ok_or_else(missing)?;
        let step = match document.direction {
            Direction::Up => &migration.up,
            Direction::Down => migration.down.as_ref().ok_or_else(missing)?,
        };
        let work = Work {
            migration,
            step,
            begin: Begin::Resume,
        };
        let mut session = migrator.store.connect()?;
        let (table, columns, fields) = look_at(&mut *session, &work)?;
        session.fire_triggers(step.write_mode == WriteMode::Normal)?;
        let mut ctx = Ctx::new(
            session,
            migration,
            table.clone(),
            Arc::new(migrator.hooks.clone()),
        );
        ctx.direction = document.direction;
        ctx.write_mode = step.write_mode;
        let page = Page {
            table,
            columns,
            filter: step.filter.map(str::to_owned),
            after: None,
            until: None,
            limit: 1,
            lock: true,
        };
        let mut batch = Batch::new(ctx, page, fields);
        batch.eager = true;
        Ok(Retrying { work, batch })
    }

    /// One document, in a transaction of its own.
    fn one(
        &mut self,
        migrator: &Migrator,
        document: &QuarantinedDocument,
        poller: &Poller,
    ) -> Result<Outcome> {
        let outcome = self.inside(migrator, document, poller);
        self.batch.ctx.session.rollback();
        match outcome {
            Err(error) if super::failing::of_a_document(&error) => {
                let text = error.chain();
                self.set_aside_again(document, &text)?;
                Ok(Outcome::Failed(text))
            }
            outcome => outcome,
        }
    }

    fn inside(
        &mut self,
        migrator: &Migrator,
        document: &QuarantinedDocument,
        poller: &Poller,
    ) -> Result<Outcome> {
        let key = key_from_text(&document.key)?;
        let batch = &mut self.batch;
        batch.reset();
        batch.ctx.run_id = document.run_id.as_str().into();
        batch.only = Some(key.clone());
        batch.page.until = Some(key);
        batch.ctx.session.begin_planning()?;
        check(migrator, &mut *batch.ctx.session, document)?;
        if !history::take_out(&mut *batch.ctx.session, document)? {
            return Ok(Outcome::Taken);
        }
        if let Err(error) = call_step(self.work.step.function, batch, poller) {
            return Err(batch.first_failure(error));
        }
        let (found, changed) = (!batch.ctx.keys.is_empty(), batch.ctx.changed);
        let stale = distrust_aggregates(&mut batch.ctx, changed)?;
        let session = &mut *batch.ctx.session;
        for Statement { sql, parameters } in stale {
            session.execute(&sql, &parameters)?;
        }
        history::count_taken_out(session, document, changed)?;
        session.commit()?;
        Ok(match found {
            true => Outcome::Done { changed },
            false => Outcome::Gone,
        })
    }

    /// It stays where it is, with its new error.
    fn set_aside_again(&mut self, document: &QuarantinedDocument, error: &str) -> Result<()> {
        let session = &mut *self.batch.ctx.session;
        session.begin()?;
        let result =
            history::replace_error(session, document, error).and_then(|()| session.commit());
        session.rollback();
        result
    }
}

/// Whether the step may be called for this document: its code is history, and nobody is on the way to the document.
fn check(
    migrator: &Migrator,
    session: &mut dyn crate::store::Session,
    document: &QuarantinedDocument,
) -> Result<()> {
    let history = history::load(session)?;
    if let Some(run) = history.active() {
        return Err(Error::new(
            ErrorKind::RunActive,
            format!(
                "run {} ({}) is active; wait for it (`status --watch`) or stop it (`cancel`), then try the documents again",
                run.run_id, run.direction
            ),
        ));
    }
    let id = &document.migration_id;
    let state = history
        .state(id)
        .filter(|state| state.direction == document.direction);
    if state.is_none() {
        return Err(Error::usage(format!(
            "document {} of {} was set aside by `{}` of migration {id}, which was undone since; forget it (`quarantine drop`)",
            document.key, document.table, document.direction
        )));
    }
    let drift = drift::find(migrator.manifest, &history);
    match drift.into_iter().find(|drift| drift.migration_id == *id) {
        Some(drift) => Err(Error::new(ErrorKind::Drift, drift.message)),
        None => Ok(()),
    }
}
