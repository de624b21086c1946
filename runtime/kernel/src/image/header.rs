//! [`ImageHeader`]: the facts that come before an image, and [`ImageScope`]: the part of an executor to put into one.

use refit_abi::Generation;
use refit_abi::host::BlockFrame;
use refit_abi::schema::SchemaId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// BLAKE3 of the file of a module.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactHash(pub [u8; 32]);

/// The facts about an image that must be known before anything else of it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHeader {
    /// The newest executed block.
    pub frame: BlockFrame,
    /// The generation that was live.
    pub generation: Generation,
    /// Its kinds, in the order of its table; engines name theirs by its index here.
    pub kinds: Vec<KindImage>,
}

/// One kind of an image: what the states of its engines are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindImage {
    /// Its name.
    pub name: String,
    /// The version of its state.
    pub version: u32,
    /// The schema of its state.
    pub schema: SchemaId,
    /// The file that its code is of, where that is known.
    pub artifact: Option<ArtifactHash>,
}

/// The part of an executor to put into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageScope {
    /// The kinds whose states are copied, by name; `None`: all. Of the engines of other kinds everything but the
    /// state is there.
    pub kinds: Option<BTreeSet<String>>,
    /// Whether what clients wait for is in it: their keys, and what leaves with the next block.
    pub clients: bool,
    /// The file of each kind, in the order of the table; of kinds beyond this list it is not known.
    pub artifacts: Vec<ArtifactHash>,
    /// The most bytes of states and of all that waits.
    pub bytes_max: usize,
}

impl ImageScope {
    /// All that there is, of at most so many bytes.
    pub fn whole(bytes_max: usize) -> Self {
        Self {
            kinds: None,
            clients: true,
            artifacts: Vec::new(),
            bytes_max,
        }
    }

    /// Whether states of this kind are copied.
    pub(crate) fn copies(&self, kind: &str) -> bool {
        let kinds = self.kinds.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(kind))
    }
}

impl fmt::Display for ArtifactHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ArtifactHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
