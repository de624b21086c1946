//! Which letters a block may still handle, of the causes of which too much waits.

use super::{CauseIndex, Causes};
use std::collections::BTreeMap;

/// The messages and bytes that each cause with too much waiting may still have handled in this block.
#[derive(Debug)]
pub(crate) struct Turns(BTreeMap<CauseIndex, Turn>);

#[derive(Debug)]
struct Turn {
    messages: u64,
    bytes: u64,
}

impl Causes {
    /// What the causes of which too much waits may still do in this block; none is remembered as such any more.
    pub(crate) fn take_turns(&mut self) -> Turns {
        let turn = |cause: &CauseIndex| {
            let it = self.list.get(cause.0 as usize)?;
            if it.waiting == 0 {
                return None;
            }
            let left = |most: u64, handled: u64| match it.is_paused {
                true => 0,
                false => most.saturating_sub(handled),
            };
            let turn = Turn {
                messages: left(self.bounds.messages_per_block, it.handled),
                bytes: left(self.bounds.bytes_per_block, it.handled_bytes),
            };
            Some((*cause, turn))
        };
        let turns = Turns(self.over.iter().filter_map(turn).collect());
        self.over.clear();
        turns
    }

    /// A letter that was in a mailbox is held back now.
    pub(crate) fn held(&mut self, cause: CauseIndex, bytes: usize) {
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.waiting -= 1;
            it.waiting_bytes -= bytes as u64;
        }
    }

    /// A letter refers to its cause, held back from the first.
    pub(crate) fn add_held(&mut self, cause: CauseIndex, bytes: usize, is_charged: bool) {
        self.add_letter(cause, bytes, is_charged);
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.waiting -= 1;
            it.waiting_bytes -= bytes as u64;
            if !it.is_over(&self.bounds) {
                self.over.remove(&cause);
            }
        }
    }

    /// A letter that was held back lies in a mailbox again.
    pub(crate) fn unhold(&mut self, cause: CauseIndex, bytes: usize) {
        if let Some(it) = self.list.get_mut(cause.0 as usize) {
            it.waiting += 1;
            it.waiting_bytes += bytes as u64;
            if it.is_over(&self.bounds) {
                self.over.insert(cause);
            }
        }
    }
}

impl Turns {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a letter may still be handled in this block. A cause that has a byte left may have one letter more.
    pub(crate) fn take(&mut self, cause: CauseIndex, bytes: usize) -> bool {
        let Some(turn) = self.0.get_mut(&cause) else {
            return true;
        };
        if turn.messages == 0 || turn.bytes == 0 {
            return false;
        }
        turn.messages -= 1;
        turn.bytes = turn.bytes.saturating_sub(bytes as u64);
        true
    }
}
