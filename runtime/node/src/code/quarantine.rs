//! [`Quarantine`]: code that the node does not bring in again, in a file that outlives the process.
//!
//! A transition that never returns cannot be stopped inside the process: the process restarts with the
//! old code, and what it tried is written here first, so that it is not tried again.

use crate::replace::replace;
use parking_lot::Mutex;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{QuarantineEntry, QuarantineState};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries that are kept; of more, the oldest that refuses nothing goes, else the oldest.
pub const QUARANTINE_ENTRIES_MAX: usize = 1_024;

/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Code that the node does not bring in again. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Quarantine {
    path: Option<PathBuf>,
    entries: Arc<Mutex<Vec<QuarantineEntry>>>,
}

/// Code that an entry of the list forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden<'a> {
    /// The entry.
    pub entry: QuarantineEntry,
    /// BLAKE3 of the file, in hexadecimal, as it was asked for.
    pub artifact: &'a str,
}

/// Why the list could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineError {
    /// It cannot be read.
    #[error("cannot read the quarantine list {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what this code writes.
    #[error("{} is no quarantine list of this node: {reason}", path.display())]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write the quarantine list {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Explain for QuarantineError {
    fn code(&self) -> &str {
        match self {
            QuarantineError::Unreadable { .. } => codes::QUARANTINE_UNREADABLE,
            QuarantineError::NotUnderstood { .. } => codes::QUARANTINE_NOT_UNDERSTOOD,
            QuarantineError::Unwritable { .. } => codes::QUARANTINE_UNWRITABLE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            QuarantineError::Unreadable { .. } | QuarantineError::Unwritable { .. } => {
                "give the node the rights to its data folder, and the disk space"
            }
            QuarantineError::NotUnderstood { .. } => {
                "read the file, and move it away if nothing in it matters any more"
            }
        })
    }
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    entries: Vec<QuarantineEntry>,
}

impl Quarantine {
    /// A list that ends with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The list in the file at `path`; empty if there is none yet.
    ///
    /// # Errors
    /// [`QuarantineError`] if there is one and it cannot be read: what it forbids is not known then.
    pub fn open(path: PathBuf) -> Result<Self, QuarantineError> {
        let entries = match read(&path) {
            Ok(text) => decode(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(QuarantineError::Unreadable { path, source }),
        };
        Ok(Self {
            path: Some(path),
            entries: Arc::new(Mutex::new(entries)),
        })
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<QuarantineEntry> {
        self.entries.lock().clone()
    }

    /// How many entries refuse their code.
    pub fn refusing(&self) -> usize {
        let entries = self.entries.lock();
        let refuses = |entry: &&QuarantineEntry| entry.state == QuarantineState::Quarantined;
        entries.iter().filter(refuses).count()
    }

    /// How many artifacts do not come in again.
    pub(crate) fn refused_artifacts(&self) -> usize {
        let entries = self.entries.lock();
        let refuse = |entry: &&QuarantineEntry| entry.state == QuarantineState::Quarantined;
        let artifacts = entries.iter().filter(refuse);
        let artifacts: BTreeSet<_> = artifacts.flat_map(|entry| &entry.artifacts).collect();
        artifacts.len()
    }

    /// The first of these artifacts that an entry forbids.
    pub fn forbids<'a>(
        &self,
        mut artifacts: impl Iterator<Item = &'a str>,
    ) -> Option<Forbidden<'a>> {
        let entries = self.entries.lock();
        let forbidden = |artifact: &&str| {
            let names = |entry: &&QuarantineEntry| {
                entry.state == QuarantineState::Quarantined
                    && entry.artifacts.iter().any(|named| named == artifact)
            };
            entries.iter().find(names)
        };
        artifacts.find_map(|artifact| {
            let entry = forbidden(&artifact)?.clone();
            Some(Forbidden { entry, artifact })
        })
    }

    /// Adds an entry, in place of one with the same artifacts. In this process it holds in any case.
    ///
    /// # Errors
    /// [`QuarantineError::Unwritable`]: it does not outlive the process.
    pub fn add(&self, entry: QuarantineEntry) -> Result<(), QuarantineError> {
        let mut entries = self.entries.lock();
        // What was forbidden before stays forbidden, whatever else befell it.
        let forbids = |old: &QuarantineEntry| old.state == QuarantineState::Quarantined;
        if entry.state == QuarantineState::Failed
            && entries
                .iter()
                .any(|old| forbids(old) && old.artifacts == entry.artifacts)
        {
            return Ok(());
        }
        entries.retain(|old| old.artifacts != entry.artifacts);
        if entries.len() >= QUARANTINE_ENTRIES_MAX {
            // A failure on record is a hint; code that is forbidden stays so as long as there is room.
            let spare = entries.iter().position(|old| !forbids(old)).unwrap_or(0);
            entries.remove(spare);
        }
        entries.push(entry);
        self.write(&entries)
    }

    /// As [`Quarantine::add`]; a list that cannot be written is said so in the log.
    pub(crate) fn record(&self, entry: QuarantineEntry) {
        if let Err(error) = self.add(entry) {
            tracing::error!(%error, "the quarantine does not outlive this process");
        }
    }

    /// Forgets failures of artifacts that are live now.
    ///
    /// # Errors
    /// [`QuarantineError::Unwritable`]: after a restart they are there again.
    pub fn succeeded(&self, artifacts: &[String]) -> Result<(), QuarantineError> {
        let mut entries = self.entries.lock();
        let before = entries.len();
        entries.retain(|entry| {
            let is_live = entry
                .artifacts
                .iter()
                .any(|named| artifacts.contains(named));
            // That it went well once does not mend code that has held a pause: only an operator clears it.
            entry.state == QuarantineState::Quarantined || !is_live
        });
        match entries.len() == before {
            true => Ok(()),
            false => self.write(&entries),
        }
    }

    /// Removes the entries that name an artifact; says how many there were.
    ///
    /// # Errors
    /// [`QuarantineError::Unwritable`]: after a restart they are there again.
    pub fn clear(&self, artifact: &str) -> Result<usize, QuarantineError> {
        let mut entries = self.entries.lock();
        let before = entries.len();
        entries.retain(|entry| !entry.artifacts.iter().any(|named| named == artifact));
        let cleared = before - entries.len();
        if cleared > 0 {
            self.write(&entries)?;
        }
        Ok(cleared)
    }

    /// Whether the file, read anew, has this entry: whether it is known after a restart.
    pub fn is_recorded(&self, entry: &QuarantineEntry) -> bool {
        // Not what this process believes to have written: what the next one will read.
        let read = |path: &PathBuf| Self::open(path.clone()).ok();
        let on_disk = self.path.as_ref().and_then(read);
        on_disk.is_some_and(|list| list.entries.lock().contains(entry))
    }

    fn write(&self, entries: &[QuarantineEntry]) -> Result<(), QuarantineError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let written = Written {
            format: FORMAT,
            entries: entries.to_vec(),
        };
        let written = serde_json::to_vec_pretty(&written).map_err(io::Error::other);
        written
            .and_then(|text| replace(path, &text))
            .map_err(|source| QuarantineError::Unwritable {
                path: path.clone(),
                source,
            })
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut text)?;
    Ok(text)
}

fn decode(path: &Path, text: &[u8]) -> Result<Vec<QuarantineEntry>, QuarantineError> {
    let not_understood = |reason: String| QuarantineError::NotUnderstood {
        path: path.to_owned(),
        reason,
    };
    let written: Written =
        serde_json::from_slice(text).map_err(|error| not_understood(error.to_string()))?;
    match written.format {
        FORMAT => Ok(written.entries),
        other => Err(not_understood(format!("format {other}, known is {FORMAT}"))),
    }
}

#[cfg(test)]
mod tests;
