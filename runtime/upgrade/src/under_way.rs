//! [`UnderWay`]: the engines whose transitions run right now, for watchers on other threads: it names a transition
//! that never returns.

use parking_lot::Mutex;
use refit_abi::EngineId;
use refit_kernel::KindIndex;
use refit_kernel::limits::WORKERS_MAX;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The engine in a transition, one place for each worker.
#[derive(Debug)]
pub struct UnderWay {
    places: Vec<Place>,
    /// Serialises only the claims of places, one for each chunk.
    claims: Mutex<()>,
    /// Whether a state was asked for that is not in this process.
    missed: AtomicBool,
}

/// One worker's place. The two halves of an id are written without a lock: only a transition that has
/// run for long is of interest, and its place does not change.
#[derive(Debug, Default)]
struct Place {
    taken: AtomicBool,
    high: AtomicU64,
    low: AtomicU64,
    kind: AtomicU32,
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
            missed: AtomicBool::new(false),
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

    /// The kinds of those engines, in order, each once.
    pub fn kinds(&self) -> Vec<KindIndex> {
        let under_way = self.places.iter().filter(|place| place.engine().is_some());
        let kinds = under_way.map(|place| KindIndex(place.kind.load(Ordering::Acquire)));
        kinds.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a transition asked an engine whose state was not copied into this process: it was answered as if the
    /// engine did not serve, so what came of it says nothing.
    pub fn has_missed(&self) -> bool {
        self.missed.load(Ordering::Acquire)
    }

    /// A state that is not in this process was asked for.
    pub(crate) fn miss(&self) {
        self.missed.store(true, Ordering::Release);
    }

    /// A worker begins with a chunk.
    pub(crate) fn begin(&self) -> Here<'_> {
        // Two that begin at once could else both pass a place that is just becoming free, and one go without.
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
    /// The worker begins with an engine.
    pub(crate) fn at(&self, engine: EngineId, kind: KindIndex) {
        if let Some(place) = self.place {
            // Before the engine, whose presence says that there is a kind.
            place.kind.store(kind.0, Ordering::Release);
            place.set(u128::from_be_bytes(engine.to_bytes()));
        }
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // Before it is free: the next worker must not show this engine for a moment.
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
        let [of_a, of_b] = [3, 1].map(KindIndex);
        second.at(b, of_b);
        first.at(b, of_b);
        first.at(a, of_a);
        assert_eq!(under_way.engines(), [a, b]);
        assert_eq!(under_way.kinds(), [of_b, of_a]);
        drop(first);
        assert_eq!(under_way.engines(), [b]);
        drop(second);
        assert!(under_way.engines().is_empty());
    }
}
