//! [`Trouble`]: something that went wrong in a block and is in no reply that a client reads, for the node's log.

use crate::generation::table::KindEntry;
use crate::limits::TROUBLES_PER_BLOCK_MAX;
use crate::outcome::dead_letters::DeadLetter;
use refit_abi::{EngineId, Sender, Undelivered};

/// Something that went wrong with an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The engine.
    pub engine: EngineId,
    /// Its kind, and the version of its state; `None` if there is no such engine.
    pub kind: Option<(String, u32)>,
    /// The kind of trouble.
    pub what: Wrong,
}

/// The kinds of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// It answered the message of a timer or of another engine with a fault. Clients' are only counted: the client
    /// has it in its reply.
    Faulted {
        /// The sender of the message.
        sender: Sender,
        /// That message's sequence.
        sequence: u64,
        /// The fault's code.
        code: String,
    },
    /// It answered with a fault and had changed its state: checked only on a node with `check_faults`.
    ChangedAtFault {
        /// The sender of the message.
        sender: Sender,
        /// That message's sequence.
        sequence: u64,
    },
    /// It panicked, and its state is again as it was before the message.
    RolledBack {
        /// The sender of the message.
        sender: Sender,
        /// That message's sequence.
        sequence: u64,
        /// The panic's text.
        text: String,
    },
    /// It handled a message, and its reply was too long to be passed on.
    TooLarge {
        /// The sender of the message.
        sender: Sender,
        /// That message's sequence.
        sequence: u64,
        /// The reply's length.
        bytes: usize,
        /// As long as it may be.
        bytes_max: usize,
    },
    /// It handled a message, and its reply is lost: the round had no room for it.
    NoRoom {
        /// The sender of the message.
        sender: Sender,
        /// That message's sequence.
        sequence: u64,
        /// The reply's length.
        bytes: usize,
        /// As much as all replies and events of the round may have.
        bytes_max: usize,
    },
    /// It is poisoned: it takes no messages any more.
    Poisoned {
        /// The sender of the message; `None` if it was no message, but the settling of a migrated state.
        sender: Option<Sender>,
        /// That message's sequence.
        sequence: u64,
        /// The panic's text.
        text: String,
    },
    /// A message for it became a dead letter: its sender could not be told.
    DeadLetter {
        /// The sender.
        sender: Sender,
        /// Why it was not taken.
        reason: Undelivered,
    },
}

impl Trouble {
    pub(crate) fn of(engine: EngineId, entry: Option<&KindEntry>, what: Wrong) -> Self {
        let kind = entry.map(|entry| {
            let descriptor = entry.kind.descriptor();
            (descriptor.kind.clone(), descriptor.version)
        });
        Self { engine, kind, what }
    }

    pub(crate) fn buried(letter: &DeadLetter, entry: Option<&KindEntry>) -> Self {
        let (sender, reason) = (letter.sender, letter.reason);
        Self::of(letter.to, entry, Wrong::DeadLetter { sender, reason })
    }
}

/// Keeps a trouble if there is room.
pub(crate) fn keep(kept: &mut Vec<Trouble>, trouble: impl FnOnce() -> Trouble) {
    if kept.len() < TROUBLES_PER_BLOCK_MAX {
        kept.push(trouble());
    }
}
