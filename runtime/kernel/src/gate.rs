//! The gate: workers pass it to run handlers; an upgrade closes it between two blocks.
//!
//! One word holds how many workers are inside and whether the gate is closed. A worker adds itself
//! only while the gate is open; closing sets the bit and waits until the count is zero. From then
//! until the [`Closed`] is dropped no handler runs and none can start: quiescence.
//!
//! Cost when open: one compare-and-swap on entering and one subtraction on leaving a *round*, not a
//! message.

use crate::sync::{AtomicU64, Condvar, Mutex, Ordering, lock};
use std::sync::Arc;

const CLOSED: u64 = 1 << 63;

/// The gate of one node.
#[derive(Debug)]
pub struct Gate {
    word: AtomicU64,
    /// Guards no data; orders the last worker's leaving with the closer's waiting.
    quiet: Mutex<()>,
    emptied: Condvar,
}

/// A worker is inside.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
}

/// The gate is closed and nobody is inside. Dropping it opens the gate.
#[derive(Debug)]
#[must_use = "the gate opens when this is dropped"]
pub struct Closed {
    gate: Arc<Gate>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// An open gate with nobody inside.
    pub fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            quiet: Mutex::new(()),
            emptied: Condvar::new(),
        }
    }

    /// Enters, unless the gate is closed.
    pub fn enter(&self) -> Option<Pass<'_>> {
        // A guess: the exchange below decides, and pairs with the release that opens the gate.
        let mut word = self.word.load(Ordering::Relaxed);
        while word & CLOSED == 0 {
            let entered = self.word.compare_exchange_weak(
                word,
                word + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            match entered {
                Ok(_) => return Some(Pass { gate: self }),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Closes the gate and waits until nobody is inside; `None` if it is already closed.
    ///
    /// The wait ends because a pass is held for one round, whose messages are counted.
    pub fn close(self: &Arc<Self>) -> Option<Closed> {
        let before = self.word.fetch_or(CLOSED, Ordering::AcqRel);
        if before & CLOSED != 0 {
            return None;
        }
        let mut quiet = lock(&self.quiet);
        // Pairs with the release of each pass: the closer sees everything that its round wrote.
        while self.word.load(Ordering::Acquire) != CLOSED {
            quiet = self
                .emptied
                .wait(quiet)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        drop(quiet);
        Some(Closed { gate: self.clone() })
    }

    /// Whether the gate is closed.
    pub fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let before = self.gate.word.fetch_sub(1, Ordering::Release);
        if before == CLOSED + 1 {
            // Under the lock, so that the closer is either not yet waiting and will see the word, or
            // waiting and will be woken.
            let _quiet = lock(&self.gate.quiet);
            self.gate.emptied.notify_one();
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        // Nobody is inside and nobody can have entered, so the word has no count that the store could lose.
        self.gate.word.store(0, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_lets_nobody_in_until_it_opens() {
        let gate = Arc::new(Gate::new());
        drop(gate.enter().unwrap());
        let closed = gate.close().unwrap();
        assert!(gate.enter().is_none() && gate.is_closed());
        assert!(gate.close().is_none(), "closed twice");
        drop(closed);
        assert!(gate.enter().is_some());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    /// In every interleaving: while the gate is closed no worker is inside, and what the closer
    /// wrote under it is seen by each worker that enters later.
    #[test]
    fn loom_nobody_is_inside_a_closed_gate() {
        loom::model(|| {
            let gate = Arc::new(Gate::new());
            let inside = Arc::new(AtomicUsize::new(0));
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    let (gate, inside) = (gate.clone(), inside.clone());
                    thread::spawn(move || {
                        if let Some(pass) = gate.enter() {
                            inside.fetch_add(1, Ordering::Relaxed);
                            inside.fetch_sub(1, Ordering::Relaxed);
                            drop(pass);
                        }
                    })
                })
                .collect();
            let closed = gate.close().unwrap();
            assert_eq!(inside.load(Ordering::Relaxed), 0);
            assert!(gate.enter().is_none());
            drop(closed);
            for worker in workers {
                worker.join().unwrap();
            }
            assert!(gate.enter().is_some());
        });
    }

    /// A generation stored under the closed gate is what every later round reads.
    #[test]
    fn loom_a_round_after_the_swap_sees_the_new_generation() {
        loom::model(|| {
            let gate = Arc::new(Gate::new());
            let generation = Arc::new(AtomicUsize::new(1));
            let (g, n) = (gate.clone(), generation.clone());
            let worker = thread::spawn(move || {
                let first = g.enter().map(|_pass| n.load(Ordering::Relaxed));
                let second = g.enter().map(|_pass| n.load(Ordering::Relaxed));
                if let (Some(first), Some(second)) = (first, second) {
                    assert!(first <= second, "code went backwards");
                }
            });
            let closed = gate.close().unwrap();
            generation.store(2, Ordering::Relaxed);
            drop(closed);
            assert_eq!(
                gate.enter().map(|_pass| generation.load(Ordering::Relaxed)),
                Some(2)
            );
            worker.join().unwrap();
        });
    }
}
