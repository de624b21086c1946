//! [`Block`] and what is in it, its canonical bytes and its hash.

use crate::Ground;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use serde::{Deserialize, Serialize};

/// Keeps a block's hash apart from every other hash.
const BLOCK_HASH_CONTEXT: &str = "refit 2026 block";

/// The form of a block's canonical bytes; they begin with it. Form 1 had no number.
pub const BLOCK_FORMAT: u8 = 2;

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingress {
    /// The engine it is for.
    pub engine: EngineId,
    /// Who sends it.
    pub client: ClientId,
    /// The client's number for it: a repeat has the same one. `None`: it has no key, and each is one of its own.
    pub sequence: Option<u64>,
    /// The message as JSON text.
    pub payload: Vec<u8>,
}

/// An ordered batch of messages.
///
/// Nothing in it is known to one node alone. Its canonical bytes are [`BLOCK_FORMAT`] and the postcard form of its
/// fields in this order; its hash is BLAKE3 over them, in a context of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The block's number.
    pub height: Height,
    /// The block's time: never before its parent's, and never ahead of the clock of whoever made it but for that.
    pub time: BlockTime,
    /// The hash of the block before.
    pub parent: BlockHash,
    /// The messages, in the order in which they are delivered.
    pub messages: Vec<Ingress>,
}

impl Block {
    /// The canonical bytes: what is logged, sent and hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(BLOCK_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("a block has only sized fields: {error}"),
        }
    }

    /// Reads back what [`Block::to_bytes`] gave. Bytes left over are a fault.
    ///
    /// # Errors
    /// [`BlockError`] if the bytes are no block, or not the canonical form of one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlockError> {
        if let Some(found) = bytes.first().filter(|format| **format != BLOCK_FORMAT) {
            return Err(BlockError::Format { found: *found });
        }
        let read: Result<(u8, Self), _> = postcard::from_bytes(bytes);
        let (_, block) = read.map_err(|source| BlockError::Malformed {
            bytes: bytes.len(),
            source,
        })?;
        if block.to_bytes() == bytes {
            Ok(block)
        } else {
            Err(BlockError::NotCanonical {
                height: block.height,
            })
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
            height: self.height,
            time: self.time,
            hash: self.hash(),
        }
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
        /// Where decoding failed.
        source: postcard::Error,
    },
    /// They are of another form.
    #[error(
        "the bytes are a block of form {found}, and this is {BLOCK_FORMAT}; read them with the node that wrote them"
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

/// Blocks that follow `tip`, one for each batch, `interval_millis` apart in time.
pub fn chain(tip: Tip, interval_millis: u64, batches: Vec<Vec<Ingress>>) -> Vec<Block> {
    let mut tip = tip;
    let mut blocks = Vec::with_capacity(batches.len());
    for messages in batches {
        let now = BlockTime(tip.time.0.saturating_add(interval_millis));
        let block = Ground { tip }.extend(now, messages);
        tip = block.tip();
        blocks.push(block);
    }
    blocks
}
