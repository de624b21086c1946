//! That a restore into the data folder is under way. It stands there before anything else of the restore does, and goes with
//! its last step: what a restore that was ended has left is nothing that a node could begin a chain with.

use super::RecoveryError;
use refit_store::{ArchiveView, Fault, RecordChange};
use std::path::{Path, PathBuf};

/// The name of the record.
const NAME: &str = "restoring";

/// The change with which a restore of this snapshot begins.
pub(crate) fn begins(file: &Path) -> RecordChange {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    RecordChange::put(NAME, file.display().to_string().into_bytes())
}

/// The change with which it ends.
pub(crate) fn ends() -> RecordChange {
    RecordChange::remove(NAME)
}

/// The snapshot of a restore that is under way.
pub(crate) fn of(archive: &dyn ArchiveView) -> Result<Option<PathBuf>, Fault> {
    let content = archive.record(NAME)?;
    Ok(content.map(|content| String::from_utf8_lossy(&content).into_owned().into()))
}

/// Whether a node may begin a chain.
///
/// # Errors
/// [`RecoveryError::RestoreUnfinished`].
pub(crate) fn is_over(archive: &dyn ArchiveView) -> Result<(), RecoveryError> {
    match of(archive)? {
        None => Ok(()),
        Some(file) => Err(RecoveryError::RestoreUnfinished { file }),
    }
}
