//! Who executes a run, and how others know that it is gone.
//!
//! A run has one driver at a time: it opens the steps one after another and visits documents like every other worker.
//! Workers lease ranges of a step's keys (`history/ranges.rs` explains those leases); the driver's lease is on the run. Its
//! row carries the driver's name, an epoch, and the time until which the driver is to be left alone, by the database's
//! clock. Whoever takes over raises the epoch and fences the driver's ranges off in the same transaction, and from that
//! commit on the former driver's transactions fail, however late it wakes up: the epoch protects, the time only says how
//! long to wait. When a driver is gone its helpers go on with the ranges there are, and one of them takes over.
//!
//! Waiting a whole lease for a process that was killed a second ago is tedious when one can know better. So a holder also
//! keeps a file in the temporary folder locked while it lives; the operating system releases the lock when the process
//! ends, however it ends. Another process of the same host that can lock the file knows that the holder is gone. Where the
//! file cannot be seen (another host, another container) nothing is known, and the lease decides.

use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// This process as a holder, for the duration of one run.
pub(crate) struct Holder {
    /// `host/process/token`.
    pub name: String,
    path: PathBuf,
    /// Locked as long as this lives.
    _file: File,
    /// Whether the file stays when this ends.
    left_behind: AtomicBool,
}

impl Holder {
    pub(crate) fn new() -> Result<Holder> {
        let token = uuid::Uuid::now_v7().simple().to_string();
        let path = lock_path(&token);
        let locked = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file));
        let file = locked.map_err(|error| {
            Error::new(
                ErrorKind::Database,
                format!("the lock file {} cannot be made", path.display()),
            )
            .with_source(error)
        })?;
        Ok(Holder {
            name: format!("{}/{}/{token}", host(), std::process::id()),
            path,
            _file: file,
            left_behind: AtomicBool::new(false),
        })
    }

    /// Leaves the file, unlocked, when this ends: the run could not be ended, and whoever comes next is to see at once that
    /// nobody executes it any more.
    pub(crate) fn leave_behind(&self) {
        self.left_behind.store(true, Ordering::Relaxed);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if self.left_behind.load(Ordering::Relaxed) {
            return;
        }
        // Left behind all the same, the file would only tell others what is true: that this holder is gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether a holder's process has certainly ended.
pub(crate) fn is_gone(holder: &str) -> bool {
    let mut parts = holder.rsplitn(3, '/');
    let (Some(token), Some(_), Some(on)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if on != host() || !token.chars().all(|c| c.is_ascii_hexdigit()) {
        return false;
    }
    let path = lock_path(token);
    let Ok(file) = OpenOptions::new().write(true).open(&path) else {
        return false;
    };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Removes what a holder that is gone has left behind. Only after its run was ended or taken over: the file is the proof
/// that it is gone.
pub(crate) fn bury(holder: &str) {
    if let Some((_, token)) = holder.rsplit_once('/').filter(|_| is_gone(holder)) {
        let _ = std::fs::remove_file(lock_path(token));
    }
}

fn lock_path(token: &str) -> PathBuf {
    std::env::temp_dir().join(format!("driftless-{token}.lock"))
}

pub(super) fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_that_lives_is_not_gone() {
        let holder = Holder::new().unwrap();
        assert!(!is_gone(&holder.name));
    }

    #[test]
    fn a_holder_nobody_can_see_is_not_declared_gone() {
        assert!(!is_gone("elsewhere/1/0123"));
        assert!(!is_gone(&format!("{}/1/../../etc/passwd", host())));
        assert!(!is_gone("nonsense"));
    }
}
