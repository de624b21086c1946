//! Holds letters back for the next block: those whose cause has done in this one what it may. They lie beside their
//! mailbox ([`Held`](crate::engines::held::Held)).

use crate::amount::Amount;
use crate::causes::Causes;
use crate::engines::chunk::Chunk;
use crate::engines::mailbox::Letter;
use refit_abi::EngineId;

/// Holds back what is too much of some causes, in the order of the engines and of their mail; returns the engines of
/// which something is held back for the first time.
pub(crate) fn hold_back<'a>(
    causes: &mut Causes,
    chunks: impl Iterator<Item = parking_lot::RwLockWriteGuard<'a, Chunk>>,
) -> HeldBack {
    let mut turns = causes.take_turns();
    let mut held = HeldBack::default();
    if turns.is_empty() {
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
            let stays = |letter: &Letter| turns.take(letter.envelope.cause, letter.payload.len());
            let moved = |letter: &Letter| {
                causes.held(letter.envelope.cause, letter.payload.len());
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
