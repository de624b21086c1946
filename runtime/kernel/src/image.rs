//! [`Image`]: an executor as plain data: every engine's state as postcard, the counters that ids and
//! sequences come from, the mail and the timers that wait. No code and no memory of a module is in it.
//!
//! An executor made from it ([`Executor::from_image`](crate::Executor::from_image)) goes on
//! exactly as the one it was taken from, and gives with its next block what an upgrade has left for it.

use crate::between::BetweenImage;
use crate::causes::{CauseIndex, Spent};
use crate::kept::Kept;
use crate::keys::{Ask, KeysImage};
use crate::parameters::Parameters;
use crate::slot::Poison;
use refit_abi::host::{BlockFrame, CallError, Witness};
use refit_abi::raw::Codec;
use refit_abi::schema::SchemaId;
use refit_abi::{BlockTime, EngineId, Generation, Height, Sender, TimerId, Undelivered};
use serde::{Deserialize, Serialize};

/// The form of an [`Image`]. Another one is not read.
pub const IMAGE_FORMAT: u32 = 1;

/// An executor between two blocks, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// [`IMAGE_FORMAT`].
    pub format: u32,
    /// The newest executed block.
    pub frame: BlockFrame,
    /// The generation that was live.
    pub generation: Generation,
    /// What results depend on beside engines and blocks. They hold for an executor made from this, whatever the
    /// configuration of its node says.
    pub parameters: Parameters,
    /// The kinds of that generation, in the order of its table; engines name theirs by its place here.
    pub kinds: Vec<KindImage>,
    /// What mail and timers came from, in the order of their places.
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
    /// What leaves with the next block.
    pub between: BetweenImage,
}

/// One kind in an [`Image`]: what the states of its engines are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindImage {
    /// Its name.
    pub name: String,
    /// The version of its state.
    pub version: u32,
    /// The schema of its state.
    pub schema: SchemaId,
}

/// One cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseImage {
    /// Its place.
    pub place: CauseIndex,
    /// What has been done because of it, less what blocks have forgiven.
    pub spent: Spent,
}

/// One engine in an [`Image`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineImage {
    /// Its id.
    pub id: EngineId,
    /// The place of its kind in [`Image::kinds`].
    pub kind: u32,
    /// Who spawned it; `None` for a root engine.
    pub parent: Option<EngineId>,
    /// Its state.
    pub state: StateImage,
    /// Messages it has sent over its life.
    pub sent: u64,
    /// Engines it has spawned over its life.
    pub children: u64,
    /// Timers it has set over its life.
    pub timers_set: u64,
    /// Messages it has handled over its life.
    pub handled: u64,
    /// Messages it has handled in the block at the height beside it.
    pub ordinal: (u64, Height),
    /// What it was started with.
    pub config: (Codec, Vec<u8>),
    /// The schema that its code's configuration had then.
    pub config_schema: SchemaId,
    /// A configuration in JSON, as its code read it then, in postcard.
    pub config_read: Option<Vec<u8>>,
    /// Its mail, in order.
    pub mail: Vec<LetterImage>,
    /// Its state before the upgrade that could not settle it, if that has poisoned it.
    pub kept: Option<Kept>,
    /// What its state says it is, if it crosses as bytes: whoever reads the bytes must come to the same.
    pub witness: Option<Witness>,
}

/// A state in an [`Image`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateImage {
    /// It serves; the state as postcard.
    Live(Vec<u8>),
    /// It panicked; without the panic's text.
    Poisoned(Poison),
}

/// One message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterImage {
    /// Who sent it.
    pub sender: Sender,
    /// The sender's count.
    pub sequence: u64,
    /// The schema of its payload.
    pub schema: SchemaId,
    /// How the payload is written.
    pub codec: Codec,
    /// Whether it tells of a message that was not delivered.
    pub is_notice: bool,
    /// How it is answered, if it is a client's.
    pub ask: Option<Ask>,
    /// What it came from: one of [`Image::causes`].
    pub cause: CauseIndex,
    /// The payload.
    pub payload: Vec<u8>,
}

/// The timers of an [`Image`], each list in the order they are due.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimersImage {
    /// By height.
    pub by_height: Vec<(Height, u64, TimerImage)>,
    /// By block time.
    pub by_time: Vec<(BlockTime, u64, TimerImage)>,
    /// How many were ever set: the next one's number.
    pub set: u64,
}

/// One timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerImage {
    /// Whose it is.
    pub engine: EngineId,
    /// Its number among that engine's.
    pub id: TimerId,
    /// The schema of its payload.
    pub schema: SchemaId,
    /// What it came from: one of [`Image::causes`].
    pub cause: CauseIndex,
    /// The payload.
    pub payload: Vec<u8>,
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterImage {
    /// Who sent it.
    pub sender: Sender,
    /// To whom.
    pub to: EngineId,
    /// Why it was not taken.
    pub reason: Undelivered,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Why an image cannot be taken, or no executor can be made from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A state cannot be written.
    #[error("the state of engine `{engine}` cannot be written: {error}")]
    Encode {
        /// The engine.
        engine: EngineId,
        /// How it fails.
        error: CallError,
    },
    /// A state cannot be read.
    #[error("the state of engine `{engine}` cannot be read by the code at hand: {error}")]
    Decode {
        /// The engine.
        engine: EngineId,
        /// How it fails.
        error: CallError,
    },
    /// It is of another form.
    #[error("the image is of form {format}, this program reads form {IMAGE_FORMAT}")]
    Format {
        /// The form that it says.
        format: u32,
    },
    /// The code at hand has other states.
    #[error(
        "the states of kind `{kind}` are of schema {image}, those of the code at hand of {code}"
    )]
    OtherState {
        /// The kind.
        kind: String,
        /// As the image says.
        image: SchemaId,
        /// As the code says.
        code: SchemaId,
    },
    /// The code at hand lacks a kind.
    #[error("engine `{engine}` is of a kind that the code at hand does not have")]
    UnknownKind {
        /// The engine.
        engine: EngineId,
    },
    /// A cause is not there.
    #[error("what waits for engine `{engine}` came from a cause that is not in the image")]
    NoCause {
        /// The engine.
        engine: EngineId,
    },
    /// Two engines have one id.
    #[error("engine `{engine}` is in the image twice")]
    Twice {
        /// The engine.
        engine: EngineId,
    },
    /// It is larger than the caller allows.
    #[error("the states and the messages that wait are larger than {bytes_max} bytes")]
    TooLarge {
        /// As many as are allowed.
        bytes_max: usize,
    },
}

impl ImageError {
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        if let Some((code, _)) = self.of_the_state() {
            return code;
        }
        match self {
            ImageError::Encode { .. } => "state-not-written",
            ImageError::Decode { .. } => "state-not-read",
            ImageError::Format { .. } => "image-format",
            ImageError::OtherState { .. } => "image-other-state",
            ImageError::UnknownKind { .. } => "image-unknown-kind",
            ImageError::NoCause { .. } => "image-no-cause",
            ImageError::Twice { .. } => "image-engine-twice",
            ImageError::TooLarge { .. } => "image-too-large",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        if let Some((_, next)) = self.of_the_state() {
            return next;
        }
        match self {
            ImageError::Encode { .. } | ImageError::Decode { .. } => {
                "mend what the engine's #[state(serde)] fields write and read"
            }
            ImageError::Format { .. }
            | ImageError::OtherState { .. }
            | ImageError::UnknownKind { .. }
            | ImageError::NoCause { .. }
            | ImageError::Twice { .. } => "take the image again with this node's code",
            ImageError::TooLarge { .. } => "allow a larger image",
        }
    }

    fn of_the_state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            ImageError::Encode { error, .. } | ImageError::Decode { error, .. } => {
                error.of_the_state()
            }
            _ => None,
        }
    }

    /// The engine that it is about.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            ImageError::Encode { engine, .. }
            | ImageError::Decode { engine, .. }
            | ImageError::UnknownKind { engine }
            | ImageError::NoCause { engine }
            | ImageError::Twice { engine } => Some(*engine),
            ImageError::Format { .. }
            | ImageError::OtherState { .. }
            | ImageError::TooLarge { .. } => None,
        }
    }
}

impl TimersImage {
    /// Bytes of all their messages.
    pub(crate) fn bytes(&self) -> usize {
        let timers = self.by_height.iter().map(|(_, _, timer)| timer);
        let timers = timers.chain(self.by_time.iter().map(|(_, _, timer)| timer));
        timers.map(|timer| timer.payload.len()).sum()
    }
}

impl EngineImage {
    /// Bytes of its state, its configuration and its mail.
    pub(crate) fn bytes(&self) -> usize {
        let state = match &self.state {
            StateImage::Live(bytes) => bytes.len(),
            StateImage::Poisoned(_) => 0,
        };
        let mail = self.mail.iter().map(|letter| letter.payload.len());
        let read = self.config_read.as_ref().map_or(0, Vec::len);
        let kept = self.kept.as_ref().map_or(0, |kept| kept.state.len());
        state + kept + self.config.1.len() + read + mail.sum::<usize>()
    }
}

impl Image {
    /// Bytes of all that is counted against the bound of an image: states, configurations, messages.
    pub fn bytes(&self) -> usize {
        let engines: usize = self.engines.iter().map(EngineImage::bytes).sum();
        let (dead, _) = &self.dead_letters;
        let dead: usize = dead.iter().map(|letter| letter.payload.len()).sum();
        engines + self.timers.bytes() + dead + self.keys.bytes() + self.between.bytes()
    }

    /// Bytes of all live states.
    pub fn state_bytes(&self) -> usize {
        let bytes = |engine: &EngineImage| match &engine.state {
            StateImage::Live(bytes) => bytes.len(),
            StateImage::Poisoned(_) => 0,
        };
        self.engines.iter().map(bytes).sum()
    }
}
