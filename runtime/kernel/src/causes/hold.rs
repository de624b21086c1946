//! Which letters are held back for the next block: those whose cause has done in this one what it may. They lie beside
//! their mailbox ([`Held`](crate::engines::held::Held)).

use super::{CauseIndex, Causes};
use crate::engines::chunk::Chunk;
use crate::engines::mailbox::{Amount, Letter};
use refit_abi::EngineId;
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
        if let Some(it) = self.list.get_mut(letter.envelope.cause.0 as usize) {
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
        if let Some(it) = self.list.get_mut(letter.envelope.cause.0 as usize) {
            it.waiting += 1;
            it.waiting_bytes += letter.payload.len() as u64;
            if it.is_over(&self.bounds) {
                self.over.insert(letter.envelope.cause);
            }
        }
    }
}

impl Turns {
    /// Whether a letter may still be handled in this block. A cause that has a byte left may have one letter more.
    fn take(&mut self, letter: &Letter) -> bool {
        let Some(turn) = self.0.get_mut(&letter.envelope.cause) else {
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

/// Holds back what is too much of some causes, in the order of the engines and of their mail; returns the engines of
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
            let stays = |letter: &Letter| turns.take(letter);
            let moved = |letter: &Letter| {
                causes.held(letter);
                held.amount.letters += 1;
                held.amount.bytes += letter.payload.len();
            };
            if slot.mailbox.hold_of(arena, stays, moved) {
                held.engines.push(slot.id);
            }
            !slot.mailbox.is_empty()
        });
        if active.is_empty() {
            arena.clear();
        }
    }
    held
}

/// The letters that [`hold_back`] took out of mailboxes.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    pub(crate) amount: Amount,
    pub(crate) engines: Vec<EngineId>,
}
