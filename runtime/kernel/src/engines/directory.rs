//! [`IdMap`] and [`Directory`]: the engines of a node, and the place of each.
//!
//! What is known of an engine that has stopped follows one rule, the same on every node. The id of a spawned one is a
//! digest that its parent's counter never gives again: nothing is kept of it, and it is as unknown as an id that
//! never was. A name could be given again, so the names of engines that have stopped are kept: none of them is free,
//! and a sender to one learns that it has stopped.

use refit_abi::{EngineId, Undelivered};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// The place of an engine's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) chunk: u32,
    pub(crate) slot: u32,
}

/// Places for which there is room however few engines there are.
const PLACES_KEPT: usize = 256;

/// Which engines there are, and which names were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    places: IdMap<Place>,
    /// Engines with a name among them.
    named: usize,
    /// Names of engines that have stopped.
    ended: BTreeSet<EngineId>,
}

impl Directory {
    /// The place of an engine.
    #[inline]
    pub(crate) fn get(&self, id: EngineId) -> Option<Place> {
        self.places.get(id)
    }

    /// A new engine has its place.
    pub(crate) fn add(&mut self, id: EngineId, place: Place) {
        self.named += usize::from(id.name().is_some());
        self.places.insert(id, place);
    }

    /// An engine lies elsewhere now.
    pub(crate) fn moved(&mut self, id: EngineId, place: Place) {
        self.places.insert(id, place);
    }

    /// An engine has stopped.
    pub(crate) fn end(&mut self, id: EngineId) {
        self.places.remove(id);
        if id.name().is_some() {
            self.named -= 1;
            self.ended.insert(id);
        }
    }

    /// A name that an engine had which stopped before an image was taken.
    pub(crate) fn end_before(&mut self, id: EngineId) {
        self.ended.insert(id);
    }

    /// Whether there was an engine of this name, which has stopped.
    pub(crate) fn has_ended(&self, id: EngineId) -> bool {
        self.ended.contains(&id)
    }

    /// Names of engines that have stopped, in their order.
    pub(crate) fn ended(&self) -> impl Iterator<Item = EngineId> + '_ {
        self.ended.iter().copied()
    }

    /// The status of an engine that is not there.
    pub(crate) fn absence(&self, id: EngineId) -> Undelivered {
        match self.has_ended(id) {
            true => Undelivered::Stopped,
            false => Undelivered::Unknown,
        }
    }

    /// How many engines there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Gives back room of which most is unused.
    pub(crate) fn give_back(&mut self) {
        let places = &mut self.places.places;
        if places.capacity() > 8 * places.len().max(PLACES_KEPT) {
            places.shrink_to(2 * places.len());
        }
    }

    /// Names that are not free: of engines that are there, and of those that were.
    pub(crate) fn names(&self) -> usize {
        self.named + self.ended.len()
    }
}

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
    /// The entry of an engine.
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

    /// How many there are.
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
