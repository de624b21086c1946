//! [`Told`]: what clients were told by a generation on probation, as digests: enough to say which replies come out
//! differently once it is taken back.

use refit_kernel::{Asker, Replied};
use refit_store::RecordChange;
use serde::{Deserialize, Serialize};

/// Most replies that are remembered; more are counted. With 16 bytes each they fit into one record.
pub(crate) const TOLD_MAX: usize = 400_000;

/// The record of what was told when the node ended to be rolled back.
pub(crate) const TOLD: &str = "told";

/// The hash of who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct AskerHash(u64);

/// The hash of what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyHash(u64);

/// What clients were told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) replies: Vec<(AskerHash, ReplyHash)>,
    /// Replies beyond those that are remembered.
    pub(crate) more: u64,
    /// Whether it begins with the first block after the upgrade.
    pub(crate) is_whole: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            replies: Vec::new(),
            more: 0,
            is_whole: true,
        }
    }
}

impl Told {
    /// Remembers what leaves the node now. A repeat says what was said before.
    pub(crate) fn add(&mut self, replies: &[Replied]) {
        for replied in replies.iter().filter(|replied| !replied.repeated) {
            match self.replies.len() < TOLD_MAX {
                true => self.replies.push((asker(&replied.asker), reply(replied))),
                false => self.more += 1,
            }
        }
    }

    pub(crate) fn to_record(&self) -> RecordChange {
        match postcard::to_allocvec(self) {
            Ok(bytes) => RecordChange::put(TOLD, bytes),
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("it has only sized fields: {error}"),
        }
    }

    /// What such a record says; of one that cannot be read, that not all is known.
    pub(crate) fn from_record(bytes: Option<&[u8]>) -> Self {
        let read = bytes.and_then(|bytes| postcard::from_bytes(bytes).ok());
        read.unwrap_or(Self {
            is_whole: false,
            ..Self::default()
        })
    }
}

pub(crate) fn asker(asker: &Asker) -> AskerHash {
    AskerHash(hash(&postcard::to_allocvec(asker).unwrap_or_default()))
}

pub(crate) fn reply(replied: &Replied) -> ReplyHash {
    let outcome = &replied.outcome;
    ReplyHash(match outcome {
        Ok(bytes) => hash(bytes),
        // The first bit tells both apart.
        Err(error) => !hash(&postcard::to_allocvec(error).unwrap_or_default()),
    })
}

/// The first bytes of BLAKE3: who makes two replies with the same ones fools himself alone.
fn hash(bytes: &[u8]) -> u64 {
    let hash = blake3::hash(bytes);
    let first = hash.as_bytes().first_chunk().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}
