//! Delivery to the engine whose last good state is looked for ([`LastGood`](crate::engines::last_good::LastGood)): each message is handled
//! alone, and the state is written down before it.

use crate::block::checked::written;
use crate::block::handling::{Code, bounce_all, deliver as deliver_batch};
use crate::block::round::RoundFacts;
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Outbox;
use crate::engines::room::Turn;
use crate::engines::slot::Slot;
use refit_abi::Undelivered;

pub(crate) fn deliver(
    slot: &mut Slot,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    code: Code<'_>,
    facts: &RoundFacts,
    turn: &mut Turn<'_>,
) {
    for letter in letters {
        let alone = std::slice::from_ref(letter);
        let Some(before) = written(slot, code.entry) else {
            // Poisoned by the letter before.
            bounce_all(slot.id, alone, arena, outbox, Undelivered::Poisoned);
            continue;
        };
        if let Some(last_good) = facts.last_good_of(slot.id) {
            last_good.note(before.ok());
        }
        deliver_batch(slot, alone, arena, outbox, code, facts, turn);
    }
}
