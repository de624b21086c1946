//! [`SlotTimers`]: which timers of one engine wait, so that a handler learns at once whether it may set or cancel one.
//!
//! The messages themselves lie in [`crate::engines::timers::Timers`], which only the sequential half of the executor touches:
//! what a handler did is carried there with its other outputs.

use crate::engines::outbox::TimerDeed;
use refit_abi::{TimerAt, TimerId};
use std::collections::BTreeMap;

/// One engine's timers, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct SlotTimers {
    /// Timers it has set over its life: the next one's number.
    pub(crate) set: u64,
    waiting: BTreeMap<u64, (TimerAt, usize)>,
    /// Bytes of what they bring.
    bytes: usize,
}

impl SlotTimers {
    /// The timers of an engine that has set so many before, none of which waits.
    pub(crate) fn after(set: u64) -> Self {
        Self {
            set,
            waiting: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Gives the next timer its number.
    pub(crate) fn set(&mut self, at: TimerAt, bytes: usize) -> TimerId {
        let id = TimerId(self.set);
        self.add(id, at, bytes);
        id
    }

    /// A timer that was set elsewhere: before an image was taken, by the `init` of an engine started afresh.
    pub(crate) fn add(&mut self, id: TimerId, at: TimerAt, bytes: usize) {
        self.set = self.set.max(id.0 + 1);
        self.waiting.insert(id.0, (at, bytes));
        self.bytes += bytes;
    }

    /// One waits no longer: when it was due, if it waited.
    pub(crate) fn take(&mut self, id: TimerId) -> Option<TimerAt> {
        let (at, bytes) = self.waiting.remove(&id.0)?;
        self.bytes -= bytes;
        Some(at)
    }

    /// As before a deed, which was the last.
    pub(crate) fn undo(&mut self, deed: &TimerDeed) {
        match deed {
            TimerDeed::Set(timer) => {
                self.take(timer.id);
                self.set = timer.id.0;
            }
            TimerDeed::Cancelled(timer) => {
                self.waiting.insert(timer.id.0, (timer.at, timer.bytes));
                self.bytes += timer.bytes;
            }
        }
    }

    /// All that wait, which wait no longer.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = (TimerId, TimerAt)> + use<> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        waiting.into_iter().map(|(id, (at, _))| (TimerId(id), at))
    }

    /// The bytes that cancelling one gives back.
    pub(crate) fn bytes_of(&self, id: TimerId) -> usize {
        self.waiting.get(&id.0).map_or(0, |(_, bytes)| *bytes)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
