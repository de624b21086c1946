//! [`Image`]: an executor as plain data: every engine's state as postcard, the counters that ids and
//! sequences come from, the mail and the timers that wait. No code and no memory of a module is in it.
//!
//! An executor made from it ([`Executor::from_image`](crate::Executor::from_image)) goes on
//! exactly as the one it was taken from, and gives with its next block what an upgrade has left for it.
//!
//! Between processes and files an image is a stream of records, of which neither side ever holds more than one
//! engine: [`stream`] draws it. An [`Image`] is all of them collected, to look into.

pub(crate) mod between;
mod decoding;
mod engine;
mod error;
mod executor;
mod header;
mod item;
mod make;
mod reader;
mod sections;
mod slot;
pub mod stream;
mod take;
mod tree;
mod waiting;
mod writer;

pub use engine::{EngineImage, LetterImage, StateImage};
pub use error::ImageError;
pub use header::{ArtifactHash, ImageHeader, ImageScope, KindImage};
pub(crate) use item::{Counts, Item};
pub use reader::{CopiedExecutor, ImageReader};
pub use sections::{Cut, EngineSection, Section, SectionTaker, cut, state_tree};
pub use tree::{LeafName, STATE_FORM, StateLeaf, StateTree};
pub use waiting::{DeadLetterImage, TimerImage, TimersImage};
pub(crate) use writer::Writer;

use crate::causes::CauseImage;
use crate::image::between::BetweenImage;
use crate::keys::KeysImage;
use crate::parameters::Parameters;
use refit_abi::host::BlockFrame;
use refit_abi::{EngineId, Generation};
use serde::{Deserialize, Serialize};

/// The form of an [`Image`] and of its [`stream`]. Another one is not read. In form 3 no order had a key.
pub const IMAGE_FORMAT: u32 = 4;

/// An executor between two blocks, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// [`IMAGE_FORMAT`].
    pub format: u32,
    /// The newest executed block.
    pub frame: BlockFrame,
    /// The generation that was live.
    pub generation: Generation,
    /// The values that results depend on beside engines and blocks. They hold for an executor made from this,
    /// whatever the configuration of its node says.
    pub parameters: Parameters,
    /// The kinds of that generation, in the order of its table; engines name theirs by its index here.
    pub kinds: Vec<KindImage>,
    /// The causes of mail and timers, in the order of their indices.
    pub causes: Vec<CauseImage>,
    /// All engines, in the order of their places.
    pub engines: Vec<EngineImage>,
    /// Names of engines that have stopped: none of them is free.
    pub ended: Vec<EngineId>,
    /// Messages that wait for their block.
    pub timers: TimersImage,
    /// Dead letters that are kept, oldest first, and how many there were in all.
    pub dead_letters: (Vec<DeadLetterImage>, u64),
    /// Which requests of clients wait, which were answered, and how.
    pub keys: KeysImage,
    /// The effects that leave with the next block.
    pub between: BetweenImage,
}

impl Image {
    /// Of nothing but what the first records say.
    pub(crate) fn new(header: ImageHeader, parameters: Parameters) -> Self {
        Self {
            format: IMAGE_FORMAT,
            frame: header.frame,
            generation: header.generation,
            parameters,
            kinds: header.kinds,
            causes: Vec::new(),
            engines: Vec::new(),
            ended: Vec::new(),
            timers: TimersImage::default(),
            dead_letters: (Vec::new(), 0),
            keys: KeysImage::default(),
            between: BetweenImage::default(),
        }
    }

    /// Adds one more item, in any order.
    pub(crate) fn put(&mut self, item: Item) {
        match item {
            Item::Header(ImageHeader {
                frame,
                generation,
                kinds,
            }) => (self.frame, self.generation, self.kinds) = (frame, generation, kinds),
            Item::Parameters(parameters) => self.parameters = *parameters,
            Item::Counts(counts) => {
                self.timers.set = counts.timers_set;
                self.dead_letters.1 = counts.dead_letters;
            }
            Item::Cause(cause) => self.causes.push(cause),
            Item::Ended(name) => self.ended.push(name),
            Item::Name(name) => self.keys.put(name),
            Item::Reply(replied) => self.between.replies.push(replied),
            Item::Event(emitted) => self.between.events.push(emitted),
            Item::Log(line) => self.between.logs.push(line),
            Item::DeadLetter(letter) => self.dead_letters.0.push(letter),
            Item::Engine(engine) => self.engines.push(*engine),
            Item::ByHeight(at, order, timer) => self.timers.by_height.push((at, order, timer)),
            Item::ByTime(at, order, timer) => self.timers.by_time.push((at, order, timer)),
        }
    }

    /// The state of the engine that came last.
    pub(crate) fn put_state(&mut self, state: Vec<u8>) {
        if let Some(engine) = self.engines.last_mut() {
            engine.state = StateImage::Live(state);
        }
    }

    /// The items after header and parameters, in the order of the stream.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item> + '_ {
        let counts = Counts {
            timers_set: self.timers.set,
            dead_letters: self.dead_letters.1,
        };
        let (between, timers) = (&self.between, &self.timers);
        let by_height = timers.by_height.iter().cloned();
        let by_time = timers.by_time.iter().cloned();
        let engines = self.engines.iter().cloned().map(Box::new);
        std::iter::once(Item::Counts(counts))
            .chain(self.causes.iter().copied().map(Item::Cause))
            .chain(self.ended.iter().copied().map(Item::Ended))
            .chain(self.keys.names().cloned().map(Item::Name))
            .chain(between.replies.iter().cloned().map(Item::Reply))
            .chain(between.events.iter().cloned().map(Item::Event))
            .chain(between.logs.iter().cloned().map(Item::Log))
            .chain(self.dead_letters.0.iter().cloned().map(Item::DeadLetter))
            .chain(engines.map(Item::Engine))
            .chain(by_height.map(|(at, order, timer)| Item::ByHeight(at, order, timer)))
            .chain(by_time.map(|(at, order, timer)| Item::ByTime(at, order, timer)))
    }

    /// Its first record.
    pub(crate) fn header(&self) -> ImageHeader {
        ImageHeader {
            frame: self.frame,
            generation: self.generation,
            kinds: self.kinds.clone(),
        }
    }

    /// Bytes of all that is counted against the bound of an image: states, configurations, messages.
    pub fn bytes(&self) -> usize {
        self.items().map(|item| item.bytes()).sum()
    }
}
