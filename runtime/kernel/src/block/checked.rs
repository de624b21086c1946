//! Delivery on a node that compares states at faults (`check_faults`): "check first, then change" is the author's
//! duty, and this checks it. Each message is handled alone, and the state is written down before it, so this costs
//! the encoding of a state for each message; a node without the flag runs nothing of it.

use crate::block::handling::{Code, bounce_all, deliver as deliver_batch};
use crate::block::round::RoundFacts;
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Outbox;
use crate::engines::room::Turn;
use crate::engines::slot::{Slot, SlotState};
use crate::generation::table::KindEntry;
use crate::outcome::trouble::{self, Trouble, Wrong};
use crate::reply::error::ReplyError;
use refit_abi::Undelivered;
use refit_abi::host::{CallError, running};

pub(crate) fn deliver(
    slot: &mut Slot,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    code: Code<'_>,
    facts: &RoundFacts,
    turn: &mut Turn<'_>,
) {
    let entry = code.entry;
    for letter in letters {
        let alone = std::slice::from_ref(letter);
        let Some(before) = written(slot, entry) else {
            // Poisoned by the letter before.
            bounce_all(slot.id, alone, arena, outbox, Undelivered::Poisoned);
            continue;
        };
        let faults = outbox.stats.faults;
        deliver_batch(slot, alone, arena, outbox, code, facts, turn);
        if outbox.stats.faults == faults || written(slot, entry).is_none_or(|now| now == before) {
            continue;
        }
        if let Some(answer) = outbox.answers.last_mut()
            && letter.envelope.is_answered_by(answer)
            && let Err(ReplyError::Fault(fault)) = &answer.outcome
        {
            answer.outcome = Err(ReplyError::ChangedAtFault(fault.clone()));
        }
        let (sender, sequence) = (letter.envelope.sender, letter.envelope.sequence);
        trouble::keep(&mut outbox.troubles, || {
            let what = Wrong::ChangedAtFault { sender, sequence };
            Trouble::of(slot.id, Some(entry), what)
        });
    }
}

/// The state's bytes, or that it cannot be written; `None` if the engine does not serve.
pub(crate) fn written(slot: &Slot, entry: &KindEntry) -> Option<Result<Vec<u8>, CallError>> {
    let SlotState::Live(instance) = &slot.state else {
        return None;
    };
    let mut bytes = Vec::new();
    let _about = running::about(slot.id);
    let encoded = entry.kind.encode(instance, &mut bytes);
    Some(encoded.map(|()| bytes))
}
