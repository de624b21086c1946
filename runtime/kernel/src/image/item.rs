//! [`Item`]: one of the parts that an image consists of, small but for an engine's.

use super::{DeadLetterImage, EngineImage, ImageHeader, TimerImage};
use crate::causes::CauseImage;
use crate::keys::NameImage;
use crate::outcome::{Emitted, LogLine, Replied};
use crate::parameters::Parameters;
use refit_abi::{BlockTime, EngineId, Height};
use serde::{Deserialize, Serialize};

/// One part of an image. The variants are in the order in which they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Item {
    Header(ImageHeader),
    Parameters(Box<Parameters>),
    Counts(Counts),
    Cause(CauseImage),
    /// The name of an engine that has stopped.
    Ended(EngineId),
    Name(NameImage),
    Reply(Replied),
    Event(Emitted),
    Log(LogLine),
    DeadLetter(DeadLetterImage),
    Engine(Box<EngineImage>),
    ByHeight(Height, u64, TimerImage),
    ByTime(BlockTime, u64, TimerImage),
}

/// The counts over the life of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Timers that were ever set.
    pub(crate) timers_set: u64,
    /// Dead letters that there ever were.
    pub(crate) dead_letters: u64,
}

impl Item {
    /// Its place in the order of the stream. The first three come once, each other one any number of times.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Header(_) => 0,
            Self::Parameters(_) => 1,
            Self::Counts(_) => 2,
            Self::Cause(_) => 3,
            Self::Ended(_) => 4,
            Self::Name(_) => 5,
            Self::Reply(_) => 6,
            Self::Event(_) => 7,
            Self::Log(_) => 8,
            Self::DeadLetter(_) => 9,
            Self::Engine(_) => 10,
            Self::ByHeight(..) => 11,
            Self::ByTime(..) => 12,
        }
    }

    /// The name of all items of its rank.
    pub(crate) fn sort(&self) -> &'static str {
        match self {
            Self::Header(_) | Self::Parameters(_) | Self::Counts(_) => "beginning",
            Self::Cause(_) => "causes",
            Self::Ended(_) => "stopped",
            Self::Name(_) => "keys",
            Self::Reply(_) => "replies",
            Self::Event(_) => "events",
            Self::Log(_) => "log-lines",
            Self::DeadLetter(_) => "dead-letters",
            Self::Engine(_) => "engine",
            Self::ByHeight(..) => "timers-by-height",
            Self::ByTime(..) => "timers-by-time",
        }
    }

    /// Whether it may come behind an item of this rank.
    pub(crate) fn may_follow(&self, before: Option<u8>) -> bool {
        let rank = self.rank();
        match before {
            None => rank == 0,
            Some(before) if before < 2 => rank == before + 1,
            Some(before) => rank > 2 && rank >= before,
        }
    }

    /// The bytes of it that count against the bound of an image.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Header(_) | Self::Parameters(_) | Self::Counts(_) => 0,
            Self::Cause(_) | Self::Ended(_) => 0,
            Self::Name(name) => name.bytes(),
            Self::Reply(replied) => replied.outcome.as_ref().map_or(0, Vec::len),
            Self::Event(event) => event.topic.len() + event.payload.len(),
            Self::Log(line) => line.line.len(),
            Self::DeadLetter(letter) => letter.payload.len(),
            Self::Engine(engine) => engine.bytes(),
            Self::ByHeight(_, _, timer) | Self::ByTime(_, _, timer) => timer.payload.len(),
        }
    }
}
