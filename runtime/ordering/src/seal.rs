//! [`Seal`]: what proves that a block was decided, and [`SealedBlock`], a block as it is logged and sent.

use crate::BlockRefused;
use crate::block::{Block, BlockError, Canonical};
use refit_abi::Height;
use serde::{Deserialize, Serialize};

/// Longest seal, in bytes.
pub const SEAL_BYTES_MAX: usize = 64 << 10;

/// The proof that a block is decided. It is in no hash: the same block may be sealed in more than one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seal {
    /// Nothing: solo ordering decides by itself.
    #[default]
    Nothing,
    /// The signature of the node that has made it.
    Signature(Vec<u8>),
    /// The signature of a quorum.
    Certificate(Vec<u8>),
}

/// A block and its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBlock {
    /// The block.
    pub block: Block,
    /// Its proof.
    pub seal: Seal,
}

impl Seal {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Seal::Nothing => 0,
            Seal::Signature(bytes) | Seal::Certificate(bytes) => bytes.len(),
        }
    }

    /// Whether the seal of the block at `height` is not too long.
    ///
    /// # Errors
    /// [`BlockRefused::SealTooLong`].
    pub fn check(&self, height: Height) -> Result<(), BlockRefused> {
        match self.len() {
            ..=SEAL_BYTES_MAX => Ok(()),
            bytes => Err(BlockRefused::SealTooLong { height, bytes }),
        }
    }

    /// Whether it proves nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes, which follow those of the block.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(self) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("a seal has only sized fields: {error}"),
        }
    }
}

impl SealedBlock {
    /// The block's canonical bytes and, after them, those of the seal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.block.to_bytes();
        bytes.extend(self.seal.to_bytes());
        bytes
    }

    /// Reads back what [`SealedBlock::to_bytes`] gave. Bytes left over are a fault.
    ///
    /// # Errors
    /// [`BlockError`] if the bytes are no sealed block, or not the canonical form of one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlockError> {
        Self::read(bytes).map(|(sealed, _)| sealed)
    }

    /// The same, and what is known of the block's own bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, Canonical), BlockError> {
        let (block, rest) = Block::take_from_bytes(bytes)?;
        let height = block.header.height;
        let sealed: Result<(Seal, &[u8]), _> = postcard::take_from_bytes(rest);
        let malformed = |source| BlockError::Malformed {
            bytes: bytes.len(),
            source,
        };
        let (seal, left) = sealed.map_err(malformed)?;
        // As for blocks: one seal has one form, and nothing may ride behind it.
        if !left.is_empty() || seal.to_bytes() != rest {
            return Err(BlockError::NotCanonical { height });
        }
        match seal.len() {
            ..=SEAL_BYTES_MAX => {
                let canonical = Canonical::of(&bytes[..bytes.len() - rest.len()]);
                Ok((Self { block, seal }, canonical))
            }
            bytes => Err(BlockError::SealTooLong { height, bytes }),
        }
    }
}
