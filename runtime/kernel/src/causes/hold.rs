//! Letters that wait for the next block because their cause has done in this one what it may.
//!
//! They lie beside the mailbox, so that no round looks at them. What their senders send after them lies there too:
//! otherwise it would come before them.

use super::{CauseIndex, Causes};
use crate::engines::chunk::Chunk;
use crate::engines::lives::Mail;
use crate::engines::slot::{Letter, Slot};
use refit_abi::{EngineId, Sender};
use std::collections::{BTreeMap, BTreeSet};

/// What is held back of one engine's mail.
#[derive(Debug, Default)]
pub(crate) struct Held {
    mail: Mail,
    senders: BTreeSet<Sender>,
}

/// What each cause of which too much waits may still have handled in this block: messages and bytes.
#[derive(Debug)]
pub(crate) struct Turns(BTreeMap<CauseIndex, Turn>);

#[derive(Debug)]
struct Turn {
    messages: u64,
    bytes: u64,
}

impl Slot {
    /// Whether a letter is to be held back because one of its sender is.
    #[inline]
    pub(crate) fn holds_back(&self, sender: Sender) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.senders.contains(&sender))
    }

    /// Letters that wait, in the mailbox and beside it.
    #[inline]
    pub(crate) fn letters(&self) -> usize {
        let held = self.held.as_ref();
        self.inbox.len() + held.map_or(0, |held| held.mail.letters.len())
    }

    /// Holds a letter back; whether it is the first.
    pub(crate) fn hold(&mut self, letter: &Letter, payload: &[u8]) -> bool {
        let is_first = self.held.is_none();
        let held = self.held.get_or_insert_default();
        held.senders.insert(letter.sender);
        let start = held.mail.payloads.len();
        held.mail.payloads.extend_from_slice(payload);
        let payload = start..held.mail.payloads.len();
        held.mail.letters.push(Letter {
            payload,
            ..letter.clone()
        });
        is_first
    }

    /// Holds back, after what is held back, what has come later.
    fn hold_later(&mut self, later: Box<Held>) {
        if self.held.is_none() {
            self.held = Some(later);
            return;
        }
        for letter in &later.mail.letters {
            self.hold(letter, &later.mail.payloads[letter.payload.clone()]);
        }
    }

    /// All that is held back, in order.
    pub(crate) fn take_held(&mut self) -> Mail {
        self.held.take().map(|held| held.mail).unwrap_or_default()
    }
}

impl Causes {
    fn turns(&self) -> Turns {
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
        Turns(self.over.iter().filter_map(turn).collect())
    }

    /// A letter that was in a mailbox is held back now.
    fn held(&mut self, letter: &Letter) {
        if let Some(it) = self.list.get_mut(letter.cause.0 as usize) {
            it.waiting -= 1;
            it.waiting_bytes -= letter.payload.len() as u64;
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
    pub(crate) fn unhold(&mut self, letter: &Letter) {
        if let Some(it) = self.list.get_mut(letter.cause.0 as usize) {
            it.waiting += 1;
            it.waiting_bytes += letter.payload.len() as u64;
            if it.is_over(&self.bounds) {
                self.over.insert(letter.cause);
            }
        }
    }
}

impl Turns {
    /// Whether a letter may still be handled in this block. A cause that has a byte left may have one letter more.
    fn take(&mut self, letter: &Letter) -> bool {
        let Some(turn) = self.0.get_mut(&letter.cause) else {
            return true;
        };
        if turn.messages == 0 || turn.bytes == 0 {
            return false;
        }
        turn.messages -= 1;
        turn.bytes = turn.bytes.saturating_sub(letter.payload.len() as u64);
        true
    }
}

/// Holds back what is too much of some causes, in the order of the engines and of their mail; gives the engines of
/// which something is held back for the first time.
pub(crate) fn hold_back<'a>(
    causes: &mut Causes,
    chunks: impl Iterator<Item = parking_lot::RwLockWriteGuard<'a, Chunk>>,
) -> HeldBack {
    let mut turns = causes.turns();
    let mut held = HeldBack::default();
    causes.over.clear();
    if turns.0.is_empty() {
        return held;
    }
    for mut chunk in chunks {
        let Chunk {
            slots,
            active,
            arena,
            ..
        } = &mut *chunk;
        active.sort_unstable();
        active.retain(|number| {
            let Some(slot) = slots.get_mut(*number as usize) else {
                return false;
            };
            // What is held back already came after all that is in the mailbox.
            let later = slot.held.take();
            for letter in std::mem::take(&mut slot.inbox) {
                if !slot.holds_back(letter.sender) && turns.take(&letter) {
                    slot.inbox.push(letter);
                    continue;
                }
                causes.held(&letter);
                held.letters += 1;
                held.bytes += letter.payload.len();
                slot.hold(&letter, &arena[letter.payload.clone()]);
            }
            match later {
                Some(later) => slot.hold_later(later),
                None if slot.held.is_some() => held.engines.push(slot.id),
                None => {}
            }
            !slot.inbox.is_empty()
        });
        if active.is_empty() {
            arena.clear();
        }
    }
    held
}

/// What [`hold_back`] took out of mailboxes.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    pub(crate) letters: usize,
    pub(crate) bytes: usize,
    pub(crate) engines: Vec<EngineId>,
}
