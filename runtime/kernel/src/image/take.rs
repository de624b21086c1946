//! An executor's items, in the order of the stream, one at a time.

use super::slot::{engine_image, pieces};
use crate::engines::timers::Timer;
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::image::{
    Counts, DeadLetterImage, ImageError, ImageHeader, ImageScope, Item, KindImage, TimerImage,
};
use crate::outcome::dead_letters::DeadLetter;
use refit_abi::host::running;

/// Takes the items of an image in their order.
pub(super) trait Taker {
    type Error: From<ImageError>;

    /// The next one. A state that serves and was copied is empty in its engine, and comes behind it.
    fn item(&mut self, item: Item) -> Result<(), Self::Error>;

    /// The state of the engine that came just now, in pieces.
    fn state(&mut self, pieces: &mut StatePieces<'_>) -> Result<(), Self::Error>;
}

/// A state's bytes. There is no further piece behind an error.
pub(super) type StatePieces<'a> = dyn Iterator<Item = Result<Vec<u8>, ImageError>> + 'a;

/// The room for the items that still come.
struct BytesLeft {
    left: usize,
    bytes_max: usize,
}

impl BytesLeft {
    fn take(&mut self, bytes: usize) -> Result<(), ImageError> {
        let bytes_max = self.bytes_max;
        let too_large = ImageError::TooLarge { bytes_max };
        self.left = self.left.checked_sub(bytes).ok_or(too_large)?;
        Ok(())
    }
}

/// A taker of so many bytes of what is counted.
struct Bounded<'a, T> {
    taker: &'a mut T,
    room: BytesLeft,
}

impl<T: Taker> Bounded<'_, T> {
    fn item(&mut self, item: Item) -> Result<(), T::Error> {
        self.room.take(item.bytes())?;
        self.taker.item(item)
    }

    fn state(&mut self, pieces: &mut StatePieces<'_>) -> Result<(), T::Error> {
        let room = &mut self.room;
        let mut counted = pieces.map(|piece| {
            let piece = piece?;
            room.take(piece.len())?;
            Ok(piece)
        });
        self.taker.state(&mut counted)
    }
}

impl Executor {
    /// Hands on each item of the image that `scope` asks for. What an engine needs is freed before the next one, and of
    /// its state there is no more than a piece at a time.
    pub(super) fn each_item<T: Taker>(
        &self,
        scope: &ImageScope,
        taker: &mut T,
    ) -> Result<(), T::Error> {
        let (table, bytes_max) = (self.table(), scope.bytes_max);
        let left = bytes_max;
        let mut to = Bounded {
            taker,
            room: BytesLeft { left, bytes_max },
        };
        let mut put = |item: Item| to.item(item);
        put(Item::Header(header(self, scope, &table)))?;
        put(Item::Parameters(Box::new((*self.parameters).clone())))?;
        self.tables(scope, &mut put)?;
        self.each_engine(scope, &table, &mut to)?;
        let mut put = |item: Item| to.item(item);
        let by_height = self.timers.by_height.iter();
        for ((at, order), it) in by_height {
            put(Item::ByHeight(*at, *order, timer(it)))?;
        }
        for ((at, order), it) in &self.timers.by_time {
            put(Item::ByTime(*at, *order, timer(it)))?;
        }
        Ok(())
    }

    /// The items that belong to no engine.
    fn tables<E>(
        &self,
        scope: &ImageScope,
        put: &mut impl FnMut(Item) -> Result<(), E>,
    ) -> Result<(), E> {
        put(Item::Counts(Counts {
            timers_set: self.timers.set,
            dead_letters: self.dead.count(),
        }))?;
        let mut causes = self.causes.images();
        causes.try_for_each(|cause| put(Item::Cause(cause)))?;
        let mut ended = self.engines.directory.ended();
        ended.try_for_each(|name| put(Item::Ended(name)))?;
        if scope.clients {
            let (mut names, between) = (self.keys.images(), &self.between);
            names.try_for_each(|name| put(Item::Name(name)))?;
            let (mut replies, mut events) = (between.replies.iter(), between.events.iter());
            replies.try_for_each(|replied| put(Item::Reply(replied.clone())))?;
            events.try_for_each(|emitted| put(Item::Event(emitted.clone())))?;
            let mut lines = between.logs.iter();
            lines.try_for_each(|line| put(Item::Log(line.clone())))?;
        }
        let mut dead = self.dead.kept();
        dead.try_for_each(|letter| put(Item::DeadLetter(dead_letter(letter))))
    }

    fn each_engine<T: Taker>(
        &self,
        scope: &ImageScope,
        table: &GenerationTable,
        to: &mut Bounded<'_, T>,
    ) -> Result<(), T::Error> {
        for chunk in &self.engines.chunks {
            let chunk = &mut *chunk.write();
            for slot in &mut chunk.slots {
                let entry = table.get(slot.kind);
                let copied = entry.filter(|entry| scope.copies(&entry.kind.descriptor().kind));
                if let Some(entry) = copied {
                    slot.settle(entry, self.settling.update_point);
                }
                let engine = engine_image(slot, copied, &chunk.arena)?;
                to.item(Item::Engine(Box::new(engine)))?;
                if let Some(mut pieces) = copied.and_then(|entry| pieces(slot, entry)) {
                    let _about = running::about(slot.id);
                    to.state(&mut pieces)?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn header(
    executor: &Executor,
    scope: &ImageScope,
    table: &GenerationTable,
) -> ImageHeader {
    let kinds = table.iter().enumerate().map(|(index, (_, entry))| {
        let descriptor = entry.kind.descriptor();
        KindImage {
            name: descriptor.kind.clone(),
            version: descriptor.version,
            schema: descriptor.schema,
            artifact: scope.artifacts.get(index).copied(),
        }
    });
    ImageHeader {
        frame: executor.frame,
        generation: table.number(),
        kinds: kinds.collect(),
    }
}

fn timer(timer: &Timer) -> TimerImage {
    TimerImage {
        engine: timer.engine,
        id: timer.id,
        schema: timer.schema,
        cause: timer.cause,
        payload: timer.payload.clone(),
    }
}

fn dead_letter(letter: &DeadLetter) -> DeadLetterImage {
    DeadLetterImage {
        sender: letter.sender,
        to: letter.to,
        reason: letter.reason,
        payload: letter.payload.clone(),
    }
}
