//! [`StateTree`]: the hash of a whole state, and of each of its parts, taken over an image.
//!
//! ```text
//! leaf  = BLAKE3 in a context of its own, over: its name; each item, in postcard, behind its length (u64);
//!         an engine's state behind its item
//!         one for each engine, with its mail; one for each sort of items beside the engines
//! root  = BLAKE3 in a context of its own, over: STATE_FORM u32; how many leaves u64; the leaves
//! ```
//!
//! The leaves lie in the order of the image. Of the image it hashes what results depend on: not how the bytes lie in
//! records, and not which files the code is of (a block's header names the code). Two nodes that have executed the same
//! blocks have the same tree, whatever their workers, their chunks, and the checkpoints that they began from.

use super::stream::StreamError;
use super::take::{StatePieces, Taker};
use super::writer::encoded;
use super::{ImageHeader, ImageScope, Item};
use crate::executor::Executor;
use refit_abi::EngineId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The form of what is hashed. Two trees of different forms say nothing of each other.
pub const STATE_FORM: u32 = 1;

const LEAF_CONTEXT: &str = "refit 2026 state leaf";
const ROOT_CONTEXT: &str = "refit 2026 state root";

/// The hash of a state, with those of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTree {
    /// Of all of it.
    pub root: [u8; 32],
    /// In the order of the image.
    pub leaves: Vec<StateLeaf>,
}

/// The hash of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateLeaf {
    /// The part.
    pub name: LeafName,
    /// Its hash; the name is in it.
    pub hash: [u8; 32],
}

/// A part of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeafName {
    /// All items of one sort beside the engines.
    Beside(String),
    /// An engine with its mail.
    Engine(EngineId),
}

impl fmt::Display for LeafName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beside(sort) => write!(f, "the table `{sort}`"),
            Self::Engine(engine) => write!(f, "engine `{engine}`"),
        }
    }
}

impl StateTree {
    /// A part that is another one there, or that only one of the two has: the first engine, if an engine is.
    pub fn difference<'a>(&'a self, other: &'a Self) -> Option<&'a LeafName> {
        let both = self.leaves.iter().zip(&other.leaves);
        let differ = both.filter(|(ours, theirs)| ours != theirs);
        let differ = differ.map(|(ours, _)| &ours.name);
        let (ours, theirs) = (self.leaves.len(), other.leaves.len());
        let only = self.leaves[theirs.min(ours)..].iter();
        let only = only.chain(&other.leaves[ours.min(theirs)..]);
        let mut differ: Vec<_> = differ.chain(only.map(|leaf| &leaf.name)).collect();
        // What an engine did is seen in the tables too.
        differ.sort_by_key(|name| matches!(name, LeafName::Beside(_)));
        differ.first().copied()
    }
}

/// Makes a tree of the items of an image, in their order. It holds no state.
#[derive(Debug, Default)]
pub(crate) struct TreeMaker {
    leaves: Vec<StateLeaf>,
    /// The leaf that is not at its end.
    under_way: Option<(LeafName, blake3::Hasher)>,
    items: u64,
    /// Emptied for the next item.
    bytes: Vec<u8>,
}

impl TreeMaker {
    /// The next item; a state comes behind it.
    pub(crate) fn item(&mut self, item: &Item) -> Result<(), StreamError> {
        self.items += 1;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes = match item {
            Item::Header(header) => encoded(&Item::Header(without_files(header)), bytes, 1)?,
            item => encoded(item, bytes, self.items)?,
        };
        let hasher = self.leaf_of(item)?;
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
        self.bytes = bytes;
        Ok(())
    }

    /// More bytes of the state of the engine that came last.
    pub(crate) fn state(&mut self, bytes: &[u8]) {
        if let Some((_, hasher)) = &mut self.under_way {
            hasher.update(bytes);
        }
    }

    pub(crate) fn end(mut self) -> StateTree {
        self.close();
        let mut hasher = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
        hasher.update(&STATE_FORM.to_le_bytes());
        hasher.update(&(self.leaves.len() as u64).to_le_bytes());
        for leaf in &self.leaves {
            hasher.update(&leaf.hash);
        }
        StateTree {
            root: *hasher.finalize().as_bytes(),
            leaves: self.leaves,
        }
    }

    /// The leaf that an item is in.
    fn leaf_of(&mut self, item: &Item) -> Result<&mut blake3::Hasher, StreamError> {
        let goes_on = match (&self.under_way, item) {
            (Some((LeafName::Beside(sort), _)), item) => sort == item.sort(),
            _ => false,
        };
        if !goes_on {
            self.close();
        }
        let name = match item {
            Item::Engine(engine) => LeafName::Engine(engine.id),
            item => LeafName::Beside(item.sort().to_owned()),
        };
        let begun = match self.under_way.take() {
            Some(begun) => begun,
            None => {
                let mut hasher = blake3::Hasher::new_derive_key(LEAF_CONTEXT);
                hasher.update(&encoded(&name, Vec::new(), self.items)?);
                (name, hasher)
            }
        };
        Ok(&mut self.under_way.insert(begun).1)
    }

    fn close(&mut self) {
        if let Some((name, hasher)) = self.under_way.take() {
            let hash = *hasher.finalize().as_bytes();
            self.leaves.push(StateLeaf { name, hash });
        }
    }
}

/// The same, whatever files its code is of.
fn without_files(header: &ImageHeader) -> ImageHeader {
    let mut header = header.clone();
    for kind in &mut header.kinds {
        kind.artifact = None;
    }
    header
}

impl Taker for TreeMaker {
    type Error = StreamError;

    fn item(&mut self, item: Item) -> Result<(), StreamError> {
        self.item(&item)
    }

    fn state(&mut self, pieces: &mut StatePieces<'_>) -> Result<(), StreamError> {
        for piece in pieces {
            self.state(&piece?);
        }
        Ok(())
    }
}

impl Executor {
    /// The tree of its state, as that of an image that was taken of it now. Runs engine code, as
    /// [`Executor::write_image`] does.
    ///
    /// # Errors
    /// [`StreamError`], if a state cannot be written.
    pub fn state_tree(&self) -> Result<StateTree, StreamError> {
        let mut maker = TreeMaker::default();
        self.each_item(&ImageScope::whole(usize::MAX), &mut maker)?;
        Ok(maker.end())
    }
}
