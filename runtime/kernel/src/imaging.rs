//! Taking an [`Image`] of an executor, and making an executor from one.

use crate::between::BetweenImage;
use crate::chunk::Chunk;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::directory::Place;
use crate::executor::Executor;
use crate::image::{
    DeadLetterImage, EngineImage, IMAGE_FORMAT, Image, ImageError, KindImage, LetterImage,
    StateImage, TimerImage, TimersImage,
};
use crate::keys::{Keys, KeysImage};
use crate::slot::{Letter, Poison, Slot, SlotState};
use crate::slot_timers::SlotTimers;
use crate::table::{GenerationTable, KindEntry, KindIndex};
use crate::timers::{Timer, Timers};
use refit_abi::TimerAt;
use refit_abi::host::running;
use refit_abi::raw::DeliveryKind;
use std::sync::Arc;

impl Executor {
    /// Everything the executor is, as plain data. Runs engine code, so on the crew only
    /// ([`Command::Call`](crate::crew::Command::Call)); settles what the last swap left unsettled.
    ///
    /// # Errors
    /// [`ImageError::Encode`]; [`ImageError::TooLarge`] as soon as the states and all that waits are
    /// more than `bytes_max`.
    pub fn image(&self, bytes_max: usize) -> Result<Image, ImageError> {
        let (keys, between) = (self.keys.image(), BetweenImage::of(&self.between));
        let bytes_max_of_engines = bytes_max.checked_sub(keys.bytes() + between.bytes());
        let too_large = ImageError::TooLarge { bytes_max };
        let image = self.image_of_engines(bytes_max_of_engines.ok_or(too_large.clone())?);
        match image {
            Ok(image) => Ok(Image {
                keys,
                between,
                ..image
            }),
            Err(ImageError::TooLarge { .. }) => Err(too_large),
            Err(error) => Err(error),
        }
    }

    /// As [`Executor::image`], with no key in it and nothing that leaves with the next block: for who gives no client
    /// an answer, as a rehearsal.
    ///
    /// # Errors
    /// As [`Executor::image`].
    pub fn image_of_engines(&self, bytes_max: usize) -> Result<Image, ImageError> {
        let table = self.table();
        let mut engines = Vec::with_capacity(self.engines());
        let dead: Vec<_> = self.dead.kept().map(dead_letter_image).collect();
        let timers = self.timers.image();
        let mut bytes = timers.bytes()
            + dead
                .iter()
                .map(|letter| letter.payload.len())
                .sum::<usize>();
        for chunk in &self.chunks {
            let chunk = &mut *chunk.write();
            for slot in &mut chunk.slots {
                if let Some(entry) = table.get(slot.kind) {
                    slot.settle(entry, self.update_point);
                }
                let engine = engine_image(slot, table.get(slot.kind), &chunk.arena)?;
                bytes += engine.bytes();
                if bytes > bytes_max {
                    return Err(ImageError::TooLarge { bytes_max });
                }
                engines.push(engine);
            }
        }
        let kinds = table.iter().map(|(_, entry)| kind_image(entry));
        Ok(Image {
            format: IMAGE_FORMAT,
            frame: self.frame,
            generation: table.number(),
            parameters: (*self.parameters).clone(),
            kinds: kinds.collect(),
            causes: self.causes.image(),
            engines,
            ended: self.directory.ended().collect(),
            timers,
            dead_letters: (dead, self.dead.count()),
            keys: KeysImage::default(),
            between: BetweenImage::default(),
        })
    }

    /// An executor that goes on where the one of the image was, with the code of `table`. Runs engine
    /// code: on a thread that is joined before that code is unmapped.
    ///
    /// # Errors
    /// [`ImageError`]; states that were read by then are leaked, safely.
    pub fn from_image(table: Arc<GenerationTable>, image: &Image) -> Result<Self, ImageError> {
        if image.format != IMAGE_FORMAT {
            let format = image.format;
            return Err(ImageError::Format { format });
        }
        let mut executor = Self::with_parameters(table.clone(), image.parameters.clone());
        let most = image.parameters.dead_letters;
        executor.between = image.between.outcome();
        (executor.height, executor.frame) = (image.frame.height, image.frame);
        executor.causes.restore(&image.causes, image.frame.height);
        executor.timers = Timers::from_image(&image.timers);
        executor.keys = Keys::from_image(&image.keys, image.parameters.keys);
        let (kept, count) = &image.dead_letters;
        executor.dead = DeadLetters::restored(kept.iter().map(dead_letter), *count, most);
        let kinds = image.kinds.iter().map(|kind| place_of(kind, &table));
        let kinds = kinds.collect::<Result<Vec<Option<KindIndex>>, _>>()?;
        for engine in &image.engines {
            let kind = kinds.get(engine.kind as usize).copied().flatten();
            let kind = kind.ok_or(ImageError::UnknownKind { engine: engine.id })?;
            if executor.directory.get(engine.id).is_some() {
                return Err(ImageError::Twice { engine: engine.id });
            }
            let slot = slot_of(engine, kind, table.get(kind))?;
            let place = executor.place(slot);
            executor
                .refill(place, &engine.mail)
                .ok_or(ImageError::NoCause { engine: engine.id })?;
        }
        for name in &image.ended {
            let engines = &executor.directory;
            if engines.get(*name).is_some() || engines.has_ended(*name) {
                return Err(ImageError::Twice { engine: *name });
            }
            Arc::make_mut(&mut executor.directory).end_before(*name);
        }
        for ((at, _), timer) in &executor.timers.by_height {
            let at = TimerAt::Height(*at);
            executor.with_slot(timer.engine, |slot| {
                slot.timers.add(timer.id, at, timer.payload.len())
            });
        }
        for ((at, _), timer) in &executor.timers.by_time {
            let at = TimerAt::Time(*at);
            executor.with_slot(timer.engine, |slot| {
                slot.timers.add(timer.id, at, timer.payload.len())
            });
        }
        for timer in executor.timers.iter() {
            let engine = timer.engine;
            if !executor.causes.has(timer.cause) {
                return Err(ImageError::NoCause { engine });
            }
            executor.causes.add_timer(timer.cause);
        }
        Ok(executor)
    }

    /// Puts mail back into the mailbox of the engine that was placed last; not if there is no cause of it.
    fn refill(&mut self, place: Place, mail: &[LetterImage]) -> Option<()> {
        if mail.is_empty() {
            return Some(());
        }
        let chunk: &mut Chunk = &mut self.chunks[place.chunk as usize].write();
        if chunk.active.is_empty() {
            self.active.push(place.chunk);
        }
        chunk.active.push(place.slot);
        for letter in mail {
            if !self.causes.has(letter.cause) {
                return None;
            }
            self.causes
                .add_letter(letter.cause, letter.payload.len(), false);
            self.waiting_bytes += letter.payload.len();
            let start = chunk.arena.len();
            chunk.arena.extend_from_slice(&letter.payload);
            let letter = letter_of(letter, start..chunk.arena.len());
            let slot = &mut chunk.slots[place.slot as usize];
            slot.mail_bytes += letter.payload.len();
            slot.inbox.push(letter);
        }
        self.waiting += mail.len();
        Some(())
    }
}

fn kind_image(entry: &KindEntry) -> KindImage {
    let descriptor = entry.kind.descriptor();
    KindImage {
        name: descriptor.kind.clone(),
        version: descriptor.version,
        schema: descriptor.schema,
    }
}

/// Where the code at hand has a kind; `None` if it lacks it, which matters once there is an engine of it.
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

fn engine_image(
    slot: &Slot,
    entry: Option<&KindEntry>,
    arena: &[u8],
) -> Result<EngineImage, ImageError> {
    let mut witness = None;
    let state = match (&slot.state, entry) {
        (SlotState::Live(instance), Some(entry)) => {
            let failed = |error| ImageError::Encode {
                engine: slot.id,
                error,
            };
            let mut bytes = Vec::new();
            let _about = running::about(slot.id);
            let encoded = entry.kind.encode(instance, &mut bytes);
            encoded.map_err(failed)?;
            if entry.kind.descriptor().crosses_as_bytes {
                witness = Some(entry.kind.witness(instance).map_err(failed)?);
            }
            StateImage::Live(bytes)
        }
        (SlotState::Live(_), None) => return Err(ImageError::UnknownKind { engine: slot.id }),
        (SlotState::Poisoned(poison), _) => StateImage::Poisoned(Poison {
            text: String::new(),
            ..(**poison).clone()
        }),
        // Between two blocks none is away.
        (SlotState::Away, _) => return Err(ImageError::UnknownKind { engine: slot.id }),
    };
    let mail = slot.inbox.iter().map(|letter| letter_image(letter, arena));
    Ok(EngineImage {
        id: slot.id,
        kind: slot.kind.0,
        parent: slot.parent,
        state,
        sent: slot.sent,
        children: slot.children,
        timers_set: slot.timers.set,
        handled: slot.handled,
        ordinal: (slot.ordinal, slot.ordinal_height),
        config: (slot.config.0, slot.config.1.to_vec()),
        config_schema: slot.config_schema,
        config_read: slot.config_read.as_deref().map(<[u8]>::to_vec),
        mail: mail.collect(),
        kept: slot.kept.as_deref().cloned(),
        witness,
    })
}

fn slot_of(
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
    };
    let mut slot = Slot::new(
        engine.id,
        kind,
        engine.parent,
        state,
        (engine.config.0, &engine.config.1),
        engine.config_schema,
    );
    slot.kept = engine.kept.clone().map(Box::new);
    slot.config_read = engine.config_read.as_deref().map(Into::into);
    slot.sent = engine.sent;
    slot.children = engine.children;
    slot.timers = SlotTimers::after(engine.timers_set);
    slot.handled = engine.handled;
    (slot.ordinal, slot.ordinal_height) = engine.ordinal;
    Ok(slot)
}

fn letter_image(letter: &Letter, arena: &[u8]) -> LetterImage {
    LetterImage {
        sender: letter.sender,
        sequence: letter.sequence,
        schema: letter.schema,
        codec: letter.codec,
        is_notice: letter.kind == DeliveryKind::Undelivered,
        ask: letter.ask,
        cause: letter.cause,
        payload: arena[letter.payload.clone()].to_vec(),
    }
}

fn letter_of(letter: &LetterImage, payload: std::ops::Range<usize>) -> Letter {
    let kind = match letter.is_notice {
        true => DeliveryKind::Undelivered,
        false => DeliveryKind::Message,
    };
    Letter {
        sender: letter.sender,
        sequence: letter.sequence,
        schema: letter.schema,
        codec: letter.codec,
        kind,
        ask: letter.ask,
        cause: letter.cause,
        payload,
    }
}

fn dead_letter_image(letter: &DeadLetter) -> DeadLetterImage {
    DeadLetterImage {
        sender: letter.sender,
        to: letter.to,
        reason: letter.reason,
        payload: letter.payload.clone(),
    }
}

fn dead_letter(letter: &DeadLetterImage) -> DeadLetter {
    DeadLetter {
        sender: letter.sender,
        to: letter.to,
        reason: letter.reason,
        payload: letter.payload.clone(),
    }
}

impl Timers {
    fn image(&self) -> TimersImage {
        let timer = |timer: &Timer| TimerImage {
            engine: timer.engine,
            id: timer.id,
            schema: timer.schema,
            cause: timer.cause,
            payload: timer.payload.clone(),
        };
        let by_height = self.by_height.iter();
        let by_time = self.by_time.iter();
        TimersImage {
            by_height: by_height
                .map(|((at, set), it)| (*at, *set, timer(it)))
                .collect(),
            by_time: by_time
                .map(|((at, set), it)| (*at, *set, timer(it)))
                .collect(),
            set: self.set,
        }
    }

    fn from_image(image: &TimersImage) -> Self {
        let timer = |timer: &TimerImage| Timer {
            engine: timer.engine,
            id: timer.id,
            schema: timer.schema,
            cause: timer.cause,
            payload: timer.payload.clone(),
        };
        let mut timers = Self::default();
        timers.set = image.set;
        for (at, order, it) in &image.by_height {
            timers.put(TimerAt::Height(*at), *order, timer(it));
        }
        for (at, order, it) in &image.by_time {
            timers.put(TimerAt::Time(*at), *order, timer(it));
        }
        timers
    }
}
