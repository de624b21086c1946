//! [`StoreCopy`]: a store of its own with what a start from one checkpoint needs, for a child to start on while the node
//! goes on. Nothing of it outlives the child.

use super::trial::TrialError;
use refit_abi::Height;
use refit_loader::ARTIFACT_BYTES_MAX;
use refit_store::{
    Archive, BlockLog as _, Checkpoint, DiskStore, Fault, Keep, RecordChange, Store, open_file,
    read_file,
};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for the copied blocks to become durable.
const COPY_WAIT_MAX: Duration = Duration::from_secs(60);

/// Between two looks whether they are.
const COPY_LOOK: Duration = Duration::from_millis(2);

/// The folder of a copy; it goes with this.
pub(super) struct CopyFolder(pub(super) PathBuf);

impl CopyFolder {
    pub(super) fn begin(folder: PathBuf) -> io::Result<Self> {
        // One that was left behind by a node that was killed.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for CopyFolder {
    fn drop(&mut self) {
        // What stays is removed by the next trial.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is copied.
pub(super) struct StoreCopy<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) archive: &'a dyn Archive,
    /// Where the start begins; all durable blocks behind it are copied.
    pub(super) from: Checkpoint,
    /// The libraries that it needs.
    pub(super) artifacts: BTreeSet<String>,
    /// The records that it looks at.
    pub(super) records: Vec<RecordChange>,
}

impl StoreCopy<'_> {
    pub(super) fn make(self, folder: &Path) -> Result<(), TrialError> {
        let from = &self.from;
        let copy = DiskStore::open(folder)?;
        let to = copy.archive().ok_or(Fault::Ended)?;
        let new = to.new_checkpoint()?;
        io::copy(&mut open_file(&from.path)?, &mut new.file())?;
        let keep = Keep {
            height: from.height,
            about: from.about.clone(),
            also: None,
            changes: Vec::new(),
        };
        to.keep_checkpoint(new, keep)?;
        for artifact in &self.artifacts {
            let path = self.archive.code(artifact);
            let path = path.ok_or_else(|| io::Error::other("a library is gone"))?;
            to.keep_code(&read_file(&path, ARTIFACT_BYTES_MAX)?)?;
        }
        to.set_records(self.records.clone())?;
        drop(copy);
        // Opened again: its log begins behind the checkpoint now.
        let copy = DiskStore::open(folder)?;
        self.copy_blocks(&copy, from.height)
    }

    fn copy_blocks(&self, copy: &DiskStore, after: Height) -> Result<(), TrialError> {
        let last = self.store.durable_height();
        let mut height = after;
        while height < last {
            height = height.next();
            copy.append(height, &self.store.read(height)?)?;
        }
        let deadline = Instant::now() + COPY_WAIT_MAX;
        while copy.durable_height() < last {
            if let Some(fault) = copy.fault() {
                return Err(fault.into());
            }
            if Instant::now() >= deadline {
                return Err(TrialError::Slow);
            }
            std::thread::sleep(COPY_LOOK);
        }
        Ok(())
    }
}
