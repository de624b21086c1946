//! [`IdMap`] and [`Directory`]: engine id → place. Only looked up, never iterated, so its order does
//! not matter.

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
pub(crate) type Directory = IdMap<Place>;

/// Engine id → something small. Only looked up, never iterated, so its order does not matter.
#[derive(Clone, Debug)]
pub struct IdMap<V> {
    places: HashMap<EngineId, V, BuildHasherDefault<Fold>>,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
        }
    }
}

impl<V: Copy> IdMap<V> {
    /// What is kept for an engine.
    #[inline]
    pub fn get(&self, id: EngineId) -> Option<V> {
        self.places.get(&id).copied()
    }

    /// Keeps something for an engine, instead of what was kept before.
    pub fn insert(&mut self, id: EngineId, value: V) {
        self.places.insert(id, value);
    }

    /// Takes out an id.
    pub fn remove(&mut self, id: EngineId) {
        self.places.remove(&id);
    }

    /// How many engines there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// Hashes an id by folding and one multiplication: ids are names or digests, chosen by the node's
/// operator and by hashing, not by clients.
#[derive(Debug, Default)]
pub(crate) struct Fold(u64);

impl Hasher for Fold {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
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
