//! One `dev` of a package at a time: the system's own lock on a file in the target folder, which ends with its process.

use crate::package::Package;
use crate::report::Failure;
use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};

/// Held as long as `dev` goes on.
pub struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another `dev` of this package goes on; the file cannot be written.
    pub fn take(package: &Package) -> Result<Lock, Failure> {
        // Packages of one name may share a target folder.
        let mut hasher = DefaultHasher::new();
        package.manifest_path.hash(&mut hasher);
        let folder = package.target_folder.join("driftless");
        let path = folder.join(format!(
            "dev-{}-{:016x}.lock",
            package.name,
            hasher.finish()
        ));
        let failed = |error: std::io::Error| {
            Failure::failed(format!("`{}` cannot be locked: {error}", path.display()))
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // What cannot be read is not worth a failure of its own.
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => String::new(),
                    id => format!(" (process {id})"),
                };
                return Err(Failure::run_active(format!(
                    "`cargo migrate dev` of the package `{}` is running already{holder}; one applies everything, so use that one or end it",
                    package.name
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.write_all(std::process::id().to_string().as_bytes())
            .map_err(failed)?;
        Ok(Lock(file))
    }
}
