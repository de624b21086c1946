//! An executor's items, in the order of the stream, one at a time.

use super::engine::engine_image;
use crate::dead_letters::DeadLetter;
use crate::executor::Executor;
use crate::image::{
    Counts, DeadLetterImage, ImageError, ImageHeader, ImageScope, Item, KindImage, TimerImage,
};
use crate::table::GenerationTable;
use crate::timers::Timer;

impl Executor {
    /// Hands on each item of the image that `scope` asks for. What an engine needs is freed before the next one.
    pub(super) fn each_item<E: From<ImageError>>(
        &self,
        scope: &ImageScope,
        mut put: impl FnMut(Item) -> Result<(), E>,
    ) -> Result<(), E> {
        let (table, bytes_max) = (self.table(), scope.bytes_max);
        let mut left = bytes_max;
        let mut put = |item: Item| -> Result<(), E> {
            let too_large = ImageError::TooLarge { bytes_max };
            left = left.checked_sub(item.bytes()).ok_or(too_large)?;
            put(item)
        };
        put(Item::Header(header(self, scope, &table)))?;
        put(Item::Parameters(Box::new((*self.parameters).clone())))?;
        self.tables(scope, &mut put)?;
        self.each_engine(scope, &table, &mut put)?;
        let by_height = self.timers.by_height.iter();
        for ((at, order), it) in by_height {
            put(Item::ByHeight(*at, *order, timer(it)))?;
        }
        for ((at, order), it) in &self.timers.by_time {
            put(Item::ByTime(*at, *order, timer(it)))?;
        }
        Ok(())
    }

    /// What is no engine's.
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
        let mut ended = self.directory.ended();
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

    fn each_engine<E: From<ImageError>>(
        &self,
        scope: &ImageScope,
        table: &GenerationTable,
        put: &mut impl FnMut(Item) -> Result<(), E>,
    ) -> Result<(), E> {
        for chunk in &self.chunks {
            let chunk = &mut *chunk.write();
            for slot in &mut chunk.slots {
                let entry = table.get(slot.kind);
                let copied = entry.filter(|entry| scope.copies(&entry.kind.descriptor().kind));
                if let Some(entry) = copied {
                    slot.settle(entry, self.update_point);
                }
                let engine = engine_image(slot, copied, &chunk.arena)?;
                put(Item::Engine(Box::new(engine)))?;
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
    let kinds = table.iter().enumerate().map(|(place, (_, entry))| {
        let descriptor = entry.kind.descriptor();
        KindImage {
            name: descriptor.kind.clone(),
            version: descriptor.version,
            schema: descriptor.schema,
            artifact: scope.artifacts.get(place).copied(),
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
