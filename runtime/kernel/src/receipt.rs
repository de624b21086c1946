//! [`Receipt`]: what a block has brought about, as a hash that two nodes can compare.
//!
//! It is a tree by engine. A leaf is what one engine replied to clients (or was refused them in its name) and what it
//! emitted, each in its order, typed and as postcard; the root is over all leaves. Nothing in it is of one node's or
//! one compiler's making: no text of a panic, no reason of a decoder, no log line, no rendered answer. Two receipts of
//! one height that differ name the engine.

use crate::keys::{Asker, KeyRefusal};
use crate::outcome::{Emitted, Replied, ReplyError};
use refit_abi::{ClientId, EngineId, Fault, Generation, Height, Undelivered};
use serde::Serialize;
use std::fmt;

/// Keeps the hash of a leaf apart from every other hash.
const LEAF_CONTEXT: &str = "refit 2026 receipt of an engine";

/// The same for the root.
const ROOT_CONTEXT: &str = "refit 2026 receipt of a block";

/// The form of what is hashed; the root begins with it.
const RECEIPT_FORMAT: u8 = 1;

/// What a block has brought about.
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
        /// That of the first.
        one: Height,
        /// That of the second.
        other: Height,
    },
    /// This engine brought about something else, or nothing in one of them; it is the first one, by id.
    Engine {
        /// The engine.
        engine: EngineId,
    },
}

/// A reply as it is hashed.
#[derive(Serialize)]
struct Reply<'a> {
    asker: ReplyTo,
    height: Height,
    generation: Generation,
    repeated: bool,
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
enum ReplyTo {
    Keyed {
        client: ClientId,
        sequence: u64,
        request: crate::RequestDigest,
    },
    Keyless {
        height: Height,
        index: u64,
    },
}

#[derive(Serialize)]
enum Outcome<'a> {
    Body(&'a [u8]),
    Fault(&'a Fault),
    ChangedAtFault(&'a Fault),
    Rejected,
    Panicked,
    RolledBack,
    TooLarge { bytes: u64 },
    Undelivered { reason: Undelivered },
    Key(KeyRefusal),
}

/// An event as it is hashed.
#[derive(Serialize)]
struct Event<'a> {
    topic: &'a str,
    payload: &'a [u8],
}

/// One thing that an engine brought about.
#[derive(Serialize)]
enum Item<'a> {
    Reply(Reply<'a>),
    Event(Event<'a>),
}

impl Receipt {
    /// Of the block at `height`.
    pub(crate) fn of(height: Height, replies: &[Replied], events: &[Emitted]) -> Self {
        let of_replies = replies
            .iter()
            .map(|reply| (reply.engine, Item::reply(reply)));
        let of_events = events
            .iter()
            .map(|event| (event.engine, Item::event(event)));
        let mut items: Vec<(EngineId, Item<'_>)> = of_replies.chain(of_events).collect();
        // Stable: each engine's replies in their order, then its events in theirs.
        items.sort_by_key(|(engine, _)| *engine);
        let mut engines = Vec::new();
        let mut hasher = blake3::Hasher::new_derive_key(LEAF_CONTEXT);
        let mut buffer = Vec::new();
        for of_one in items.chunk_by(|(one, _), (other, _)| one == other) {
            let engine = of_one[0].0;
            hasher.reset();
            hasher.update(&engine.to_bytes());
            for (_, item) in of_one {
                buffer = item.bytes(buffer);
                hasher.update(&(buffer.len() as u64).to_le_bytes());
                hasher.update(&buffer);
            }
            let leaf = LeafHash(*hasher.finalize().as_bytes());
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

impl<'a> Item<'a> {
    fn reply(replied: &'a Replied) -> Self {
        let asker = match replied.asker {
            Asker::Keyed { key, request } => ReplyTo::Keyed {
                client: key.client,
                sequence: key.sequence,
                request,
            },
            Asker::Keyless(entry) => ReplyTo::Keyless {
                height: entry.height,
                index: entry.index,
            },
        };
        Self::Reply(Reply {
            asker,
            height: replied.height,
            generation: replied.generation,
            repeated: replied.repeated,
            outcome: Outcome::of(&replied.outcome),
        })
    }

    fn event(event: &'a Emitted) -> Self {
        Self::Event(Event {
            topic: &event.topic,
            payload: &event.payload,
        })
    }

    /// Its postcard form, in the memory of the one before.
    fn bytes(&self, mut buffer: Vec<u8>) -> Vec<u8> {
        buffer.clear();
        match postcard::to_extend(self, buffer) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("an item of a receipt has only sized fields: {error}"),
        }
    }
}

impl<'a> Outcome<'a> {
    fn of(outcome: &'a Result<Vec<u8>, ReplyError>) -> Self {
        match outcome {
            Ok(body) => Outcome::Body(body),
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
                write!(f, "engine `{engine}` brought about something else")
            }
        }
    }
}

#[cfg(test)]
mod tests;
