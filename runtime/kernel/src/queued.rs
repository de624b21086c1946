//! Messages that wait while code changes: whether the new code takes them.

use crate::dead_letters::DeadLetter;
use crate::executor::Executor;
use crate::slot::Letter;
use crate::table::KindIndex;
use refit_abi::descriptor::KindDescriptor;
use refit_abi::raw::{Codec, DeliveryKind};
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Sender, Undelivered};

/// A queued message or timer that the new code does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unaccepted {
    /// To whom.
    pub engine: EngineId,
    /// The message's schema.
    pub schema: SchemaId,
}

impl Executor {
    /// The first message or timer that waits for an engine of kind `kind` and that `new` does not take.
    /// A client's message has no schema: whether it is understood shows when it is handled.
    pub(crate) fn unaccepted(&self, kind: KindIndex, new: &KindDescriptor) -> Option<Unaccepted> {
        let waiting = self.chunks.iter().find_map(|chunk| {
            let chunk = chunk.read();
            chunk.active.iter().find_map(|number| {
                let slot = chunk.slots.get(*number as usize)?;
                let letter = slot.inbox.iter().find(|letter| is_foreign(letter, new));
                letter
                    .filter(|_| slot.kind == kind)
                    .map(|letter| Unaccepted {
                        engine: slot.id,
                        schema: letter.schema,
                    })
            })
        });
        waiting.or_else(|| self.unaccepted_timer(kind, new))
    }

    fn unaccepted_timer(&self, kind: KindIndex, new: &KindDescriptor) -> Option<Unaccepted> {
        self.timers.iter().find_map(|timer| {
            let (engine, schema) = (timer.engine, timer.schema);
            let foreign = !new.accepts(schema) && self.kind_of(engine) == Some(kind);
            foreign.then_some(Unaccepted { engine, schema })
        })
    }

    /// Moves all such messages and timers to the dead letters; gives how many there were.
    pub(crate) fn bury_unaccepted(&mut self, kind: KindIndex, new: &KindDescriptor) -> u64 {
        let mut dead = Vec::new();
        for chunk in &self.chunks {
            let chunk = &mut *chunk.write();
            for number in &chunk.active {
                let Some(slot) = chunk.slots.get_mut(*number as usize) else {
                    continue;
                };
                if slot.kind != kind {
                    continue;
                }
                let before = slot.inbox.len();
                let (arena, id) = (&chunk.arena, slot.id);
                slot.inbox.retain(|letter| {
                    let foreign = is_foreign(letter, new);
                    if foreign {
                        let payload = &arena[letter.payload.clone()];
                        dead.push(dead_letter(letter.sender, id, payload));
                    }
                    !foreign
                });
                self.waiting -= before - slot.inbox.len();
            }
        }
        let directory = self.directory.clone();
        let chunks = &self.chunks;
        let of_kind = |engine: EngineId| {
            directory.get(engine).is_some_and(|place| {
                let chunk = chunks[place.chunk as usize].read();
                chunk.slots[place.slot as usize].kind == kind
            })
        };
        let foreign =
            |timer: &crate::timers::Timer| !new.accepts(timer.schema) && of_kind(timer.engine);
        for timer in self.timers.take_if(foreign) {
            dead.push(dead_letter(Sender::Timer, timer.engine, &timer.payload));
        }
        let count = dead.len() as u64;
        self.between.stats.dead_letters += count;
        dead.into_iter().for_each(|letter| self.dead.push(letter));
        count
    }

    fn kind_of(&self, engine: EngineId) -> Option<KindIndex> {
        let place = self.directory.get(engine)?;
        let chunk = self.chunks[place.chunk as usize].read();
        chunk.slots.get(place.slot as usize).map(|slot| slot.kind)
    }
}

fn dead_letter(sender: Sender, to: EngineId, payload: &[u8]) -> DeadLetter {
    DeadLetter {
        sender,
        to,
        reason: Undelivered::Rejected,
        payload: payload.to_vec(),
    }
}

/// Whether `new` cannot take this letter. Notices and clients' JSON carry no schema.
fn is_foreign(letter: &Letter, new: &KindDescriptor) -> bool {
    letter.kind == DeliveryKind::Message
        && letter.codec == Codec::Postcard
        && !new.accepts(letter.schema)
}
