//! One engine's place as plain data, and back.

use crate::engines::mailbox::Letter;
use crate::engines::slot::{Counters, Poison, Slot, SlotState};
use crate::engines::slot_timers::SlotTimers;
use crate::generation::table::{KindEntry, KindIndex};
use crate::image::{EngineImage, ImageError, LetterImage, StateImage};
use crate::limits::RECORD_BYTES_MAX;
use refit_abi::EngineId;
use refit_abi::host::{Instance, Witness, running};

/// An engine with its mail. If the code that is to write its state is given, the state is an empty one, and comes in
/// [`pieces`].
pub(super) fn engine_image(
    slot: &Slot,
    copied: Option<&KindEntry>,
    arena: &[u8],
) -> Result<EngineImage, ImageError> {
    let (state, witness) = match (&slot.state, copied) {
        (SlotState::Poisoned(poison), _) => {
            let text = String::new();
            let poison = (**poison).clone();
            (StateImage::Poisoned(Poison { text, ..poison }), None)
        }
        (SlotState::Live(instance), Some(entry)) => {
            let witness = witness(slot.id, entry, instance)?;
            (StateImage::Live(Vec::new()), witness)
        }
        (SlotState::Away, Some(_)) => return Err(ImageError::Elsewhere { engine: slot.id }),
        (SlotState::Live(_) | SlotState::Away, None) => (StateImage::Elsewhere, None),
    };
    let mail = slot
        .mailbox
        .letters()
        .iter()
        .map(|letter| letter_image(letter, arena));
    Ok(EngineImage {
        id: slot.id,
        kind: slot.kind.0,
        parent: slot.parent,
        state,
        sent: slot.counters.sent,
        children: slot.counters.children,
        timers_set: slot.timers.set,
        handled: slot.handled,
        ordinal: (slot.ordinal, slot.ordinal_height),
        config: (slot.config.0, slot.config.1.to_vec()),
        config_schema: slot.config_schema,
        config_read: slot.config_read.as_deref().map(<[u8]>::to_vec),
        mailbox: mail.collect(),
        kept: slot.kept.as_deref().cloned(),
        witness,
    })
}

fn witness(
    engine: EngineId,
    entry: &KindEntry,
    instance: &Instance,
) -> Result<Option<Witness>, ImageError> {
    if !entry.kind.descriptor().crosses_as_bytes {
        return Ok(None);
    }
    let _about = running::about(engine);
    let witness = entry.kind.witness(instance);
    let witness = witness.map_err(|error| ImageError::Encode { engine, error })?;
    Ok(Some(witness))
}

/// The bytes of its state, if it serves. The caller names the engine first ([`running::about`]).
pub(super) fn pieces<'a>(
    slot: &'a Slot,
    entry: &'a KindEntry,
) -> Option<impl Iterator<Item = Result<Vec<u8>, ImageError>> + 'a> {
    let SlotState::Live(instance) = &slot.state else {
        return None;
    };
    let engine = slot.id;
    let pieces = entry.kind.encode_pieces(instance, RECORD_BYTES_MAX);
    Some(pieces.map(move |piece| piece.map_err(|error| ImageError::Encode { engine, error })))
}

pub(super) fn slot_of(
    engine: &EngineImage,
    kind: KindIndex,
    entry: Option<&KindEntry>,
) -> Result<Slot, ImageError> {
    let entry = entry.ok_or(ImageError::UnknownKind { engine: engine.id })?;
    let state = match &engine.state {
        StateImage::Live(bytes) => {
            let _about = running::about(engine.id);
            let decoded = entry.kind.decode(bytes);
            SlotState::Live(decoded.map_err(|error| ImageError::Decode {
                engine: engine.id,
                error,
            })?)
        }
        StateImage::Poisoned(poison) => SlotState::Poisoned(Box::new(poison.clone())),
        StateImage::Elsewhere => SlotState::Away,
    };
    let mut slot = Slot::new(
        engine.id,
        kind,
        engine.parent,
        state,
        engine.config.0,
        &engine.config.1,
        engine.config_schema,
    );
    slot.kept = engine.kept.clone().map(Box::new);
    slot.config_read = engine.config_read.as_deref().map(Into::into);
    slot.counters = Counters {
        sent: engine.sent,
        children: engine.children,
    };
    slot.timers = SlotTimers::after(engine.timers_set);
    slot.handled = engine.handled;
    (slot.ordinal, slot.ordinal_height) = engine.ordinal;
    Ok(slot)
}

fn letter_image(letter: &Letter, arena: &[u8]) -> LetterImage {
    LetterImage {
        envelope: letter.envelope,
        payload: letter.payload(arena).to_vec(),
    }
}
