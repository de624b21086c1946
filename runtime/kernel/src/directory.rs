//! [`Directory`]: engine id → place. Only looked up, never iterated, so its order does not matter.

use refit_abi::EngineId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Where an engine's slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) chunk: u32,
    pub(crate) slot: u32,
}

/// Engine id → place.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    places: HashMap<EngineId, Place, BuildHasherDefault<Fold>>,
}

impl Directory {
    pub(crate) fn get(&self, id: EngineId) -> Option<Place> {
        self.places.get(&id).copied()
    }

    pub(crate) fn insert(&mut self, id: EngineId, place: Place) {
        self.places.insert(id, place);
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

/// Hashes an id by folding and one multiplication: ids are names or digests, chosen by the node's
/// operator and by hashing, not by clients.
#[derive(Debug, Default)]
pub(crate) struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            let mixed = (self.0.rotate_left(23) ^ u64::from_le_bytes(word))
                .wrapping_mul(0x9E37_79B9_7F4A_7C15);
            self.0 = mixed ^ (mixed >> 32);
        }
    }
}
