//! [`set_aside`]: takes the last block out of the log of a node that does not run: one that ends it each time.

use super::attempts;
use crate::probation::branches;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::{ClientId, EngineId, Height};
use refit_ordering::SealedBlock;
use refit_store::{BlockLog, DiskStore, Fault, OpenError, ReadError, Store};
use std::borrow::Cow;
use std::path::Path;

/// A message of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsideMessage {
    /// The engine that it is for.
    pub engine: EngineId,
    /// Its client.
    pub client: ClientId,
    /// The client's number for it, if it has a key.
    pub sequence: Option<u64>,
}

/// Why the block stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetAsideError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The block cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Nothing says that it ends the node.
    #[error(
        "block {height} is not known to end the node: {starts} starts have ended at it, and {} would say so",
        attempts::REPLAY_STARTS_MAX
    )]
    NotEnding {
        /// The block.
        height: Height,
        /// Starts that have ended at it.
        starts: u32,
    },
    /// It is another one than the last, or a checkpoint has it.
    #[error(
        "the log ends with block {last}, and the newest checkpoint has block {checkpoint}: block {height} stays"
    )]
    NotLast {
        /// The block.
        height: Height,
        /// The last block.
        last: Height,
        /// The newest checkpoint.
        checkpoint: Height,
    },
}

impl Explain for SetAsideError {
    fn code(&self) -> &str {
        match self {
            Self::Open(error) => error.code(),
            Self::Fault(fault) => fault.code(),
            Self::Read(_) => codes::LOG_UNREADABLE,
            Self::NotEnding { .. } => codes::BLOCK_NOT_ENDING,
            Self::NotLast { .. } => codes::BLOCK_NOT_LAST,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Open(error) => error.next(),
            Self::Fault(fault) => fault.next(),
            Self::Read(_) => Cow::Borrowed("put the data folder back from a copy of yours"),
            Self::NotEnding { .. } => {
                Cow::Borrowed("start the node; a block that ends it twice can be taken out then")
            }
            Self::NotLast { .. } => {
                Cow::Borrowed("name the last block of the log; what is in a checkpoint stays")
            }
        }
    }
}

/// Takes the last block out of the log of the store in `folder`, and keeps its bytes there aside. Gives its messages:
/// none of them has happened.
///
/// # Errors
/// [`SetAsideError`]; the log is as it was.
pub fn set_aside(folder: &Path, height: Height) -> Result<Vec<AsideMessage>, SetAsideError> {
    let store = DiskStore::open(folder)?;
    let archive = store.archive().ok_or(Fault::Ended)?;
    let newest = archive.checkpoints()?.pop();
    let checkpoint = newest.map_or(Height(0), |newest| newest.height);
    let last = store.last();
    if height != last || height <= checkpoint {
        return Err(SetAsideError::NotLast {
            height,
            last,
            checkpoint,
        });
    }
    // A roll-back goes on behind this one: without it, it could not.
    if branches::all(archive)?
        .last()
        .is_some_and(|point| height <= point.after && last < point.through)
    {
        return Err(SetAsideError::NotLast {
            height,
            last,
            checkpoint,
        });
    }
    // Its clients may have their answers: what was told is not taken back.
    let starts = attempts::of(height, archive)?;
    if starts < attempts::REPLAY_STARTS_MAX {
        return Err(SetAsideError::NotEnding { height, starts });
    }
    let bytes = store.read(height)?;
    archive.set_aside(height)?;
    attempts::end(archive)?;
    // One that cannot be read is taken out all the same.
    let block = SealedBlock::from_bytes(&bytes).map(|sealed| sealed.block);
    let entries = block.map(|block| block.entries).unwrap_or_default();
    let messages = entries.iter().filter_map(|entry| entry.message());
    Ok(messages
        .map(|message| AsideMessage {
            engine: message.ingress.engine,
            client: message.ingress.client,
            sequence: message.ingress.sequence,
        })
        .collect())
}
