//! [`Block`] and its [`Header`], its canonical bytes and its hash.

use crate::{
    Branch, ChainId, Entry, Ground, ManifestHash, ParametersHash, ReceiptHash, StateOf,
    UpgradeOutcome,
};
use refit_abi::{BlockHash, BlockTime, Height};
use serde::{Deserialize, Serialize};

/// Keeps a block's hash apart from every other hash.
const BLOCK_HASH_CONTEXT: &str = "refit 2026 block";

/// The form of a block's canonical bytes; they begin with it. Form 2 had messages only, and of its header three
/// fields; form 3 told the outcome of an upgrade in two places; in form 4 a message did not say by which way it came
/// in; in form 5 no order had a key.
pub const BLOCK_FORMAT: u8 = 6;

/// Most bytes of a block, its seal apart.
pub const BLOCK_BYTES_MAX: usize = 15 << 20;

/// Blocks from a checkpoint to the first one that may name its state.
pub const STATE_DELAY_BLOCKS: u64 = 16;

/// The parent of a block, and the code and parameters by which it is executed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The chain that it is of.
    pub chain: ChainId,
    /// The branch of it.
    pub branch: Branch,
    /// The block's number.
    pub height: Height,
    /// The block's time: never before its parent's, and else never ahead of its maker's clock.
    pub time: BlockTime,
    /// The hash of the block before.
    pub parent: BlockHash,
    /// The receipt of the block before: its effects.
    pub receipt: ReceiptHash,
    /// The outcome of an upgrade between the block before and this one, if there was one.
    pub outcome: Option<UpgradeOutcome>,
    /// The code by which the block is executed.
    pub manifest: ManifestHash,
    /// The parameters by which it is.
    pub parameters: ParametersHash,
    /// The state of a checkpoint at least [`STATE_DELAY_BLOCKS`] before, in the first block whose maker knew its hash.
    pub state: Option<StateOf>,
}

/// A header and an ordered list of entries.
///
/// Nothing in it is known to one node alone. Its canonical bytes are [`BLOCK_FORMAT`] and the postcard form of its
/// fields in this order; its hash is BLAKE3 over them, in a context of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The header: its parent, code and parameters.
    pub header: Header,
    /// Its entries, in the order in which they are carried out.
    pub entries: Vec<Entry>,
}

impl Block {
    /// The canonical bytes: what is sent and hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(BLOCK_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("a block has only sized fields: {error}"),
        }
    }

    /// The header of a block that has these canonical bytes; nothing is looked at but the header, so that whoever looks
    /// through many reads no entry.
    ///
    /// # Errors
    /// [`BlockError`] if the bytes do not begin as a block does.
    pub fn header_of(bytes: &[u8]) -> Result<Header, BlockError> {
        check_format(bytes)?;
        let read: Result<((u8, Header), &[u8]), _> = postcard::take_from_bytes(bytes);
        let bytes = bytes.len();
        read.map(|((_, header), _)| header)
            .map_err(|source| BlockError::Malformed { bytes, source })
    }

    /// Reads back what [`Block::to_bytes`] gave. Bytes left over are a fault.
    ///
    /// # Errors
    /// [`BlockError`] if the bytes are no block, or not the canonical form of one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlockError> {
        let (block, rest) = Self::take_from_bytes(bytes)?;
        match rest {
            [] => Ok(block),
            _ => Err(BlockError::NotCanonical {
                height: block.header.height,
            }),
        }
    }

    /// Reads a block off the beginning of some bytes, and gives what is left.
    ///
    /// # Errors
    /// As [`Block::from_bytes`].
    pub(crate) fn take_from_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), BlockError> {
        check_format(bytes)?;
        let read: Result<((u8, Self), &[u8]), _> = postcard::take_from_bytes(bytes);
        let ((_, block), rest) = read.map_err(|source| BlockError::Malformed {
            bytes: bytes.len(),
            source,
        })?;
        let (height, length) = (block.header.height, bytes.len() - rest.len());
        if length > BLOCK_BYTES_MAX {
            return Err(BlockError::TooLarge {
                height,
                bytes: length,
            });
        }
        // Postcard reads some numbers written in more than one way: two byte strings of one block would have two
        // hashes.
        match block.to_bytes() == bytes[..length] {
            true => Ok((block, rest)),
            false => Err(BlockError::NotCanonical { height }),
        }
    }

    /// The block's hash.
    pub fn hash(&self) -> BlockHash {
        Self::hash_of(&self.to_bytes())
    }

    /// The hash of the block that has these canonical bytes.
    pub fn hash_of(bytes: &[u8]) -> BlockHash {
        let mut hasher = blake3::Hasher::new_derive_key(BLOCK_HASH_CONTEXT);
        hasher.update(bytes);
        BlockHash(*hasher.finalize().as_bytes())
    }

    /// The block as the parent of the next one.
    pub fn tip(&self) -> Tip {
        Tip {
            height: self.header.height,
            time: self.header.time,
            hash: self.hash(),
        }
    }
}

/// The canonical bytes of a block, without the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The block's hash.
    pub hash: BlockHash,
    /// How many there are.
    pub length: usize,
}

impl Canonical {
    /// Of the block that has these canonical bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            hash: Block::hash_of(bytes),
            length: bytes.len(),
        }
    }
}

/// Before decoding: bytes of another form would fail somewhere in the middle, with a reason that misleads.
fn check_format(bytes: &[u8]) -> Result<(), BlockError> {
    match bytes.first() {
        Some(found) if *found != BLOCK_FORMAT => Err(BlockError::Format { found: *found }),
        _ => Ok(()),
    }
}

/// Why bytes are not a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The bytes do not decode.
    #[error("{bytes} bytes are no block; fetch the block again or restore the log")]
    Malformed {
        /// How many bytes there were.
        bytes: usize,
        /// The decoder's error.
        source: postcard::Error,
    },
    /// They are of another form.
    #[error(
        "the bytes are a block of form {found}, and this node reads form {BLOCK_FORMAT}; read them with the node that wrote them"
    )]
    Format {
        /// The form that they claim.
        found: u8,
    },
    /// The bytes decode, but are not those that the block is hashed by.
    #[error("block {height} is not in its canonical form; fetch it again or restore the log")]
    NotCanonical {
        /// The height that the bytes claim.
        height: Height,
    },
    /// The block is longer than a block may be.
    #[error(
        "block {height} has {bytes} bytes, at most {BLOCK_BYTES_MAX} are taken; make smaller blocks"
    )]
    TooLarge {
        /// The height that the bytes claim.
        height: Height,
        /// Its length.
        bytes: usize,
    },
    /// The seal is longer than a seal may be.
    #[error(
        "the seal of block {height} has {bytes} bytes, at most {} are taken; fetch it from another node",
        crate::SEAL_BYTES_MAX
    )]
    SealTooLong {
        /// The height that the bytes claim.
        height: Height,
        /// The seal's length.
        bytes: usize,
    },
}

/// The end of a chain: what the next block follows. The default is the start of a new chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tip {
    /// The last block's height; 0 before the first block.
    pub height: Height,
    /// The last block's time.
    pub time: BlockTime,
    /// The last block's hash; zeros before the first block.
    pub hash: BlockHash,
}

/// Blocks that follow `ground`, one for each batch, `interval_millis` apart in time, as if none of them brought
/// anything about.
pub fn chain(mut ground: Ground, interval_millis: u64, batches: Vec<Vec<Entry>>) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(batches.len());
    for entries in batches {
        let now = BlockTime(ground.tip.time.0.saturating_add(interval_millis));
        let block = ground.extend(now, entries);
        ground.tip = block.tip();
        blocks.push(block);
    }
    blocks
}
