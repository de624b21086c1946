//! The last good state of a poisoned engine: what it had before the message that poisoned it. A child finds it out: it
//! starts on a copy, from the newest checkpoint before that message, and executes the blocks again.
//!
//! The child is the same program as that of a [`trial`](super::trial); a record in its store says what is wanted of it. The
//! state comes back in a file beside that store: it may be long.

use super::about::About;
use super::store_copy::{CopyFolder, StoreCopy};
use super::trial::{TrialError, child};
use crate::code::armed;
use crate::rehearsal::RehearsalCommand;
use refit_abi::{EngineId, Height, Sender};
use refit_kernel::Poison;
use refit_store::{Archive, ArchiveView, Checkpoint, Fault, RecordChange, Store, read_file};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the record that says what is wanted.
const NAME: &str = "wanted-state";

/// The name of the state's file.
const STATE: &str = "state";

/// Whose state is wanted, and the message before which it was that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedState {
    pub(crate) engine: EngineId,
    pub(crate) height: Height,
    sender: Option<Sender>,
    sequence: u64,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FoundState {
    pub(crate) bytes: u64,
}

/// Looks for a state.
pub(crate) struct Search<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) archive: &'a dyn Archive,
    pub(crate) wanted: WantedState,
    /// The checkpoint from which the blocks are executed again.
    pub(crate) from: Checkpoint,
    /// Where the copy is made, and removed.
    pub(crate) folder: PathBuf,
}

/// What was found.
pub(crate) enum Found {
    State(Vec<u8>),
    /// It has so many bytes, and is not read.
    TooLarge(u64),
}

impl WantedState {
    pub(crate) fn before(engine: EngineId, poison: &Poison) -> Self {
        Self {
            engine,
            height: poison.height,
            sender: poison.sender,
            sequence: poison.sequence,
        }
    }

    /// Whether it was that message.
    pub(crate) fn is_of(&self, poison: &Poison) -> bool {
        *self == Self::before(self.engine, poison)
    }

    /// The one that a child is to find, if that is why it starts.
    pub(crate) fn read(archive: &dyn ArchiveView) -> Result<Option<Self>, Fault> {
        let content = archive.record(NAME)?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }
}

/// The newest checkpoint before a block.
pub(crate) fn before(height: Height, archive: &dyn Archive) -> Result<Option<Checkpoint>, Fault> {
    let mut kept = archive.checkpoints()?.into_iter();
    Ok(kept.rfind(|checkpoint| checkpoint.height < height))
}

/// Where a child writes the state.
pub(crate) fn state_file(folder: &Path) -> PathBuf {
    folder.join(STATE)
}

impl Search<'_> {
    /// Looks for it; reads it if it has at most so many bytes.
    pub(crate) fn run(
        self,
        command: &RehearsalCommand,
        bytes_max: usize,
    ) -> Result<Found, TrialError> {
        let folder = CopyFolder::begin(self.folder.clone())?;
        let copy = StoreCopy {
            store: self.store,
            archive: self.archive,
            artifacts: self.artifacts()?,
            records: self.records()?,
            from: self.from,
        };
        copy.make(&folder.0)?;
        let found: FoundState = child(command, &folder.0)?;
        if found.bytes > bytes_max as u64 {
            return Ok(Found::TooLarge(found.bytes));
        }
        Ok(Found::State(read_file(
            &state_file(&folder.0),
            bytes_max as u64,
        )?))
    }

    /// Those of the checkpoint, and of the upgrades that the log makes again.
    fn artifacts(&self) -> Result<BTreeSet<String>, TrialError> {
        let about = About::from_bytes(&self.from.about);
        let mut artifacts = about.map(|about| about.artifacts()).unwrap_or_default();
        for recorded in armed::all(self.archive)? {
            artifacts.extend(recorded.armed.plan.artifacts());
        }
        Ok(artifacts)
    }

    fn records(&self) -> Result<Vec<RecordChange>, TrialError> {
        let wanted = serde_json::to_vec(&self.wanted).map_err(io::Error::other)?;
        let mut records = vec![RecordChange::put(NAME, wanted)];
        for beginning in ["branch/", armed::NAME] {
            let kept = self.archive.records(beginning)?.into_iter();
            records.extend(kept.map(|(name, content)| RecordChange::put(name, content)));
        }
        Ok(records)
    }
}
