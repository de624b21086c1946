//! [`Tempo`]: how fast blocks follow each other, so that it can be said when a height is expected.

use refit_ordering::IDLE_INTERVAL_MILLIS;
use std::time::{Duration, Instant};

/// The newest interval counts as one part of so many in the mean.
const PARTS: u32 = 8;

/// If no block came for so many idle intervals, none is being made.
const IDLE_INTERVALS: u32 = 2;

/// How fast blocks follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tempo {
    /// Time between two blocks of a node that only waits for a height: none waits longer for the next one.
    idle: Duration,
    mean: Duration,
    newest: Option<Instant>,
}

impl Tempo {
    /// Of a node without blocks.
    pub(crate) fn new(idle: Duration) -> Self {
        Self {
            idle,
            mean: idle,
            newest: None,
        }
    }

    /// A block was made.
    pub(crate) fn block(&mut self, now: Instant) {
        if let Some(before) = self.newest.replace(now) {
            // A rest of an hour is no interval between blocks of a node that makes some.
            let interval = now.saturating_duration_since(before).min(self.idle);
            self.mean = (self.mean * (PARTS - 1) + interval) / PARTS;
        }
    }

    /// The expected time from one block to the next: the mean while blocks are made, else that of an idle node.
    pub(crate) fn expected(&self, now: Instant) -> Duration {
        let is_made = |newest| now.saturating_duration_since(newest) <= self.idle * IDLE_INTERVALS;
        match self.newest.is_some_and(is_made) {
            true => self.mean,
            false => self.idle,
        }
    }
}

impl Default for Tempo {
    fn default() -> Self {
        Self::new(Duration::from_millis(IDLE_INTERVAL_MILLIS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_blocks_while_they_are_made_and_is_that_of_an_idle_node_else() {
        let (idle, ms) = (Duration::from_secs(1), Duration::from_millis);
        let mut tempo = Tempo::new(idle);
        let mut now = Instant::now();
        assert_eq!(tempo.expected(now), idle);
        for _ in 0..100 {
            now += ms(10);
            tempo.block(now);
        }
        let expected = tempo.expected(now);
        assert!((ms(10)..ms(11)).contains(&expected), "{expected:?}");
        assert_eq!(tempo.expected(now + ms(2_001)), idle);
        // An hour without a block is no interval of a node that makes some.
        now += Duration::from_secs(3_600);
        tempo.block(now);
        assert!(tempo.expected(now) < ms(200), "{:?}", tempo.expected(now));
    }
}
