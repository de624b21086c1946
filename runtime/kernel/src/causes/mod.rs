//! [`Causes`]: what each message that waits came from in the end, and what came of it so far.
//!
//! A cause is a client's message, the start of a root engine, or an upgrade. All that is sent, set and started because
//! of it is counted: by block, and in all. A timer keeps the cause under which it was set, and so does what it sends:
//! setting timers makes no new cause. What is counted in all is forgiven block by block at a low rate
//! ([`CauseBounds::regained`](crate::parameters::CauseBounds)): an engine that ticks for ever is not an endless loop.
//!
//! A cause has an index in the table as long as a letter or a timer refers to it; a new one gets the lowest free index,
//! so that indices follow from the blocks alone. Handlers look at the table while a round runs; it changes only between.

mod hold;
mod image;
mod share;

pub use image::CauseImage;
pub use share::Allowance;
pub(crate) use share::Portion;

use crate::amount::Amount;
use crate::parameters::CauseBounds;
use crate::parameters::spent::Spent;
use refit_abi::Height;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// A cause's index in the table.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct CauseIndex(pub u32);

/// One cause.
#[derive(Clone, Copy, Debug, Default)]
struct Cause {
    /// Letters and timers that refer to it. It stays while there are any.
    refs: u64,
    is_live: bool,
    /// Whether no more of it is handled in this block.
    is_paused: bool,
    /// Letters in mailboxes that this block may handle, and their bytes.
    waiting: u64,
    waiting_bytes: u64,
    /// In all, up to the block at `height`.
    spent: Spent,
    height: Height,
    /// Handled in that block.
    handled: u64,
    handled_bytes: u64,
    rounds: u64,
    /// The last round of that block in which one was handled.
    round: u64,
}

/// The causes of all that waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Causes {
    list: Vec<Cause>,
    free: BinaryHeap<Reverse<u32>>,
    live: usize,
    /// Those to which nothing may refer any more.
    loose: Vec<CauseIndex>,
    /// The causes of which more waits than this block may handle.
    over: BTreeSet<CauseIndex>,
    /// The causes of which no more is handled in this block.
    paused: Vec<CauseIndex>,
    pub(crate) bounds: CauseBounds,
    height: Height,
}

/// Letters of one cause that a round has handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handled {
    pub(crate) cause: CauseIndex,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Cause {
    /// As of a block: what was counted for an earlier one is over, and something is forgiven for each block since.
    #[inline]
    fn touch(&mut self, now: Height, bounds: &CauseBounds) {
        if self.height != now {
            self.spent = self.spent_at(now, bounds);
            self.height = now;
            (self.handled, self.handled_bytes) = (0, 0);
            (self.rounds, self.round) = (0, 0);
        }
    }

    fn spent_at(&self, now: Height, bounds: &CauseBounds) -> Spent {
        let blocks = now.0.saturating_sub(self.height.0);
        let less =
            |spent: u64, regained: u64| spent.saturating_sub(regained.saturating_mul(blocks));
        Spent {
            messages: less(self.spent.messages, bounds.regained.messages),
            bytes: less(self.spent.bytes, bounds.regained.bytes),
            starts: less(self.spent.starts, bounds.regained.starts),
        }
    }

    #[inline]
    fn is_over(&self, bounds: &CauseBounds) -> bool {
        let messages = self.handled + self.waiting > bounds.messages_per_block;
        let bytes = self.handled_bytes + self.waiting_bytes > bounds.bytes_per_block;
        (messages || bytes) && self.waiting > 0
    }
}

impl Causes {
    pub(crate) fn new(bounds: CauseBounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// A new cause, to which nothing refers yet.
    pub(crate) fn begin(&mut self) -> CauseIndex {
        let cause = Cause {
            is_live: true,
            height: self.height,
            ..Cause::default()
        };
        self.live += 1;
        while let Some(Reverse(index)) = self.free.pop() {
            if let Some(it) = self.list.get_mut(index as usize).filter(|it| !it.is_live) {
                *it = cause;
                return CauseIndex(index);
            }
        }
        self.list.push(cause);
        CauseIndex((self.list.len() - 1) as u32)
    }

    /// A letter lies in a mailbox now.
    pub(crate) fn add_letter(&mut self, cause: CauseIndex, bytes: usize, is_charged: bool) {
        self.add_letters(cause, Amount { letters: 1, bytes }, is_charged);
    }

    /// So many letters of so many bytes lie in a mailbox now.
    #[inline]
    pub(crate) fn add_letters(&mut self, cause: CauseIndex, amount: Amount, is_charged: bool) {
        let (now, bounds) = (self.height, &self.bounds);
        let (letters, bytes) = (amount.letters as u64, amount.bytes as u64);
        let Some(it) = self.list.get_mut(cause.0 as usize) else {
            return;
        };
        it.touch(now, bounds);
        it.refs += letters;
        it.waiting += letters;
        it.waiting_bytes += bytes;
        if is_charged {
            it.spent.messages += letters;
            it.spent.bytes += bytes;
        }
        if it.is_over(bounds) {
            self.over.insert(cause);
        }
    }

    /// A letter in a mailbox has another length now.
    pub(crate) fn resize(&mut self, cause: CauseIndex, before: usize, now: usize) {
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.waiting_bytes = it.waiting_bytes - before as u64 + now as u64;
            if it.is_over(&self.bounds) {
                self.over.insert(cause);
            }
        }
    }

    /// A timer waits now.
    pub(crate) fn add_timer(&mut self, cause: CauseIndex) {
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.refs += 1;
        }
    }

    /// Messages and bytes, or starts, are counted.
    pub(crate) fn charge(&mut self, cause: CauseIndex, more: Spent) {
        let (now, bounds) = (self.height, &self.bounds);
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.touch(now, bounds);
            it.spent.messages += more.messages;
            it.spent.bytes += more.bytes;
            it.spent.starts += more.starts;
        }
    }

    /// A round has handled some letters. They refer to their cause no longer.
    pub(crate) fn handled(&mut self, round: u64, handled: Handled) {
        let (now, bounds) = (self.height, &self.bounds);
        let cause = handled.cause;
        let Some(it) = self.list.get_mut(cause.0 as usize) else {
            return;
        };
        it.touch(now, bounds);
        it.waiting -= handled.messages;
        it.waiting_bytes -= handled.bytes;
        it.handled += handled.messages;
        it.handled_bytes += handled.bytes;
        it.rounds += u64::from(it.round != round);
        it.round = round;
        it.refs -= handled.messages;
        let is_spent = it.handled >= bounds.messages_per_block
            || it.handled_bytes >= bounds.bytes_per_block
            || it.rounds >= bounds.rounds_per_block;
        if it.refs == 0 {
            self.loose.push(cause);
        }
        if is_spent && !it.is_paused {
            it.is_paused = true;
            self.paused.push(cause);
        }
        if is_spent && it.waiting > 0 {
            self.over.insert(cause);
        }
    }

    /// A letter is in no mailbox any more, and was not handled.
    pub(crate) fn drop_letter(&mut self, cause: CauseIndex, bytes: usize) {
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.waiting -= 1;
            it.waiting_bytes -= bytes as u64;
        }
        self.drop_ref(cause);
    }

    /// A timer waits no longer, or a letter that was held back is gone.
    pub(crate) fn drop_ref(&mut self, cause: CauseIndex) {
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.refs -= 1;
            if it.refs == 0 {
                self.loose.push(cause);
            }
        }
    }

    /// Nothing that this came from is going on any more: if nothing refers to it, its index is free.
    pub(crate) fn let_go(&mut self, cause: CauseIndex) {
        self.loose.push(cause);
    }

    /// Frees the indices of causes to which nothing refers. Not during routing: a letter may still refer to one.
    pub(crate) fn collect(&mut self) {
        while let Some(cause) = self.loose.pop() {
            let Some(it) = self.list.get_mut(cause.0 as usize) else {
                continue;
            };
            if it.refs == 0 && it.is_live {
                *it = Cause::default();
                self.live -= 1;
                self.over.remove(&cause);
                self.free.push(Reverse(cause.0));
            }
        }
        if self.live == 0 && !self.list.is_empty() {
            self.list.clear();
            self.free.clear();
        }
    }

    /// A block begins.
    pub(crate) fn begin_block(&mut self, height: Height) {
        self.height = height;
        let (list, bounds) = (&mut self.list, &self.bounds);
        self.over.retain(|cause| {
            let it = list.get_mut(cause.0 as usize);
            it.is_some_and(|it| {
                it.touch(height, bounds);
                it.is_over(bounds)
            })
        });
    }

    /// A block ends: what was held back is so no longer.
    pub(crate) fn end_block(&mut self) {
        while let Some(cause) = self.paused.pop() {
            if let Some(it) = self.list.get_mut(cause.0 as usize) {
                it.is_paused = false;
            }
        }
    }

    /// Whether no more of a cause is handled in this block.
    #[inline]
    pub(crate) fn is_paused(&self, cause: CauseIndex) -> bool {
        !self.paused.is_empty()
            && self
                .list
                .get(cause.0 as usize)
                .is_some_and(|it| it.is_paused)
    }

    pub(crate) fn has_over(&self) -> bool {
        !self.over.is_empty()
    }
}
