//! [`Quorum`]: m of n keys. What enough of them have signed counts.

use crate::frame::Frame;
use crate::key::PublicKey;
use crate::network::Network;
use serde::{Deserialize, Serialize};

/// Most keys of a quorum.
pub const KEYS_MAX: usize = 16;

/// `threshold` of `keys`: the keys in strict order, so that each counts once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Quorum {
    threshold: u8,
    keys: Vec<PublicKey>,
}

/// As it stands in bytes.
#[derive(Serialize, Deserialize)]
struct Written {
    threshold: u8,
    keys: Vec<PublicKey>,
}

/// Why keys are no quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// There is none, or there are too many.
    #[error("a quorum has 1 to {KEYS_MAX} keys, and this has {keys}")]
    Keys {
        /// Their number.
        keys: usize,
    },
    /// Nobody, or more than there are, would have to sign.
    #[error("the threshold is {threshold} of {keys} keys; give 1 to {keys}")]
    Threshold {
        /// What was asked for.
        threshold: u8,
        /// The number of keys.
        keys: usize,
    },
    /// A key comes twice.
    #[error("the key {key} is named twice")]
    Twice {
        /// The key.
        key: PublicKey,
    },
    /// They are not in their order.
    #[error("the keys are not in their order")]
    Order,
}

/// Too few have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{signed} of the keys have signed, and {threshold} are needed")]
pub struct TooFew {
    /// How many have.
    pub signed: usize,
    /// How many have to.
    pub threshold: u8,
}

impl Quorum {
    /// So many of these keys, in whatever order they are given.
    ///
    /// # Errors
    /// [`QuorumError`].
    pub fn of(threshold: u8, mut keys: Vec<PublicKey>) -> Result<Self, QuorumError> {
        keys.sort_unstable();
        Written { threshold, keys }.try_into()
    }

    /// How many have to sign.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The keys, in their order.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Those who have signed, if they are enough. Signatures of others, and wrong ones, count for nothing.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn signers(&self, network: &Network, frame: &Frame) -> Result<Vec<PublicKey>, TooFew> {
        let signers = frame.signers(network, &self.keys);
        match signers.len() >= usize::from(self.threshold) {
            true => Ok(signers.into_iter().copied().collect()),
            false => Err(TooFew {
                signed: signers.len(),
                threshold: self.threshold,
            }),
        }
    }
}

impl TryFrom<Written> for Quorum {
    type Error = QuorumError;

    fn try_from(written: Written) -> Result<Self, QuorumError> {
        let Written { threshold, keys } = written;
        let count = keys.len();
        if !(1..=KEYS_MAX).contains(&count) {
            return Err(QuorumError::Keys { keys: count });
        }
        if !(1..=count).contains(&usize::from(threshold)) {
            let keys = count;
            return Err(QuorumError::Threshold { threshold, keys });
        }
        if !keys.is_sorted() {
            return Err(QuorumError::Order);
        }
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(Self { threshold, keys }),
            Some(pair) => Err(QuorumError::Twice { key: pair[0] }),
        }
    }
}

impl From<Quorum> for Written {
    fn from(quorum: Quorum) -> Self {
        let Quorum { threshold, keys } = quorum;
        Self { threshold, keys }
    }
}
