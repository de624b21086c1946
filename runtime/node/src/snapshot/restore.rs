//! [`Restore`]: a snapshot becomes the beginning of a data folder, on a branch of its own. The folder's node must not
//! run.
//!
//! All of the file is read before anything is written. Then it is written down that a restore is under way, then the libraries
//! are kept, then the record of what the folder is of, then the states; the checkpoint's name is the last thing that becomes
//! durable, and with it whom the chain trusts. Whatever ends it before that, the folder has no chain and trusts nobody for it,
//! no node begins one there, and the same can be done again.

use super::{SnapshotFile, SnapshotFileError};
use crate::recovery::IDENTITY;
use crate::recovery::genesis::Genesis;
use crate::recovery::restoring;
use crate::trust::{NotVouched, TakenOver, TrustFacts, Vouched, cleared};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::{Generation, Height};
use refit_loader::{Candidate, ReadError};
use refit_store::{
    Archive, BlockLog, DiskStore, Fault, Journal, Keep, OpenError, RecordChange, SnapshotError,
    Sort, Steps, Store, Unheard,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// A library that is offered for a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The kind.
    pub kind: String,
    /// The file.
    pub path: PathBuf,
}

/// What is restored.
#[derive(Clone, Copy, Debug)]
pub struct Restore<'a> {
    /// The snapshot.
    pub file: &'a Path,
    /// Libraries that are not in the snapshot.
    pub libraries: &'a [Offered],
    /// The keyset that the operator vouches for.
    pub vouched: Vouched<'a>,
}

/// A snapshot that is whole, with all its code at hand.
#[derive(Debug)]
pub struct Restorable {
    file: SnapshotFile,
    /// The libraries that are named, by their hashes.
    offered: BTreeMap<String, Candidate>,
    /// Whom the restored chain trusts.
    trust: TakenOver,
}

/// The store that it is restored into.
struct Target<'a> {
    folder: &'a Path,
    archive: &'a dyn Archive,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The name of the chain.
    pub chain: String,
    /// The branch that it goes on with.
    pub branch: u64,
    /// The block that it goes on behind.
    pub height: Height,
    /// The generation that is live.
    pub generation: Generation,
    /// Number of engines.
    pub engines: usize,
    /// Whom it trusts, if the snapshot says it.
    pub trust: Option<TrustFacts>,
}

/// Why nothing is restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The snapshot is not read.
    #[error(transparent)]
    File(#[from] SnapshotFileError),
    /// The operator does not vouch for its keyset.
    #[error(transparent)]
    Keyset(#[from] NotVouched),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read or written.
    #[error(transparent)]
    Store(#[from] Fault),
    /// A file of it cannot be written.
    #[error("cannot write into {}", path.display())]
    Write {
        /// The store's folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is a chain already.
    #[error("{} has a chain already, up to block {height}", path.display())]
    ChainThere {
        /// The store's folder.
        path: PathBuf,
        /// Its last block.
        height: Height,
    },
    /// A library is not there.
    #[error(
        "the snapshot was taken without code, and no library is named for the kind `{kind}`, whose states are of {artifact}"
    )]
    CodeMissing {
        /// The kind.
        kind: String,
        /// BLAKE3 of the library.
        artifact: String,
    },
    /// A library that is named is another one.
    #[error("the states of the kind `{kind}` are of {artifact}, and {} is {found}", path.display())]
    OtherCode {
        /// The kind.
        kind: String,
        /// The file.
        path: PathBuf,
        /// BLAKE3 of the file.
        found: String,
        /// BLAKE3 of the library that it must be.
        artifact: String,
    },
    /// A library is named for a kind that the snapshot does not have.
    #[error("the snapshot has no kind `{kind}`")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// A library cannot be read.
    #[error("the library {} cannot be read: {why}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: ReadError,
    },
}

impl Explain for RestoreError {
    fn code(&self) -> &str {
        match self {
            Self::File(error) => error.code(),
            Self::Keyset(_) => codes::SNAPSHOT_KEYSET_UNTRUSTED,
            Self::Open(error) => error.code(),
            Self::Store(fault) => fault.code(),
            Self::Write { source, .. } if Fault::of_io(source) == Fault::DiskFull => {
                codes::DISK_FULL
            }
            Self::Write { .. } => codes::DISK_FAULT,
            Self::ChainThere { .. } => codes::SNAPSHOT_CHAIN_THERE,
            Self::CodeMissing { .. } => codes::SNAPSHOT_CODE_MISSING,
            Self::OtherCode { .. } | Self::UnknownKind { .. } => codes::SNAPSHOT_OTHER_CODE,
            Self::Library { why, .. } => why.code(),
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::File(error) => error.next(),
            Self::Keyset(error) => next_of_keyset(error),
            Self::Open(error) => error.next(),
            Self::Store(_) | Self::Write { .. } => Cow::Borrowed(
                "make room on the disk of the data folder, or name another with --data-dir, and restore again",
            ),
            Self::ChainThere { .. } => {
                Cow::Borrowed("restore into a new folder with --data-dir, or move this one away")
            }
            Self::CodeMissing { kind, .. } => Cow::Owned(format!(
                "name it with --library {kind}=PATH, or take the snapshot with --with-code"
            )),
            Self::OtherCode { kind, .. } => Cow::Owned(format!(
                "name the very file that the node ran with --library {kind}=PATH"
            )),
            Self::UnknownKind { .. } => {
                Cow::Borrowed("name kinds that `refit snapshot inspect FILE` lists")
            }
            Self::Library { why, .. } => why.next(),
        }
    }
}

impl Restore<'_> {
    /// Reads all of the snapshot, and the libraries. Nothing is written.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn check(&self) -> Result<Restorable, RestoreError> {
        let mut file = SnapshotFile::open(self.file)?;
        file.verify()?;
        let trust = file.taken_over()?.vouched(self.vouched)?;
        let offered = self.offered(&file)?;
        Ok(Restorable {
            file,
            offered,
            trust,
        })
    }

    /// The libraries that are named, by their hashes, which are compared.
    fn offered(&self, file: &SnapshotFile) -> Result<BTreeMap<String, Candidate>, RestoreError> {
        let mut offered = BTreeMap::new();
        for Offered { kind, path } in self.libraries {
            let mut kinds = file.header().kinds.iter();
            let known = kinds.find(|known| known.kind == *kind);
            let known = known.ok_or_else(|| RestoreError::UnknownKind { kind: kind.clone() })?;
            let candidate = Candidate::read(path).map_err(|why| RestoreError::Library {
                path: path.clone(),
                why,
            })?;
            let found = candidate.id().to_string();
            if found != known.artifact {
                return Err(RestoreError::OtherCode {
                    kind: kind.clone(),
                    path: path.clone(),
                    found,
                    artifact: known.artifact.clone(),
                });
            }
            offered.insert(found, candidate);
        }
        for kind in &file.header().kinds {
            let is_there = offered.contains_key(&kind.artifact)
                || file.libraries().any(|artifact| artifact == kind.artifact);
            if !is_there {
                return Err(RestoreError::CodeMissing {
                    kind: kind.kind.clone(),
                    artifact: kind.artifact.clone(),
                });
            }
        }
        Ok(offered)
    }
}

impl Restorable {
    /// Restores it into the store in `folder`, which is made if it is not there. The caller holds the data folder's
    /// lock.
    ///
    /// # Errors
    /// [`RestoreError`]; the folder has no chain then.
    pub fn into_store(self, folder: &Path) -> Result<Restored, RestoreError> {
        self.into_store_heard(folder, Arc::new(Unheard))
    }

    /// As [`Restorable::into_store`], and `steps` hears of each step on the way of something to the disk.
    ///
    /// # Errors
    /// [`RestoreError`]; the folder has no chain then.
    pub fn into_store_heard(
        mut self,
        folder: &Path,
        steps: Arc<dyn Steps>,
    ) -> Result<Restored, RestoreError> {
        let store = DiskStore::open_heard(folder, steps)?;
        let archive = store.archive().ok_or(Fault::Ended)?;
        if has_begun(&store, archive)? {
            return Err(RestoreError::ChainThere {
                path: folder.to_owned(),
                height: store.last(),
            });
        }
        archive.set_records(vec![restoring::begins(self.file.path())])?;
        let target = Target { folder, archive };
        self.keep_code(&target)?;
        let header = self.file.header();
        let identity = header.identity.get().as_bytes().to_vec();
        archive.set_records(vec![RecordChange::put(IDENTITY, identity)])?;
        self.keep_history(&store)?;
        self.keep_states(&target)
    }

    /// What was done to the snapshot is in the history of the node that goes on from it. Done twice, it is there once: a
    /// later record of an upgrade takes the place of the one before.
    fn keep_history(&self, store: &DiskStore) -> Result<(), Fault> {
        for record in &self.file.header().offline {
            let bytes = serde_json::to_vec(record).unwrap_or_default();
            let kept = store.journal_append(&bytes);
            kept.map_err(|error| Fault::Disk {
                detail: format!("the journal refuses the record of an upgrade: {error}"),
            })?;
        }
        Ok(())
    }

    fn keep_code(&mut self, target: &Target<'_>) -> Result<(), RestoreError> {
        for candidate in self.offered.values() {
            let kept = target.archive.keep_code(candidate.bytes());
            kept.map_err(|source| target.unwritten(source))?;
        }
        let records = self.file.reader.records().to_vec();
        for record in records.iter().filter(|it| it.name.sort == Sort::Code) {
            let bytes = self.file.reader.read(record);
            let bytes = bytes.map_err(|source| self.file.damaged(source))?;
            let kept = target.archive.keep_code(&bytes);
            kept.map_err(|source| target.unwritten(source))?;
        }
        Ok(())
    }

    /// Makes a checkpoint of the image.
    fn keep_states(&mut self, target: &Target<'_>) -> Result<Restored, RestoreError> {
        let file = &mut self.file;
        let about = file.header().about();
        let about = about.map_err(|why| file.content(why))?.on_next_branch();
        let new = target.archive.new_checkpoint();
        let new = new.map_err(|source| target.unwritten(source))?;
        let mut to = BufWriter::with_capacity(WRITE_BYTES, new.file());
        let (records, _) = file.image_records()?;
        for record in &records {
            let copied = file.reader.copy(record, &mut to);
            copied.map_err(|source| match source {
                SnapshotError::Write { source } => target.unwritten(source),
                source => file.damaged(source).into(),
            })?;
        }
        to.flush().map_err(|source| target.unwritten(source))?;
        drop(to);
        let ground = about.ground();
        let keep = Keep {
            height: ground.tip.height,
            about: about.to_bytes(),
            also: None,
            changes: last_changes(&self.trust, target.archive)?,
        };
        target.archive.keep_checkpoint(new, keep)?;
        Ok(Restored {
            chain: file.header().chain_name(),
            branch: ground.branch.0,
            height: ground.tip.height,
            generation: about.generation,
            engines: file.engines().len(),
            trust: file.header().trust.as_ref().map(|_| self.trust.facts()),
        })
    }
}

impl Target<'_> {
    fn unwritten(&self, source: io::Error) -> RestoreError {
        let path = self.folder.to_owned();
        RestoreError::Write { path, source }
    }
}

/// The changes with the last step of a restore: it is under way no longer, and the store trusts these, and nobody else whom
/// something has left there.
fn last_changes(trust: &TakenOver, archive: &dyn Archive) -> Result<Vec<RecordChange>, Fault> {
    let mut changes = cleared(archive)?;
    changes.extend(trust.changes()?);
    changes.push(restoring::ends());
    Ok(changes)
}

fn next_of_keyset(error: &NotVouched) -> Cow<'static, str> {
    match error.found() {
        Some(found) => Cow::Owned(format!(
            "compare the id with what the authority itself publishes; if it is there, restore with --trust-keyset {found}, or with \
             a keyset that leads to it as `keyset` in the configuration"
        )),
        None => Cow::Borrowed(
            "look at the snapshot with `refit snapshot inspect FILE`; restore it without --trust-keyset if it is the right one",
        ),
    }
}

/// Whether something has begun in a store: a checkpoint, a block, or a beginning that takes their place.
fn has_begun(store: &DiskStore, archive: &dyn Archive) -> Result<bool, Fault> {
    Ok(!archive.checkpoints()?.is_empty()
        || Genesis::read(archive)?.is_some()
        || store.last() > Height(0))
}
