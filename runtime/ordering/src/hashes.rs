//! The names in a block's header: hashes, each of a type of its own, and [`Branch`].

use refit_abi::Height;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

hash! {
    /// The chain of a block: two chains with different beginnings have no block in common.
    ChainId
}
hash! {
    /// The receipt of a block: what its engines replied and emitted. Zeros where there was no block.
    ReceiptHash
}
hash! {
    /// A [`crate::CodeManifest`].
    ManifestHash
}
hash! {
    /// The parameters: limits, budgets, grants.
    ParametersHash
}
hash! {
    /// The state of a checkpoint.
    StateHash
}
hash! {
    /// A plan, without what is of one node alone: where it finds its files, and when it was rehearsed.
    PlanDigest
}

/// The state of a checkpoint, as the header of a later block names it: nobody waits for the hash, which is taken while
/// the chain goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOf {
    /// The form of what was hashed: two hashes of different forms say nothing of each other.
    pub form: u32,
    /// The block after which the checkpoint was taken.
    pub checkpoint: Height,
    /// The hash.
    pub hash: StateHash,
}

impl StateOf {
    /// Whether the two contradict each other.
    pub fn contradicts(&self, other: &Self) -> bool {
        let is_same = (self.form, self.checkpoint) == (other.form, other.checkpoint);
        is_same && self.hash != other.hash
    }
}

impl fmt::Display for StateOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after block {}", self.hash, self.checkpoint)
    }
}

/// How often the chain was rolled back or restored: blocks of one height on two branches are two blocks.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Branch(pub u64);

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
