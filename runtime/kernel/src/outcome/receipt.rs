//! [`Receipt`]: what a block has brought about, as a hash that two nodes can compare.
//!
//! It is a tree by engine. A leaf is what one engine replied to clients (or was refused them in its name) and what it
//! emitted, each in its order, typed and as postcard; the root is over all leaves. Nothing in it is of one node's or
//! one compiler's making: no text of a panic, no reason of a decoder, no log line, no rendered answer. Two receipts of
//! one height that differ name the engine.

use crate::keys::Asker;
use crate::outcome::{Emitted, Replied};
use crate::reply::error::ReplyError;
use crate::reply::refusal::KeyRefusal;
use refit_abi::{EngineId, Fault, Height, Undelivered};
use serde::{Serialize, Serializer};
use std::fmt;

/// Keeps the hash of a leaf apart from every other hash.
const LEAF_CONTEXT: &str = "refit 2026 receipt of an engine";

/// The same for the root.
const ROOT_CONTEXT: &str = "refit 2026 receipt of a block";

/// Bytes that are hashed at once: enough for the hash to work on many of its chunks of 1,024 side by side.
const HASHED_AT_ONCE_BYTES: usize = 64 << 10;

/// The form of what is hashed; the root begins with it.
const RECEIPT_FORMAT: u8 = 1;

/// The effects of a block, as a hash for each engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The block.
    pub height: Height,
    /// Over the height and all leaves.
    pub root: ReceiptRoot,
    /// The engines that replied, were refused a message or emitted something, in the order of their ids.
    pub engines: Vec<EngineReceipt>,
}

/// The hash of a whole receipt.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptRoot(pub [u8; 32]);

/// One engine's part of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineReceipt {
    /// The engine.
    pub engine: EngineId,
    /// Over its replies and its events.
    pub leaf: LeafHash,
}

/// The hash of one engine's part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafHash(pub [u8; 32]);

/// How two receipts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptDifference {
    /// They are of two heights.
    Height {
        /// The height of the first.
        one: Height,
        /// The height of the second.
        other: Height,
    },
    /// This engine had another effect, or nothing in one of them; it is the first one, by id.
    Engine {
        /// The engine.
        engine: EngineId,
    },
}

/// The outcome of a message, as it is hashed.
#[derive(Serialize)]
enum Outcome<'a> {
    Body(Bytes<'a>),
    Fault(&'a Fault),
    ChangedAtFault(&'a Fault),
    Rejected,
    Panicked,
    RolledBack,
    TooLarge { bytes: u64 },
    Undelivered { reason: Undelivered },
    Key(KeyRefusal),
    NoRoom { bytes: u64 },
}

/// An event as it is hashed.
#[derive(Serialize)]
struct Event<'a> {
    topic: &'a str,
    payload: Bytes<'a>,
}

/// Bytes that are written in one go. In postcard they are what a list of single bytes is.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Before a reply that is hashed, and before an event.
const REPLY: u8 = 0;
const EVENT: u8 = 1;

/// Before the asker of a reply who has a key, and one who has none.
const KEYED: u8 = 0;
const KEYLESS: u8 = 1;

impl Receipt {
    /// Of the block at `height`.
    pub(crate) fn of(height: Height, replies: &[Replied], events: &[Emitted]) -> Self {
        let of_replies = replies.iter().map(|reply| (reply.engine, Of::Reply(reply)));
        let of_events = events.iter().map(|event| (event.engine, Of::Event(event)));
        let mut items: Vec<(EngineId, Of<'_>)> = of_replies.chain(of_events).collect();
        // Stable: each engine's replies in their order, then its events in theirs.
        items.sort_by_key(|(engine, _)| *engine);
        let mut engines = Vec::new();
        let mut leaf = Leaf::new();
        for of_one in items.chunk_by(|(one, _), (other, _)| one == other) {
            let engine = of_one[0].0;
            leaf.begin(engine);
            for (_, item) in of_one {
                leaf.add(*item);
            }
            let leaf = leaf.end();
            engines.push(EngineReceipt { engine, leaf });
        }
        let root = root(height, &engines);
        Self {
            height,
            root,
            engines,
        }
    }

    /// In what another receipt differs from this one.
    pub fn difference(&self, other: &Self) -> Option<ReceiptDifference> {
        if self.height != other.height {
            return Some(ReceiptDifference::Height {
                one: self.height,
                other: other.height,
            });
        }
        let (mut ours, mut theirs) = (self.engines.iter(), other.engines.iter());
        loop {
            let engine = match (ours.next(), theirs.next()) {
                (Some(one), Some(two)) if one == two => continue,
                (Some(one), Some(two)) => one.engine.min(two.engine),
                (Some(one), None) | (None, Some(one)) => one.engine,
                (None, None) => return None,
            };
            return Some(ReceiptDifference::Engine { engine });
        }
    }
}

fn root(height: Height, engines: &[EngineReceipt]) -> ReceiptRoot {
    let mut hasher = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
    hasher.update(&[RECEIPT_FORMAT]);
    hasher.update(&height.0.to_le_bytes());
    for EngineReceipt { engine, leaf } in engines {
        hasher.update(&engine.to_bytes());
        hasher.update(&leaf.0);
    }
    ReceiptRoot(*hasher.finalize().as_bytes())
}

/// The effects of one engine, as the node has them.
#[derive(Clone, Copy)]
enum Of<'a> {
    Reply(&'a Replied),
    Event(&'a Emitted),
}

impl Of<'_> {
    /// Writes it down as postcard. There are many replies: all but what some of them say goes without serde, which
    /// writes hashes byte by byte.
    fn write(self, mut to: Vec<u8>) -> postcard::Result<Vec<u8>> {
        match self {
            Of::Reply(replied) => {
                to.push(REPLY);
                write_head(replied, &mut to);
                postcard::to_extend(&Outcome::of(&replied.outcome), to)
            }
            Of::Event(event) => {
                to.push(EVENT);
                let event = Event {
                    topic: &event.topic,
                    payload: Bytes(&event.payload),
                };
                postcard::to_extend(&event, to)
            }
        }
    }
}

/// All of a reply but what it says.
fn write_head(replied: &Replied, to: &mut Vec<u8>) {
    match replied.asker {
        Asker::Keyed { key, request } => {
            to.push(KEYED);
            to.extend_from_slice(&key.client.to_bytes());
            write_number(key.sequence, to);
            to.extend_from_slice(request.as_bytes());
        }
        Asker::Keyless(entry) => {
            to.push(KEYLESS);
            write_number(entry.height.0, to);
            write_number(entry.index, to);
        }
    }
    write_number(replied.height.0, to);
    write_number(replied.generation.0, to);
    to.push(replied.repeated.into());
}

/// Seven bits in a byte, the lowest first; the highest bit says that there are more.
fn write_number(mut number: u64, to: &mut Vec<u8>) {
    while number >= 1 << 7 {
        to.push(number as u8 | 1 << 7);
        number >>= 7;
    }
    to.push(number as u8);
}

/// The hash of one engine's part in the making; its memory serves the next.
struct Leaf {
    hasher: blake3::Hasher,
    /// The bytes that are not hashed yet.
    buffer: Vec<u8>,
}

impl Leaf {
    fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new_derive_key(LEAF_CONTEXT),
            buffer: Vec::new(),
        }
    }

    fn begin(&mut self, engine: EngineId) {
        self.hasher.reset();
        self.buffer.clear();
        self.buffer.extend_from_slice(&engine.to_bytes());
    }

    /// Adds an item's postcard form, behind its length.
    fn add(&mut self, item: Of<'_>) {
        const LENGTH_BYTES: usize = size_of::<u64>();
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; LENGTH_BYTES]);
        self.buffer = match item.write(std::mem::take(&mut self.buffer)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("an item of a receipt has only sized fields: {error}"),
        };
        let from = start + LENGTH_BYTES;
        let length = (self.buffer.len() - from) as u64;
        self.buffer[start..from].copy_from_slice(&length.to_le_bytes());
        if self.buffer.len() >= HASHED_AT_ONCE_BYTES {
            self.hash();
        }
    }

    fn hash(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }

    fn end(&mut self) -> LeafHash {
        self.hash();
        LeafHash(*self.hasher.finalize().as_bytes())
    }
}

impl<'a> Outcome<'a> {
    fn of(outcome: &'a Result<Vec<u8>, ReplyError>) -> Self {
        match outcome {
            Ok(body) => Outcome::Body(Bytes(body)),
            Err(ReplyError::Fault(fault)) => Outcome::Fault(fault),
            Err(ReplyError::ChangedAtFault(fault)) => Outcome::ChangedAtFault(fault),
            Err(ReplyError::Rejected { .. }) => Outcome::Rejected,
            Err(ReplyError::Panicked { .. }) => Outcome::Panicked,
            Err(ReplyError::RolledBack { .. }) => Outcome::RolledBack,
            Err(ReplyError::TooLarge { bytes, .. }) => Outcome::TooLarge {
                bytes: *bytes as u64,
            },
            Err(ReplyError::Undelivered { reason, .. }) => Outcome::Undelivered { reason: *reason },
            Err(ReplyError::Key(refusal)) => Outcome::Key(*refusal),
            Err(ReplyError::NoRoom { bytes, .. }) => Outcome::NoRoom {
                bytes: *bytes as u64,
            },
        }
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for ReceiptRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for ReceiptRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiptRoot({self})")
    }
}

impl fmt::Debug for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeafHash(")?;
        write_hex(f, &self.0)?;
        f.write_str(")")
    }
}

impl fmt::Display for ReceiptDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiptDifference::Height { one, other } => {
                write!(f, "they are of the blocks {one} and {other}")
            }
            ReceiptDifference::Engine { engine } => {
                write!(f, "engine `{engine}` had another effect")
            }
        }
    }
}

#[cfg(test)]
mod tests;
