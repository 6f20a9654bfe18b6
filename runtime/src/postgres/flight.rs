//! The end of a transaction that nobody waits for: while the step works on the next page, a task of the driver's runtime
//! reads the replies to what was sent, and commits at once if every one of them is what it should be.
//!
//! The engine's thread could do so only between two calls of the step, and rows would stay locked while it thinks.

use super::error::translate;
use super::session::{Pending, PostedWrite, PostgresSession};
use super::wire::{Answer, Failure, Posted, Wire};
use crate::error::{Error, Result};
use crate::store::{BatchEnd, Landed};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A transaction that ends by itself.
pub(super) type Flight = Posted<Ended>;

/// How it ended, in the driver's words.
pub(super) enum Ended {
    Committed {
        fence: bool,
        work: Duration,
        commit: Duration,
    },
    Short,
    Fenced,
    /// Something before the COMMIT failed.
    Failed(Failure),
    /// The COMMIT did.
    Refused(Failure),
}

/// Sends the end of the transaction and lets it go. Says whether it could: only changes may be waiting for their replies.
pub(super) fn launch(session: &mut PostgresSession, end: &BatchEnd) -> Result<bool> {
    let plain = |pending: &Pending| matches!(pending, Pending::Script(_) | Pending::Write(_));
    if !session.is_open() || !session.pending.iter().all(plain) {
        return Ok(false);
    }
    // What is not guarded may change fewer rows than there are changes, and what was counted is recorded.
    let write = match session.posted_write.take() {
        Some(write) if write.guarded && write.rows == 0 => write,
        other => {
            session.posted_write = other;
            return Ok(false);
        }
    };
    let fence = session.post_statement(&end.fence)?;
    let rest = end
        .rest
        .iter()
        .map(|statement| session.post_statement(statement))
        .collect::<Result<Vec<_>>>()?;
    let wire = session.wire_in_hand()?;
    let sent = Sent {
        pending: std::mem::take(&mut session.pending),
        write,
        fence,
        rest,
    };
    session.fly(Posted::spawned(sent.end(wire))?);
    Ok(true)
}

/// What was sent, in order.
struct Sent {
    pending: VecDeque<Pending>,
    write: PostedWrite,
    fence: Posted<Answer>,
    rest: Vec<Posted<Answer>>,
}

impl Sent {
    async fn end(self, wire: Wire) -> Result<Ended, Failure> {
        let begun = Instant::now();
        let sent = self.replies().await;
        let work = begun.elapsed();
        let fence = match sent {
            Ok(Ok(fence)) => fence,
            other => {
                // What it says does not matter: without a COMMIT nothing stays.
                let _ = wire.post_script("ROLLBACK").reply().await;
                return Ok(match other {
                    Ok(Err(ended)) => ended,
                    Err(failure) => Ended::Failed(failure),
                    Ok(Ok(_)) => Ended::Fenced,
                });
            }
        };
        Ok(match wire.post_script("COMMIT").reply().await {
            Ok(()) => Ended::Committed {
                fence,
                work,
                commit: begun.elapsed() - work,
            },
            Err(failure) => Ended::Refused(failure),
        })
    }

    /// Reads every reply; the first failure is the one that counts, those after it only say that there was one.
    async fn replies(self) -> Result<Result<bool, Ended>, Failure> {
        let (mut rows, mut failed) = (0, None);
        for pending in self.pending {
            let reply = match pending {
                Pending::Script(posted) => posted.reply().await.map(|()| 0),
                Pending::Write(posted) | Pending::Statement(posted) => posted.reply().await,
                Pending::Counter(posted) => posted.reply().await.map(|_| 0),
            };
            match reply {
                Ok(changed) => rows += changed,
                Err(failure) => drop(failed.get_or_insert(failure)),
            }
        }
        let fence = self.fence.reply().await;
        let mut rest = Ok(());
        for posted in self.rest {
            rest = rest.and(posted.reply().await.map(drop));
        }
        if let Some(failure) = failed {
            return Err(failure);
        }
        let fence = fence?.rows.first().map(|row| row.get(0));
        rest?;
        Ok(match fence {
            _ if rows < self.write.expected => Err(Ended::Short),
            None => Err(Ended::Fenced),
            Some(fence) => Ok(fence),
        })
    }
}

/// What the engine is told.
pub(super) fn landed(
    ended: Result<Result<Ended, Failure>>,
    lost: impl FnOnce() -> Error,
) -> Landed {
    let is_answer = |failure: &Failure| failure.as_db_error().is_some();
    match ended {
        Ok(Ok(Ended::Committed {
            fence,
            work,
            commit,
        })) => Landed::Committed {
            fence,
            work,
            commit,
        },
        Ok(Ok(Ended::Short)) => Landed::Short,
        Ok(Ok(Ended::Fenced)) => Landed::Fenced,
        Ok(Ok(Ended::Failed(failure)) | Err(failure)) if !is_answer(&failure) => {
            Landed::Failed(lost().with_source(failure))
        }
        Ok(Ok(Ended::Failed(failure)) | Err(failure)) => Landed::Failed(translate(failure)),
        // A server that shuts down may say so after it has committed.
        Ok(Ok(Ended::Refused(failure))) if !is_answer(&failure) => {
            Landed::Unknown(lost().with_source(failure))
        }
        Ok(Ok(Ended::Refused(failure))) => Landed::Unknown(translate(failure)),
        Err(error) => Landed::Unknown(error),
    }
}
