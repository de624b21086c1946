//! Whether a file is one that redb has written: its pages are looked at one by one before anything is read of it. Where it
//! cannot make sense of what it finds, redb panics in places; that is an error here.

use crate::OpenError;
use redb::{Builder, Database, DatabaseError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Memory for pages of the file, in bytes: blocks are written once and read at starts only.
const CACHE_BYTES: usize = 16 << 20;

/// A file that redb has opened.
pub(super) struct Opened {
    pub(super) db: Database,
    /// It was not closed well: each of its pages was looked at as it was mended.
    pub(super) was_mended: bool,
}

/// Opens a file.
///
/// # Errors
/// [`OpenError`].
pub(super) fn opened(
    path: &Path,
    open: impl FnOnce(&mut Builder) -> Result<Database, DatabaseError>,
) -> Result<Opened, OpenError> {
    let mends = Arc::new(AtomicBool::new(false));
    let mending = mends.clone();
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE_BYTES)
        .set_repair_callback(move |_| mending.store(true, Ordering::Relaxed));
    // Nothing of it is used after a panic.
    match catch_unwind(AssertUnwindSafe(|| open(&mut builder))) {
        Ok(opened) => Ok(Opened {
            db: opened.map_err(|error| OpenError::redb(path, error.into()))?,
            was_mended: mends.load(Ordering::Relaxed),
        }),
        Err(_panic) => Err(damaged(path, "its pages make no sense")),
    }
}

impl Opened {
    /// Looks at all pages, if that was not done to mend the file. What is not whole is repaired as far as it can be, in the
    /// file that `db` has: look at a copy.
    ///
    /// # Errors
    /// [`OpenError::Damaged`].
    pub(super) fn check(&mut self, path: &Path) -> Result<(), OpenError> {
        if self.was_mended {
            return Ok(());
        }
        let db = &mut self.db;
        match catch_unwind(AssertUnwindSafe(|| db.check_integrity())) {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(damaged(path, "a page is not what was written")),
            Ok(Err(error)) => Err(OpenError::redb(path, error.into())),
            Err(_panic) => Err(damaged(path, "its pages make no sense")),
        }
    }
}

fn damaged(path: &Path, detail: &str) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        detail: detail.to_owned(),
    }
}
