//! Messages that wait while code changes: whether the new code takes them.

use crate::engines::chunk::Chunk;
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Answer;
use crate::engines::slot::{Slot, SlotState};
use crate::engines::timers::Timer;
use crate::engines::undelivered::Hears;
use crate::envelope::Envelope;
use crate::executor::Executor;
use crate::generation::table::KindIndex;
use crate::outcome::dead_letters::DeadLetter;
use refit_abi::descriptor::KindDescriptor;
use refit_abi::raw::DeliveryKind;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Sender, Undelivered};

/// A queued message or timer that the new code does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unaccepted {
    /// The receiver.
    pub engine: EngineId,
    /// The message's schema.
    pub schema: SchemaId,
}

/// A kind whose code changes. What its old code would have refused is no concern of the new; nor is what
/// waits for an engine that is poisoned, since no code will handle it.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Its index in the table.
    pub kind: KindIndex,
    /// The code that is live.
    pub old: &'a KindDescriptor,
    /// The code that comes.
    pub new: &'a KindDescriptor,
    /// Its engines start afresh: the timers of their former lives are dropped, whichever code takes them.
    pub starts_afresh: bool,
}

impl Change<'_> {
    /// Whether a message of this schema is one that only the old code takes.
    fn refuses(&self, schema: SchemaId) -> bool {
        self.old.accepts(schema) && !self.new.accepts(schema)
    }

    /// The same of a message in a mailbox. Notices carry no schema.
    fn refuses_message(&self, envelope: &Envelope) -> bool {
        envelope.kind == DeliveryKind::Message && self.refuses(envelope.schema)
    }

    /// Whether the engine of a slot handles what waits for it with this kind's code.
    fn concerns(&self, slot: &Slot) -> bool {
        slot.kind == self.kind && matches!(slot.state, SlotState::Live(_))
    }
}

impl Executor {
    /// The first message or timer that waits for an engine and that its new code does not take.
    pub(crate) fn unaccepted(&self, change: Change<'_>) -> Option<Unaccepted> {
        let waiting = self.engines.chunks.iter().find_map(|chunk| {
            let chunk = chunk.read();
            let slots = chunk
                .active
                .iter()
                .filter_map(|n| chunk.slots.get(*n as usize));
            slots.filter(|slot| change.concerns(slot)).find_map(|slot| {
                let mut letters = slot.mailbox.letters().iter();
                let letter = letters.find(|letter| change.refuses_message(&letter.envelope))?;
                let (engine, schema) = (slot.id, letter.envelope.schema);
                Some(Unaccepted { engine, schema })
            })
        });
        waiting.or_else(|| self.unaccepted_timer(change))
    }

    fn unaccepted_timer(&self, change: Change<'_>) -> Option<Unaccepted> {
        if change.starts_afresh {
            return None;
        }
        self.timers.iter().find_map(|timer| {
            let (engine, schema) = (timer.engine, timer.schema);
            let foreign = change.refuses(schema) && self.has_live(engine, change);
            foreign.then_some(Unaccepted { engine, schema })
        })
    }

    /// Moves all such messages and timers to the dead letters, and tells the clients among their senders; returns how
    /// many there were.
    pub(crate) fn bury_unaccepted(&mut self, change: Change<'_>) -> u64 {
        let (mut dead, mut told) = (Vec::new(), Vec::new());
        for chunk in &self.engines.chunks {
            for letter in bury_letters(&mut chunk.write(), change, &mut dead, &mut told) {
                let bytes = letter.payload.len();
                self.engines.waiting.letters -= 1;
                self.engines.waiting.bytes -= bytes;
                self.causes.drop_letter(letter.envelope.cause, bytes);
            }
        }
        let chunks = &self.engines.chunks;
        self.engines
            .active
            .retain(|number| !chunks[*number as usize].read().active.is_empty());
        let mut timers = std::mem::take(&mut self.timers);
        let foreign = |timer: &Timer| {
            let refuses = change.refuses(timer.schema) && !change.starts_afresh;
            refuses && self.has_live(timer.engine, change)
        };
        for timer in timers.take_if(foreign) {
            self.engines
                .with(timer.engine, |slot| slot.timers.take(timer.id));
            self.causes.drop_ref(timer.cause);
            dead.push(rejected(Sender::Timer, timer.engine, &timer.payload));
        }
        self.timers = timers;
        self.causes.collect();
        let count = dead.len() as u64;
        self.between.stats.dead_letters += count;
        let mut between = std::mem::take(&mut self.between);
        for answer in told {
            self.answer(answer, &mut between);
        }
        for letter in dead {
            self.bury(letter, &mut between);
        }
        self.between = between;
        count
    }

    fn has_live(&self, engine: EngineId, change: Change<'_>) -> bool {
        let has = self.engines.look(engine, |slot| change.concerns(slot));
        has == Some(true)
    }
}

/// Moves a chunk's letters; gives them.
fn bury_letters(
    chunk: &mut Chunk,
    change: Change<'_>,
    dead: &mut Vec<DeadLetter>,
    told: &mut Vec<Answer>,
) -> Vec<Letter> {
    let mut buried = Vec::new();
    let Chunk {
        slots,
        active,
        arena,
        ..
    } = chunk;
    active.retain(|number| {
        let Some(slot) = slots.get_mut(*number as usize) else {
            return false;
        };
        if change.concerns(slot) {
            let id = slot.id;
            slot.mailbox.retain(|letter| {
                let envelope = &letter.envelope;
                let foreign = change.refuses_message(envelope);
                if foreign {
                    dead.push(rejected(envelope.sender, id, letter.payload(arena)));
                    // Engines get no notice: their messages are kept, for an operator to look at.
                    if let Hears::Client(answer) = envelope.hears(id, Undelivered::Rejected) {
                        told.push(answer);
                    }
                    buried.push(letter.clone());
                }
                !foreign
            });
        }
        // With nothing left it is as if nothing had come.
        !slot.mailbox.is_empty()
    });
    if active.is_empty() {
        arena.clear();
    }
    buried
}

fn rejected(sender: Sender, to: EngineId, payload: &[u8]) -> DeadLetter {
    DeadLetter::of(sender, to, Undelivered::Rejected, payload)
}
