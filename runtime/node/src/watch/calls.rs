//! [`Calls`]: finds the call that does not return. It gets the result of each look, and counts looks.

use crate::limits::CALL_DEAD_TIMES;
use crate::watch::looks::{Pace, Stay};
use std::collections::BTreeMap;

/// One call: its record, and its turn there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallId {
    pub(super) record: usize,
    pub(super) turn: u64,
}

/// The change since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A call has lasted its limit.
    Stuck(CallId),
    /// It has lasted so many limits that it counts as one that never returns.
    Dead(CallId),
    /// It returned after all, or the pause that it was part of began.
    Returned(CallId),
}

/// The calls that run, and the one that was reported.
#[derive(Debug)]
pub(super) struct Calls {
    pace: Pace,
    stays: BTreeMap<usize, Stay<u64>>,
    told: Option<Told>,
}

/// The call that was seen in the most looks.
#[derive(Clone, Copy, Debug)]
struct Longest {
    call: CallId,
    looks: u32,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    call: CallId,
    is_dead: bool,
}

impl Calls {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            stays: BTreeMap::new(),
            told: None,
        }
    }

    /// One look, which saw these calls run.
    pub(super) fn look(&mut self, seen: &[CallId]) -> Option<Change> {
        self.stays
            .retain(|record, _| seen.iter().any(|call| call.record == *record));
        let mut longest: Option<Longest> = None;
        for call in seen {
            let stay = self.stays.entry(call.record).or_insert_with(Stay::new);
            let looks = stay.look(Some(call.turn));
            if longest.is_none_or(|longest| looks > longest.looks) {
                longest = Some(Longest { call: *call, looks });
            }
        }
        self.change(longest, seen)
    }

    /// For how many looks a call has run.
    pub(super) fn looks(&self, call: CallId) -> u32 {
        self.stays.get(&call.record).map_or(0, Stay::looks)
    }

    fn change(&mut self, longest: Option<Longest>, seen: &[CallId]) -> Option<Change> {
        if let Some(told) = &mut self.told {
            if !seen.contains(&told.call) {
                return self.told.take().map(|told| Change::Returned(told.call));
            }
            let looks = self.stays.get(&told.call.record).map_or(0, Stay::looks);
            let dies = !told.is_dead && self.pace.is_over(looks, CALL_DEAD_TIMES);
            told.is_dead |= dies;
            return dies.then_some(Change::Dead(told.call));
        }
        let Longest { call, looks } = longest?;
        if !self.pace.is_over(looks, 1) {
            return None;
        }
        self.told = Some(Told {
            call,
            is_dead: false,
        });
        Some(Change::Stuck(call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const fn call(record: usize, turn: u64) -> CallId {
        CallId { record, turn }
    }

    fn calls() -> Calls {
        Calls::new(Pace::of(Duration::from_secs(1)))
    }

    /// Looks at these calls until something changes; gives after how many looks, and what.
    fn until_change(calls: &mut Calls, seen: &[CallId]) -> (u32, Change) {
        let looks = (1..10_000).find_map(|look| Some((look, calls.look(seen)?)));
        looks.unwrap()
    }

    #[test]
    fn a_call_that_stays_is_told_once_and_once_more_when_it_counts_as_dead_and_when_it_returns() {
        let mut calls = calls();
        let endless = call(0, 7);
        let (first, change) = until_change(&mut calls, &[endless]);
        assert_eq!(change, Change::Stuck(endless));
        let (more, change) = until_change(&mut calls, &[endless]);
        assert_eq!(change, Change::Dead(endless));
        // The look that saw it first is no time.
        assert_eq!(first - 1 + more, (first - 1) * CALL_DEAD_TIMES);
        assert_eq!(calls.looks(endless), first - 1 + more);
        assert_eq!(calls.look(&[endless]), None);
        assert_eq!(calls.look(&[call(0, 9)]), Some(Change::Returned(endless)));
        assert_eq!(calls.look(&[]), None);
    }

    #[test]
    fn many_calls_one_after_the_other_are_none_that_stays() {
        let mut calls = calls();
        for turn in 0..1_000 {
            assert_eq!(calls.look(&[call(0, turn), call(1, turn / 3)]), None);
        }
    }

    #[test]
    fn of_several_that_stay_one_is_told_and_the_next_when_that_one_has_returned() {
        let mut calls = calls();
        let (first, second) = (call(4, 1), call(2, 1));
        calls.look(&[first]);
        assert_eq!(
            until_change(&mut calls, &[second, first]).1,
            Change::Stuck(first)
        );
        assert_eq!(calls.look(&[second, first]), None);
        assert_eq!(calls.look(&[second]), Some(Change::Returned(first)));
        assert_eq!(calls.look(&[second]), Some(Change::Stuck(second)));
    }
}
