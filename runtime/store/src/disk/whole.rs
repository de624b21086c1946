//! Whether a file is one that redb has written: its pages are looked at one by one before anything is read of it. Where it
//! cannot make sense of what it finds, redb panics in places; that is an error here.

use crate::OpenError;
use redb::{Database, DatabaseError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Opens a file.
///
/// # Errors
/// [`OpenError`].
pub(super) fn opened(
    path: &Path,
    open: impl FnOnce() -> Result<Database, DatabaseError>,
) -> Result<Database, OpenError> {
    // Nothing of it is used after a panic.
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|error| OpenError::redb(path, error.into())),
        Err(_panic) => Err(damaged(path, "its pages make no sense")),
    }
}

/// Looks at all pages. What is not whole is repaired as far as it can be, in the file that `db` has: look at a copy.
///
/// # Errors
/// [`OpenError::Damaged`].
pub(super) fn check(path: &Path, db: &mut Database) -> Result<(), OpenError> {
    match catch_unwind(AssertUnwindSafe(|| db.check_integrity())) {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(damaged(path, "a page is not what was written")),
        Ok(Err(error)) => Err(OpenError::redb(path, error.into())),
        Err(_panic) => Err(damaged(path, "its pages make no sense")),
    }
}

fn damaged(path: &Path, detail: &str) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        detail: detail.to_owned(),
    }
}
