//! [`Quarantine`]: code that the node does not bring in again, in a file that outlives the process.
//!
//! A transition that never returns cannot be stopped inside the process: the process restarts with the
//! old code, and what it tried is written here first, so that it is not tried again. In memory the list holds whether
//! or not the disk takes it; that the disk did not is known until it does, which each change and the end of the node
//! try again. Only what an operator clears holds once it is written: else a restart would undo it unseen.

use crate::replace::replace;
use parking_lot::Mutex;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::Metrics;
use refit_admin::api::{QuarantineEntry, QuarantineState};
use refit_store::{NO_FILE_NEXT, is_no_file, open_file};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
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
    list: Arc<Mutex<List>>,
}

/// The list, and who is told of its changes.
#[derive(Debug, Default)]
struct List {
    entries: Vec<QuarantineEntry>,
    /// Why the file is not as the entries are, if it is not.
    unwritten: Option<String>,
    metrics: Option<Arc<Metrics>>,
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
            QuarantineError::Unreadable { source, .. } if is_no_file(source) => NO_FILE_NEXT,
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
            list: Arc::new(Mutex::new(List {
                entries,
                ..List::default()
            })),
        })
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<QuarantineEntry> {
        self.list.lock().entries.clone()
    }

    /// How many entries refuse their code.
    pub fn refusing(&self) -> usize {
        self.list.lock().refusing().count()
    }

    /// Why the file does not have what the list has: after a restart it is as the file says. `None` if it has it all.
    pub fn unwritten(&self) -> Option<String> {
        self.list.lock().unwritten.clone()
    }

    /// From now on each change is told to these metrics, and what there is at once.
    pub(crate) fn tell(&self, metrics: Arc<Metrics>) {
        let mut list = self.list.lock();
        list.metrics = Some(metrics);
        list.tell();
    }

    /// The first of these artifacts that an entry forbids.
    pub fn forbids<'a>(
        &self,
        mut artifacts: impl Iterator<Item = &'a str>,
    ) -> Option<Forbidden<'a>> {
        let list = self.list.lock();
        let forbidden = |artifact: &&str| {
            let names =
                |entry: &&QuarantineEntry| entry.artifacts.iter().any(|named| named == artifact);
            list.refusing().find(names)
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
        let mut list = self.list.lock();
        let entries = &mut list.entries;
        // What was forbidden before stays forbidden, whatever else befell it.
        let forbids = |old: &QuarantineEntry| old.state == QuarantineState::Quarantined;
        if entry.state == QuarantineState::Failed
            && entries
                .iter()
                .any(|old| forbids(old) && old.artifacts == entry.artifacts)
        {
            return self.write_again(&mut list);
        }
        entries.retain(|old| old.artifacts != entry.artifacts);
        if entries.len() >= QUARANTINE_ENTRIES_MAX {
            // A failure on record is a hint; code that is forbidden stays so as long as there is room.
            let spare = entries.iter().position(|old| !forbids(old)).unwrap_or(0);
            entries.remove(spare);
        }
        entries.push(entry);
        self.write(&mut list)
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
        let mut list = self.list.lock();
        let before = list.entries.len();
        list.entries.retain(|entry| {
            let is_live = entry
                .artifacts
                .iter()
                .any(|named| artifacts.contains(named));
            // That it went well once does not mend code that has held a pause: only an operator clears it.
            entry.state == QuarantineState::Quarantined || !is_live
        });
        match list.entries.len() == before {
            true => self.write_again(&mut list),
            false => self.write(&mut list),
        }
    }

    /// Removes the entries that name an artifact; says how many there were.
    ///
    /// # Errors
    /// [`QuarantineError::Unwritable`]: none is removed, and it may be tried again.
    pub fn clear(&self, artifact: &str) -> Result<usize, QuarantineError> {
        let mut list = self.list.lock();
        let names = |entry: &QuarantineEntry| entry.artifacts.iter().any(|named| named == artifact);
        let (named, others): (Vec<_>, Vec<_>) = list.entries.iter().cloned().partition(names);
        if named.is_empty() {
            // Nothing depends on it here, and the list says itself whether it is written.
            let _ = self.write_again(&mut list);
            return Ok(0);
        }
        let before = std::mem::replace(&mut list.entries, others);
        if self.is_on_disk(&list.entries) {
            // Those that are removed were never written.
            list.written(None);
        } else if let Err(error) = self.write(&mut list) {
            let is_known = self.is_on_disk(&before);
            list.entries = before;
            list.written((!is_known).then(|| error.to_string()));
            return Err(error);
        }
        Ok(named.len())
    }

    /// Tries once more to have the file be as the list is, if it is not: the disk may have space again. To be called
    /// when the process ends.
    ///
    /// # Errors
    /// [`QuarantineError::Unwritable`]: the next process begins with what the file has.
    pub fn settle(&self) -> Result<(), QuarantineError> {
        self.write_again(&mut self.list.lock())
    }

    /// Whether the file, read anew, has this entry: whether it is known after a restart.
    pub fn is_recorded(&self, entry: &QuarantineEntry) -> bool {
        // Not what this process believes to have written: what the next one will read.
        self.read_anew().is_some_and(|disk| disk.contains(entry))
    }

    /// Has the file, and whoever is told of changes, be as the list is.
    fn write(&self, list: &mut List) -> Result<(), QuarantineError> {
        let written = self.write_file(&list.entries);
        list.written(written.as_ref().err().map(ToString::to_string));
        written
    }

    /// As [`Quarantine::write`], if an earlier one failed.
    fn write_again(&self, list: &mut List) -> Result<(), QuarantineError> {
        match list.unwritten {
            Some(_) => self.write(list),
            None => Ok(()),
        }
    }

    /// Whether the file, read anew, has these entries and no others.
    fn is_on_disk(&self, entries: &[QuarantineEntry]) -> bool {
        self.read_anew().is_some_and(|disk| disk == entries)
    }

    /// What the next process would begin with, if there is a file and it can be read.
    fn read_anew(&self) -> Option<Vec<QuarantineEntry>> {
        let disk = Self::open(self.path.clone()?).ok()?;
        Some(disk.entries())
    }

    fn write_file(&self, entries: &[QuarantineEntry]) -> Result<(), QuarantineError> {
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

impl List {
    /// The entries that refuse their code.
    fn refusing(&self) -> impl Iterator<Item = &QuarantineEntry> {
        let refuses = |entry: &&QuarantineEntry| entry.state == QuarantineState::Quarantined;
        self.entries.iter().filter(refuses)
    }

    /// How many artifacts do not come in again.
    fn refused_artifacts(&self) -> usize {
        let artifacts = self.refusing().flat_map(|entry| &entry.artifacts);
        artifacts.collect::<BTreeSet<_>>().len()
    }

    /// Notes why the file is not as the entries are, if it is not, and tells it.
    fn written(&mut self, unwritten: Option<String>) {
        self.unwritten = unwritten;
        self.tell();
    }

    fn tell(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.set_quarantined(self.refused_artifacts() as u64);
            metrics.set_quarantine_unwritten(self.unwritten.is_some());
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open_file(path)?
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
