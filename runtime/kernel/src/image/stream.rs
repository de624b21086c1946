//! An image as a stream of records, as it goes to another process or into a file.
//!
//! ```text
//! stream  = "refit image\n"  format u32  record*
//! record  = what u8          length u32  bytes[length ≤ RECORD_BYTES_MAX]
//!
//! what      0 item · 1 state · 2 end;  + 128: the next record goes on with this one's bytes, which fill theirs
//!
//! items, each in postcard, in this order:
//!           header        newest block, generation, kinds: name, version, schema, hash of the file
//!           parameters
//!           counts        timers ever set, dead letters ever
//!           cause*  name of a stopped engine*  keys of a client*
//!           reply*  event*  log line*          (they leave with the next block)
//!           dead letter*
//!           ( engine      id, kind, counters, configuration, mail in its order
//!             state? )*   of one that serves and was copied: its bytes, as many records as they need
//!           timer by height*  timer by time*   each list in the order they are due
//! end       counts of records, engines and bytes of states, and BLAKE3 of all bytes before this record
//! ```
//!
//! Numbers of the frame are little-endian. There is one stream for one executor and scope: whatever reads back as
//! an item and would be written in other bytes is refused.
//!
//! Neither side holds more than one record's item and one engine's state, which the engine's own code writes and
//! reads as one piece. (The timers of an engine are not beside it: they lie in the order of the node, by which they
//! are delivered.) A reader takes memory as bytes come, never because a length says so.

use super::{IMAGE_FORMAT, ImageError};
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::Explain;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

/// Most bytes of one item or state, over all its records.
pub const PART_BYTES_MAX: usize = 1 << 30;

/// How a stream begins.
pub(super) const BEGIN: &[u8; 12] = b"refit image\n";

/// Bytes before those of a record.
pub(super) const HEAD_BYTES: usize = 5;

/// Added to [`What`] where the next record goes on.
pub(super) const GOES_ON: u8 = 128;

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Item = 0,
    State = 1,
    End = 2,
}

impl What {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Item, Self::State, Self::End]
            .into_iter()
            .find(|what| *what as u8 == byte)
    }
}

/// The last record's count of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Number of engines.
    pub engines: u64,
    /// Bytes of states.
    pub state_bytes: u64,
    /// BLAKE3 of all bytes before the last record.
    pub digest: [u8; 32],
}

/// Why a stream was not written or not read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Its items do not make an executor.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It goes nowhere.
    #[error("the image cannot be written: {source}")]
    Write {
        /// The writer's error.
        source: io::Error,
    },
    /// It comes from nowhere.
    #[error("the image cannot be read: {source}")]
    Read {
        /// The reader's error.
        source: io::Error,
    },
    /// It is something else.
    #[error("this is no image: it does not begin as one")]
    NoImage,
    /// It is of another form.
    #[error("the image is of form {format}, this program reads form {IMAGE_FORMAT}")]
    Format {
        /// The form that it says.
        format: u32,
    },
    /// It ends too soon.
    #[error("the image is cut short after record {record}{}", behind(*engine))]
    Cut {
        /// How many records came whole.
        record: u64,
        /// The engine that came last.
        engine: Option<EngineId>,
    },
    /// A record is not one.
    #[error("record {record} of the image is malformed: {reason}")]
    Malformed {
        /// Its number, from 1.
        record: u64,
        /// The fault in it.
        reason: &'static str,
    },
    /// A record is not in its place.
    #[error("record {record} of the image is out of its order")]
    Order {
        /// Its number, from 1.
        record: u64,
    },
    /// An item or a state is larger than any may be.
    #[error("record {record} of the image makes a part of more than {PART_BYTES_MAX} bytes")]
    TooLarge {
        /// Its number, from 1.
        record: u64,
    },
    /// The end does not count what came.
    #[error("the image says that it has {} records with {} engines, and has {} with {}", said.records, said.engines, found.records, found.engines)]
    Count {
        /// The count at its end.
        said: Box<Tally>,
        /// The count of the records that came.
        found: Box<Tally>,
    },
    /// The bytes are not those that were written.
    #[error("the image is damaged: its bytes do not match the digest at its end")]
    Digest,
}

fn behind(engine: Option<EngineId>) -> String {
    engine.map_or_else(String::new, |engine| format!(", at engine `{engine}`"))
}

impl StreamError {
    /// The engine that it is about.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            Self::Image(error) => error.engine(),
            Self::Cut { engine, .. } => *engine,
            _ => None,
        }
    }
}

impl Explain for StreamError {
    fn code(&self) -> &str {
        match self {
            Self::Image(error) => error.code(),
            Self::Write { .. } => codes::IMAGE_NOT_WRITTEN,
            Self::Read { .. } => codes::IMAGE_NOT_READ,
            Self::NoImage => codes::IMAGE_NONE,
            Self::Format { .. } => codes::IMAGE_FORMAT,
            Self::Cut { .. } => codes::IMAGE_CUT,
            Self::Malformed { .. } => codes::IMAGE_MALFORMED,
            Self::Order { .. } => codes::IMAGE_ORDER,
            Self::TooLarge { .. } => codes::IMAGE_PART_TOO_LARGE,
            Self::Count { .. } => codes::IMAGE_COUNT,
            Self::Digest => codes::IMAGE_DAMAGED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Image(error) => return error.next(),
            Self::Write { .. } => "see whether the reader has ended, and take the image again",
            Self::Read { .. } | Self::Cut { .. } => {
                "see why the writer has ended, and take the image again"
            }
            Self::Format { .. } => "read it with the program that wrote it",
            Self::NoImage
            | Self::Malformed { .. }
            | Self::Order { .. }
            | Self::TooLarge { .. }
            | Self::Count { .. }
            | Self::Digest => "take the image again with this node's code",
        })
    }

    fn engine_name(&self) -> Option<String> {
        self.engine().map(|engine| engine.to_string())
    }
}
