//! [`Stay`]: for how long the same thing has been there, counted in looks.
//!
//! A watcher looks at a steady [`Pace`] and counts; nothing here reads a clock. A process that was stopped, or a
//! machine that stood still, makes its next look late, and one look, however late, is one: only time in which the
//! watcher itself ran counts against what it watches.

use std::time::Duration;

/// Shortest and longest time between two looks.
const LOOK: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// Looks that a limit is made of, where that is within [`LOOK`].
const LOOKS_PER_LIMIT: u32 = 8;

/// How often is looked, and how many looks a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    every: Duration,
    limit: u32,
}

/// The thing seen at the last look, and since how many looks.
#[derive(Clone, Debug)]
pub(crate) struct Stay<T> {
    seen: Option<T>,
    looks: u32,
}

impl Pace {
    /// The pace for something that may last as long as `limit`.
    pub(crate) fn of(limit: Duration) -> Self {
        let every = (limit / LOOKS_PER_LIMIT).clamp(LOOK.0, LOOK.1);
        let limit = limit.as_micros().div_ceil(every.as_micros());
        Self {
            every,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        }
    }

    /// The time from one look to the next.
    pub(crate) fn every(self) -> Duration {
        self.every
    }

    /// Whether something that was there for so many looks has lasted `times` its limit.
    pub(crate) fn is_over(self, looks: u32, times: u32) -> bool {
        looks >= self.limit.saturating_mul(times)
    }

    /// The least time for which something was there that was seen for so many looks.
    pub(crate) fn lasted(self, looks: u32) -> Duration {
        self.every.saturating_mul(looks)
    }
}

impl<T: PartialEq> Stay<T> {
    /// Nothing was seen yet.
    pub(crate) fn new() -> Self {
        Self {
            seen: None,
            looks: 0,
        }
    }

    /// One look, which saw this. Gives for how many looks it has been there, the first one that saw it not
    /// counted.
    pub(crate) fn look(&mut self, seen: Option<T>) -> u32 {
        self.looks = match seen.is_some() && seen == self.seen {
            true => self.looks.saturating_add(1),
            false => 0,
        };
        self.seen = seen;
        self.looks
    }

    /// For how many looks what is there now has been there.
    pub(crate) fn looks(&self) -> u32 {
        self.looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    #[test]
    fn what_stays_for_all_looks_of_its_limit_is_over_and_has_lasted_as_long() {
        let (pace, mut stay) = (Pace::of(LIMIT), Stay::new());
        let looks = (0..).find(|_| pace.is_over(stay.look(Some(7)), 1)).unwrap();
        assert_eq!(looks, LOOKS_PER_LIMIT);
        assert!(pace.lasted(looks) >= LIMIT);
        assert!(!pace.is_over(looks, 2) && pace.is_over(2 * looks, 2));
    }

    #[test]
    fn another_thing_in_its_place_begins_anew() {
        let (pace, mut stay) = (Pace::of(LIMIT), Stay::new());
        for call in 0..100_u64 {
            assert!(!pace.is_over(stay.look(Some(call / 4)), 1), "{call}");
        }
        assert_eq!(stay.look(None), 0);
        assert_eq!(stay.look(None), 0);
        assert_eq!(stay.look(Some(1)), 0);
    }

    #[test]
    fn a_limit_of_any_length_is_some_looks_which_are_never_too_close_or_too_far_apart() {
        for ms in [1, 99, 100, 5_000, 30_000, 3_600_000, u64::MAX] {
            let pace = Pace::of(Duration::from_millis(ms));
            assert!(pace.every >= LOOK.0 && pace.every <= LOOK.1, "{ms}");
            assert!(pace.limit >= 1, "{ms}");
        }
    }
}
