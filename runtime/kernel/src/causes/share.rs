//! [`Allowance`]: what a handler may still do because of its message's cause.
//!
//! What a cause has left when a round begins is shared out evenly among its letters: so its handlers, each on a worker
//! of its own, come to no more than that together, and none has to know of another.

use super::{CauseIndex, Causes};
use crate::parameters::MessageBounds;
use crate::parameters::spent::Spent;

/// The most that one handled message, or one `init`, may do: within [`MessageBounds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Messages that it may send; as many events it may emit, and timers set or cancel.
    pub sends: usize,
    /// Bytes that it may send, emit and set timers with.
    pub bytes: usize,
    /// Engines that it may start.
    pub spawns: usize,
}

impl Allowance {
    /// All that a message may.
    pub fn of(most: &MessageBounds) -> Self {
        Self {
            sends: most.sends,
            bytes: most.bytes,
            spawns: most.spawns,
        }
    }

    /// Of this, no more than what is left of a budget.
    #[must_use]
    pub fn within(self, left: Spent) -> Self {
        Self {
            sends: share(left.messages, 1, self.sends),
            bytes: share(left.bytes, 1, self.bytes),
            spawns: share(left.starts, 1, self.spawns),
        }
    }
}

/// An [`Allowance`] that is not worked out: whether a deed is within it takes no division, and there is one to be looked
/// at for each message that sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion {
    left: Spent,
    among: u64,
}

impl Portion {
    /// All of an allowance.
    pub(crate) fn of(allowance: Allowance) -> Self {
        Self {
            left: Spent {
                messages: allowance.sends as u64,
                bytes: allowance.bytes as u64,
                starts: allowance.spawns as u64,
            },
            among: 1,
        }
    }

    /// Whether so many messages, or events, are within it and within what a message may.
    #[inline]
    pub(crate) fn has_sends(&self, count: usize, most: &MessageBounds) -> bool {
        count <= most.sends && self.has(count, self.left.messages)
    }

    /// As [`Portion::has_sends`], of bytes.
    #[inline]
    pub(crate) fn has_bytes(&self, bytes: usize, most: &MessageBounds) -> bool {
        bytes <= most.bytes && self.has(bytes, self.left.bytes)
    }

    /// As [`Portion::has_sends`], of engines started.
    pub(crate) fn has_spawns(&self, count: usize, most: &MessageBounds) -> bool {
        count <= most.spawns && self.has(count, self.left.starts)
    }

    /// Whether `count` is at most an equal part of what is left.
    #[inline]
    fn has(&self, count: usize, left: u64) -> bool {
        (count as u64).saturating_mul(self.among) <= left
    }

    /// The resulting allowance.
    pub(crate) fn allowance(&self, most: &MessageBounds) -> Allowance {
        Allowance {
            sends: share(self.left.messages, self.among, most.sends),
            bytes: share(self.left.bytes, self.among, most.bytes),
            spawns: share(self.left.starts, self.among, most.spawns),
        }
    }
}

impl Causes {
    /// The share of each letter of a cause that waits.
    #[inline]
    pub(crate) fn portion(&self, cause: CauseIndex) -> Portion {
        let letters = self.list.get(cause.0 as usize).map_or(1, |it| it.waiting);
        Portion {
            left: self.left(cause),
            among: letters.max(1),
        }
    }

    /// The work that a cause may still do in all.
    #[inline]
    pub(crate) fn left(&self, cause: CauseIndex) -> Spent {
        let all = self.bounds.in_all;
        let spent = match self.list.get(cause.0 as usize) {
            Some(it) if it.height == self.height => it.spent,
            Some(it) => it.spent_at(self.height, &self.bounds),
            None => Spent::default(),
        };
        Spent {
            messages: all.messages.saturating_sub(spent.messages),
            bytes: all.bytes.saturating_sub(spent.bytes),
            starts: all.starts.saturating_sub(spent.starts),
        }
    }
}

/// One of `among` equal parts of what is left, and at most `most`.
#[inline]
fn share(left: u64, among: u64, most: usize) -> usize {
    // The usual case needs no division.
    match left >= among.saturating_mul(most as u64) {
        true => most,
        false => (left / among) as usize,
    }
}
