//! [`Making`]: an executor that is being made of the items of an image.

use super::slot::slot_of;
use crate::engines::chunk::Chunk;
use crate::engines::directory::Place;
use crate::engines::slot::Slot;
use crate::engines::timers::Timer;
use crate::executor::Executor;
use crate::generation::table::{GenerationTable, KindIndex};
use crate::image::{
    Counts, EngineImage, ImageError, ImageHeader, Item, KindImage, LetterImage, StateImage,
    TimerImage,
};
use crate::outcome::dead_letters::DeadLetter;
use crate::parameters::Parameters;
use refit_abi::{EngineId, TimerAt};
use std::slice::from_ref;
use std::sync::Arc;

/// An executor that still lacks some items.
#[derive(Debug)]
pub(crate) struct Making {
    executor: Executor,
    table: Arc<GenerationTable>,
    /// The index of each kind of the image in the code at hand.
    kinds: Arc<[Option<KindIndex>]>,
    /// Dead letters that there ever were.
    dead_letters: u64,
}

/// Decodes the states of engines.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    table: Arc<GenerationTable>,
    kinds: Arc<[Option<KindIndex>]>,
}

/// An engine that is decoded, or why it cannot be.
#[derive(Debug)]
pub(super) struct Placed {
    engine: Box<EngineImage>,
    slot: Result<Slot, ImageError>,
}

impl Decoder {
    pub(super) fn decode(&self, mut engine: Box<EngineImage>) -> Placed {
        let kind = self.kinds.get(engine.kind as usize).copied().flatten();
        let unknown = ImageError::UnknownKind { engine: engine.id };
        let slot = kind.ok_or(unknown);
        let slot = slot.and_then(|kind| slot_of(&engine, kind, self.table.get(kind)));
        // Nobody needs its bytes any more.
        engine.state = StateImage::Elsewhere;
        Placed { engine, slot }
    }
}

impl Making {
    pub(crate) fn begin(
        table: Arc<GenerationTable>,
        header: &ImageHeader,
        parameters: Parameters,
    ) -> Result<Self, ImageError> {
        let kinds = header.kinds.iter().map(|kind| place_of(kind, &table));
        let kinds = kinds.collect::<Result<_, _>>()?;
        let mut executor = Executor::with_parameters(table.clone(), parameters);
        (executor.height, executor.frame) = (header.frame.height, header.frame);
        Ok(Self {
            executor,
            table,
            kinds,
            dead_letters: 0,
        })
    }

    /// One more; what the two first items say is known already.
    pub(crate) fn put(&mut self, item: Item) -> Result<(), ImageError> {
        let executor = &mut self.executor;
        match item {
            Item::Header(_) | Item::Parameters(_) => {}
            Item::Counts(Counts {
                timers_set,
                dead_letters,
            }) => {
                executor.timers.set = timers_set;
                self.dead_letters = dead_letters;
            }
            Item::Cause(cause) => executor.causes.restore(from_ref(&cause), executor.height),
            Item::Ended(name) => return self.ended(name),
            Item::Name(name) => executor.keys.put_back(name),
            Item::Reply(replied) => executor.between.replies.push(replied),
            Item::Event(emitted) => executor.between.events.push(emitted),
            Item::Log(line) => executor.between.logs.push(line),
            Item::DeadLetter(letter) => {
                let letter = DeadLetter {
                    sender: letter.sender,
                    to: letter.to,
                    reason: letter.reason,
                    payload: letter.payload,
                };
                let most = executor.parameters.dead_letters;
                executor.dead.push(letter, most);
            }
            Item::Engine(engine) => {
                let placed = self.decoder().decode(engine);
                return self.place(placed);
            }
            Item::ByHeight(at, order, timer) => {
                return self.timer(TimerAt::Height(at), order, timer);
            }
            Item::ByTime(at, order, timer) => return self.timer(TimerAt::Time(at), order, timer),
        }
        Ok(())
    }

    pub(crate) fn end(mut self) -> Executor {
        self.executor.dead.counted(self.dead_letters);
        self.executor
    }

    fn ended(&mut self, name: EngineId) -> Result<(), ImageError> {
        self.is_new(name)?;
        Arc::make_mut(&mut self.executor.engines.directory).end_before(name);
        Ok(())
    }

    fn is_new(&self, engine: EngineId) -> Result<(), ImageError> {
        let engines = &self.executor.engines.directory;
        match engines.get(engine).is_some() || engines.has_ended(engine) {
            true => Err(ImageError::Twice { engine }),
            false => Ok(()),
        }
    }

    /// Decodes engines for this, on any thread.
    pub(super) fn decoder(&self) -> Decoder {
        Decoder {
            table: self.table.clone(),
            kinds: self.kinds.clone(),
        }
    }

    /// Puts a decoded engine in.
    pub(super) fn place(&mut self, Placed { engine, slot }: Placed) -> Result<(), ImageError> {
        self.is_new(engine.id)?;
        let place = self.executor.engines.place(slot?);
        self.executor
            .refill(place, &engine.mailbox)
            .ok_or(ImageError::NoCause { engine: engine.id })
    }

    fn timer(&mut self, at: TimerAt, order: u64, timer: TimerImage) -> Result<(), ImageError> {
        let (executor, engine) = (&mut self.executor, timer.engine);
        if !executor.causes.has(timer.cause) {
            return Err(ImageError::NoCause { engine });
        }
        executor.causes.add_timer(timer.cause);
        executor.engines.with(engine, |slot| {
            slot.timers.add(timer.id, at, timer.payload.len());
        });
        let timer = Timer {
            engine,
            id: timer.id,
            schema: timer.schema,
            cause: timer.cause,
            payload: timer.payload,
        };
        executor.timers.put(at, order, timer);
        Ok(())
    }
}

impl Executor {
    /// Puts mail back into the mailbox of the engine that was placed last; not if there is no cause of it.
    fn refill(&mut self, place: Place, mail: &[LetterImage]) -> Option<()> {
        if mail.is_empty() {
            return Some(());
        }
        let chunk: &mut Chunk = &mut self.engines.chunks[place.chunk as usize].write();
        if chunk.active.is_empty() {
            self.engines.active.push(place.chunk);
        }
        chunk.active.push(place.slot);
        let slot = &mut chunk.slots[place.slot as usize];
        for LetterImage { envelope, payload } in mail {
            if !self.causes.has(envelope.cause) {
                return None;
            }
            self.causes.add_letter(envelope.cause, payload.len(), false);
            self.engines.waiting.bytes += payload.len();
            slot.mailbox.put(*envelope, payload, &mut chunk.arena);
        }
        self.engines.waiting.letters += mail.len();
        Some(())
    }
}

/// The index of a kind in the code at hand; `None` if it lacks it, which matters once there is an engine of it.
fn place_of(kind: &KindImage, table: &GenerationTable) -> Result<Option<KindIndex>, ImageError> {
    let Some((index, entry)) = table.find(&kind.name) else {
        return Ok(None);
    };
    let code = entry.kind.descriptor().schema;
    match code == kind.schema {
        true => Ok(Some(index)),
        false => Err(ImageError::OtherState {
            kind: kind.name.clone(),
            image: kind.schema,
            code,
        }),
    }
}
