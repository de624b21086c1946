//! [`Written`]: the file into which an upgrade that is no rehearsal only writes the states that it ends with.

use super::child::unable;
use super::wire::{Failed, Writes};
use refit_kernel::{ArtifactHash, Executor, ImageScope};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// The file, open.
#[derive(Debug)]
pub(super) struct Written {
    file: File,
    artifacts: BTreeMap<String, ArtifactHash>,
}

impl Written {
    /// Opens the file, which is there.
    pub(super) fn open(writes: &Writes) -> Result<Self, Failed> {
        let file = File::options().append(true).open(&writes.path);
        Ok(Self {
            file: file.map_err(|error| unable(&error))?,
            artifacts: writes.artifacts.clone(),
        })
    }

    /// Writes all of the node in small, as a snapshot has it.
    pub(super) fn write(self, executor: &Executor) -> Result<(), Failed> {
        let table = executor.table();
        let kinds = table.iter().map(|(_, entry)| entry.kind.descriptor());
        let artifacts = kinds.map_while(|kind| self.artifacts.get(&kind.kind).copied());
        let scope = ImageScope {
            artifacts: artifacts.collect(),
            ..ImageScope::whole(usize::MAX)
        };
        let to = BufWriter::with_capacity(WRITE_BYTES, self.file);
        let written = executor.write_image(&scope, to);
        written.map(drop).map_err(|error| Failed::of(&error))
    }
}
