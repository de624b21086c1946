//! [`UnderWay`]: which engines' transitions are running right now, for whoever looks on from outside:
//! a transition that never returns is named by it.

use parking_lot::Mutex;
use refit_abi::EngineId;
use refit_kernel::limits::WORKERS_MAX;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Who is in a transition, one place for each worker.
#[derive(Debug)]
pub struct UnderWay {
    places: Vec<Place>,
    /// Serialises only the claims of places, one for each chunk.
    claims: Mutex<()>,
}

/// One worker's place. The two halves of an id are written without a lock: only a transition that has
/// run for long is of interest, and its place does not change.
#[derive(Debug, Default)]
struct Place {
    taken: AtomicBool,
    high: AtomicU64,
    low: AtomicU64,
}

/// One worker, while it visits a chunk.
#[derive(Debug)]
pub(crate) struct Here<'a> {
    place: Option<&'a Place>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self {
            places: (0..WORKERS_MAX).map(|_| Place::default()).collect(),
            claims: Mutex::new(()),
        }
    }
}

impl UnderWay {
    /// The engines whose transitions run, in order; none between two chunks.
    pub fn engines(&self) -> Vec<EngineId> {
        let mut engines: Vec<EngineId> = self.places.iter().filter_map(Place::engine).collect();
        engines.sort_unstable();
        engines
    }

    /// A worker begins with a chunk.
    pub(crate) fn begin(&self) -> Here<'_> {
        let _claim = self.claims.lock();
        let free = |place: &&Place| !place.taken.swap(true, Ordering::Relaxed);
        Here {
            place: self.places.iter().find(free),
        }
    }
}

impl Place {
    fn engine(&self) -> Option<EngineId> {
        let halves = [&self.high, &self.low].map(|half| half.load(Ordering::Acquire));
        if !self.taken.load(Ordering::Acquire) || halves == [0, 0] {
            return None;
        }
        let number = (u128::from(halves[0]) << 64) | u128::from(halves[1]);
        Some(EngineId::from_bytes(number.to_be_bytes()))
    }

    fn set(&self, number: u128) {
        self.high.store((number >> 64) as u64, Ordering::Release);
        self.low.store(number as u64, Ordering::Release);
    }
}

impl Here<'_> {
    /// The worker comes to an engine.
    pub(crate) fn at(&self, engine: EngineId) {
        if let Some(place) = self.place {
            place.set(u128::from_be_bytes(engine.to_bytes()));
        }
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.set(0);
            place.taken.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_in_a_transition_is_seen_until_it_ends() {
        let under_way = UnderWay::default();
        let [a, b] = ["a", "b"].map(|name| EngineId::root(name).unwrap());
        let (first, second) = (under_way.begin(), under_way.begin());
        assert!(under_way.engines().is_empty());
        second.at(b);
        first.at(b);
        first.at(a);
        assert_eq!(under_way.engines(), [a, b]);
        drop(first);
        assert_eq!(under_way.engines(), [b]);
        drop(second);
        assert!(under_way.engines().is_empty());
    }
}
