//! From `migrations!`, which reads the lock file, to the `#[migration]` of each file, which can point into it.
//!
//! Both run in one compiler process, first the one and then, when the compiler has loaded the module, the other. So that
//! no fault is lost should that ever change, the expansion of `migrations!` names a constant ([`TOLD`]) that exists only
//! where the fault was told.

use crate::diagnostic::FaultKind;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The constant beside an `up` that told what it was handed.
pub(super) const TOLD: &str = "__DRIFTLESS_LOCK_FILE_DISAGREES_SEE_MIGRATE_CHECK";

/// Leaves faults for the file to tell.
pub(super) fn leave(file: &Path, faults: Vec<FaultKind>) {
    pending().entry(file.to_owned()).or_default().push(faults);
}

/// Takes what was left for a file: once for every time the file becomes a module.
pub(super) fn take(file: &Path) -> Option<Vec<FaultKind>> {
    pending().get_mut(file).and_then(Vec::pop)
}

type Pending = HashMap<PathBuf, Vec<Vec<FaultKind>>>;

fn pending() -> MutexGuard<'static, Pending> {
    static PENDING: LazyLock<Mutex<Pending>> = LazyLock::new(Mutex::default);
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}
