//! [`Placed`]: new states on their way beside the old ones.

use parking_lot::Mutex;
use refit_abi::host::Instance;
use refit_kernel::{Next, Quiesced};

/// A new state, and the place of its engine.
pub(crate) struct Placed<S> {
    pub(crate) chunk: u32,
    /// In that chunk.
    pub(crate) number: u32,
    pub(crate) state: S,
}

/// Puts whole new states beside the old ones.
pub(crate) fn put(quiesced: &mut Quiesced<'_>, places: Vec<Placed<Instance>>) {
    let places = places.into_iter().map(|placed| Placed {
        chunk: placed.chunk,
        number: placed.number,
        state: Next::Whole(placed.state),
    });
    put_next(quiesced, places.collect());
}

pub(crate) fn put_next(quiesced: &mut Quiesced<'_>, mut places: Vec<Placed<Next>>) {
    // As usual; a visit would wake every thread of the crew.
    if places.is_empty() {
        return;
    }
    // What comes off the bus is in the order in which it came on.
    places.sort_by_key(|placed| (placed.chunk, placed.number));
    let mut by_chunk: Vec<Vec<Placed<Next>>> = Vec::new();
    for placed in places {
        let chunk = placed.chunk as usize;
        if by_chunk.len() <= chunk {
            by_chunk.resize_with(chunk + 1, Vec::new);
        }
        by_chunk[chunk].push(placed);
    }
    // A lock for each chunk: the visitor is shared by all threads, though each chunk is one thread's.
    let by_chunk: Vec<_> = by_chunk.into_iter().map(Mutex::new).collect();
    quiesced.visit(move |number, chunk| {
        let Some(places) = by_chunk.get(number) else {
            return;
        };
        for placed in places.lock().drain(..) {
            if let Some(mut slot) = chunk.slot(placed.number) {
                slot.set_next(placed.state);
            }
        }
    });
}
