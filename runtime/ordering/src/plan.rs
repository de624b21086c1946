//! [`PlanEntry`]: the content of an entry `plan`: which code comes in after which block, for readers of the log.
//!
//! One that has a key is in the block that is made when it is taken on, before anything is done for it: in that block
//! it is decided whether the key is free. One without a key is in the first block that is made once the upgrade is
//! armed: for an upgrade that waits for its height, in a block before; for one that happens at once, in the block
//! after its update point, beside the outcome in the header. Nothing but that outcome decides: a plan that was
//! refused after it was taken on, or taken back, has an entry too.

use crate::PlanDigest;
use refit_abi::Height;
use serde::{Deserialize, Serialize};

/// The form of a plan's bytes; they begin with it. Form 1 did not say what was wished beside a plan.
pub const PLAN_ENTRY_FORMAT: u8 = 2;

/// Most bytes of a plan in a block.
pub const PLAN_ENTRY_BYTES_MAX: usize = 256 << 10;

/// A plan, as the log keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// The plan's digest, by which a header names its outcome.
    pub digest: PlanDigest,
    /// The last block of the old code; `None`: whichever was the newest.
    pub at_height: Option<Height>,
    /// The kinds that come in, in the order of the plan.
    pub kinds: Vec<PlannedCode>,
    /// The canonical bytes of what it changes of the parameters; empty if nothing.
    pub parameters: Vec<u8>,
    /// The operator's options: another option makes another order.
    pub options: PlanOptions,
}

/// The options that go with a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOptions {
    /// The longest pause that is acceptable, in microseconds.
    pub max_pause_us: Option<u64>,
    /// Whether it is not to be rehearsed.
    pub no_rehearsal: bool,
    /// Longest time for its rehearsal, in microseconds.
    pub rehearsal_wait_us: Option<u64>,
}

/// New code for a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCode {
    /// The name of the engine kind.
    pub kind: String,
    /// BLAKE3 of its file, in hexadecimal digits.
    pub artifact: String,
}

/// Why bytes are no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanEntryError {
    /// There are too many.
    #[error("{bytes} bytes are no plan in a block: at most {PLAN_ENTRY_BYTES_MAX} are read")]
    TooLarge {
        /// The length, in bytes.
        bytes: usize,
    },
    /// They do not decode.
    #[error("{bytes} bytes are no plan in a block ({source})")]
    Malformed {
        /// How many there are.
        bytes: usize,
        /// The decoder's error.
        source: postcard::Error,
    },
    /// They are of another form, or not the one that a plan has.
    #[error("the bytes are no plan of form {PLAN_ENTRY_FORMAT} in its canonical form")]
    NotCanonical,
}

impl PlanEntry {
    /// The canonical bytes: [`PLAN_ENTRY_FORMAT`] and the postcard form of the fields in their order.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(PLAN_ENTRY_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("a plan has only sized fields: {error}"),
        }
    }

    /// Reads back what [`PlanEntry::to_bytes`] gave.
    ///
    /// # Errors
    /// [`PlanEntryError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PlanEntryError> {
        if bytes.len() > PLAN_ENTRY_BYTES_MAX {
            return Err(PlanEntryError::TooLarge { bytes: bytes.len() });
        }
        let read: Result<(u8, Self), _> = postcard::from_bytes(bytes);
        let (_, plan) = read.map_err(|source| PlanEntryError::Malformed {
            bytes: bytes.len(),
            source,
        })?;
        match plan.to_bytes() == bytes {
            true => Ok(plan),
            false => Err(PlanEntryError::NotCanonical),
        }
    }
}
