//! A request to stop, and what it reaches: whatever `deploy` is doing just then.

use super::group::{self, Group, Running};
use crate::cli::interrupt;
use crate::migrator::CancelToken;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something happened to the command that is waited for.
pub(super) enum Happening {
    /// It has ended.
    Ended(super::group::End),
    /// Somebody asked to stop.
    Asked,
}

/// What a request to stop reaches. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    /// Of the run that goes on.
    token: Mutex<CancelToken>,
    command: Mutex<Option<(Group, Sender<Happening>)>>,
}

impl Stop {
    /// Whether somebody asked to stop.
    pub(super) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    /// From now on a run goes on, which this stops.
    pub(super) fn new_run(&self) -> CancelToken {
        let token = CancelToken::default();
        *self.token() = token.clone();
        // Somebody may have asked between two steps.
        if self.is_asked() {
            token.cancel();
        }
        token
    }

    /// Starts a command, which from now on is what goes on: a request that comes while it starts reaches it, too.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(
        &self,
        command: &mut Command,
        sender: Sender<Happening>,
    ) -> io::Result<Running> {
        let mut goes_on = self.command();
        let running = group::start(command)?;
        *goes_on = Some((running.group(), sender));
        Ok(running)
    }

    /// The command has ended.
    pub(super) fn ended(&self) {
        *self.command() = None;
    }

    /// The first request, and what to say about it.
    pub(super) fn first(&self) -> &'static str {
        self.0.asked.store(true, Ordering::Release);
        self.token().cancel();
        match &*self.command() {
            Some((_, sender)) => {
                // Its receiver is gone when the command has just ended.
                let _ = sender.send(Happening::Asked);
                "stopping the command (Ctrl-C again kills it)"
            }
            None => interrupt::RUN.first,
        }
    }

    /// The second request, and what to say about it; the process ends after it.
    pub(super) fn second(&self) -> &'static str {
        match &*self.command() {
            Some((group, _)) => {
                group.kill();
                "killed the command; nothing was migrated"
            }
            None => interrupt::RUN.second,
        }
    }

    fn token(&self) -> MutexGuard<'_, CancelToken> {
        self.0.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self) -> MutexGuard<'_, Option<(Group, Sender<Happening>)>> {
        self.0
            .command
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
