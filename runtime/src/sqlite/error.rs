//! SQLite's result codes as errors that say what to do.

use crate::error::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// A rusqlite error as ours, with the way out where there is one.
pub(super) fn translate(error: rusqlite::Error) -> Error {
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Busy, "the database is locked by another process")
        }
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Database,
            "there is no room left for the database; make room and run `up` again, it goes on where it stopped",
        ),
        Some(ErrorCode::ReadOnly) => (
            ErrorKind::Database,
            "the database is read-only; migrations need to write to the file and its folder",
        ),
        Some(ErrorCode::NotADatabase) => (ErrorKind::Database, "the file is not a SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Database,
            "the database file is corrupt; restore it from a backup before migrating",
        ),
        Some(ErrorCode::ConstraintViolation) => {
            (ErrorKind::Constraint, "a constraint does not hold")
        }
        Some(ErrorCode::CannotOpen) => (ErrorKind::Database, "SQLite cannot open the file"),
        Some(ErrorCode::SystemIoFailure) => (
            ErrorKind::Database,
            "reading or writing the database file failed",
        ),
        _ => (ErrorKind::Database, "SQLite refused"),
    };
    Error::new(kind, message).with_source(error)
}
