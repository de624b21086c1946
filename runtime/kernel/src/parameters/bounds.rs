//! The groups of [`Parameters`](super::Parameters), each with its defaults.

use crate::limits::{
    BYTES_PER_BLOCK_MAX, BYTES_PER_MESSAGE_MAX, CAUSE_BYTES_MAX, CAUSE_BYTES_PER_BLOCK_MAX,
    CAUSE_BYTES_REGAINED, CAUSE_MESSAGES_MAX, CAUSE_MESSAGES_PER_BLOCK_MAX,
    CAUSE_MESSAGES_REGAINED, CAUSE_ROUNDS_PER_BLOCK_MAX, CAUSE_STARTS_MAX, CAUSE_STARTS_REGAINED,
    DEAD_LETTERS_BYTES_MAX, DEAD_LETTERS_MAX, EFFECT_BYTES_PER_BLOCK_MAX, ENGINES_MAX,
    HANDLED_PER_BLOCK_MAX, MAILBOX_BYTES_MAX, MAILBOX_MESSAGES_MAX, NAMES_MAX, REPLY_BYTES_MAX,
    ROUND_BYTES_MAX, ROUND_DEEDS_MAX, ROUND_EFFECT_BYTES_MAX, ROUNDS_PER_BLOCK_MAX,
    SENDS_PER_MESSAGE_MAX, SPAWN_DEPTH_MAX, SPAWNS_PER_MESSAGE_MAX, STOPS_PER_MESSAGE_MAX,
    TIMER_BYTES_MAX, TIMER_BYTES_PER_ENGINE_MAX, TIMERS_MAX, TIMERS_PER_ENGINE_MAX,
    TOPIC_BYTES_MAX, WAITING_BYTES_KEPT, WAITING_BYTES_MAX, WAITING_MESSAGES_KEPT,
    WAITING_MESSAGES_MAX,
};
use crate::parameters::spent::Spent;
use serde::{Deserialize, Serialize};

/// The most that one block may handle; the rest waits for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockBounds {
    /// Messages that may be handled before the block ends. In the round that would be more, each engine that has mail
    /// gets its part of what is left, and at least one message.
    pub messages: u64,
    /// Bytes of these messages; shared out likewise.
    pub bytes: u64,
    /// Number of rounds.
    pub rounds: u64,
    /// Bytes of replies and events, each charged [`EFFECT_OVERHEAD_BYTES`](crate::limits::EFFECT_OVERHEAD_BYTES) more.
    /// An engine that has used up its part of what is left leaves the rest of its mail for the next block.
    pub effect_bytes: u64,
}

/// The most that all handlers of one round may make together. Half of each is shared out in equal parts among the
/// engines that have mail; of the other half they take in their order what they need beyond that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundBounds {
    /// Messages, events, timers, starts and stops. Past it the engine is refused with `budget`.
    pub deeds: usize,
    /// Their bytes; as above.
    pub bytes: usize,
    /// Bytes of replies and events, charged as in [`BlockBounds::effect_bytes`]. Past it an event is refused as
    /// above, and a reply is lost, which its client is told.
    pub effect_bytes: usize,
}

/// The most work because of one cause: a client's message, the start of a root engine, an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseBounds {
    /// Messages of it that one block handles; the rest of it waits for the next.
    pub messages_per_block: u64,
    /// Bytes of these messages.
    pub bytes_per_block: u64,
    /// Rounds of one block in which a message of it is handled.
    pub rounds_per_block: u64,
    /// In all: past it, sending, setting timers and starting is refused.
    pub in_all: Spent,
    /// The work that each block forgives a cause.
    pub regained: Spent,
}

/// The most that one handled message, or one `init`, may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageBounds {
    /// Messages that it may send. As many events it may emit, and timers set or cancel.
    pub sends: usize,
    /// Bytes that it may send, emit and set timers with.
    pub bytes: usize,
    /// Engines that it may start.
    pub spawns: usize,
    /// Engines that it may stop.
    pub stops: usize,
    /// The longest reply, in bytes; a longer one is dropped, and the client is told.
    pub reply_bytes: usize,
}

/// The most that may wait in mailboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxBounds {
    /// Messages in one engine's mailbox.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Messages in all mailboxes, for what engines send and timers bring.
    pub all_messages: usize,
    /// Their bytes.
    pub all_bytes: usize,
    /// Messages beyond these that clients may send: the mail that engines keep going shuts out no client. Notices of
    /// undelivered messages may take half of it.
    pub kept_messages: usize,
    /// Their bytes.
    pub kept_bytes: usize,
}

/// Which timers may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerBounds {
    /// Timers of the node, looked at when a round begins: what one round sets may exceed it.
    pub all: usize,
    /// Timers of one engine.
    pub per_engine: usize,
    /// Bytes of the timers of the node, looked at likewise.
    pub all_bytes: usize,
    /// Bytes of the timers of one engine.
    pub bytes_per_engine: usize,
}

/// How many engines there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineBounds {
    /// Engines that run.
    pub engines: usize,
    /// Names that are not free: of engines that run and of those that have stopped.
    pub names: usize,
    /// Levels of engines that start engines from their `init`.
    pub spawn_depth: usize,
}

/// The most dead letters that are kept: messages that no engine took and whose sender could not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterBounds {
    /// Letters that are kept; all are counted.
    pub letters: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// The most that leaves with events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBounds {
    /// Longest topic, in bytes; of a longer one the rest is cut.
    pub topic_bytes: usize,
}

impl Default for BlockBounds {
    fn default() -> Self {
        Self {
            messages: HANDLED_PER_BLOCK_MAX,
            bytes: BYTES_PER_BLOCK_MAX,
            rounds: ROUNDS_PER_BLOCK_MAX,
            effect_bytes: EFFECT_BYTES_PER_BLOCK_MAX,
        }
    }
}

impl Default for RoundBounds {
    fn default() -> Self {
        Self {
            deeds: ROUND_DEEDS_MAX,
            bytes: ROUND_BYTES_MAX,
            effect_bytes: ROUND_EFFECT_BYTES_MAX,
        }
    }
}

impl Default for CauseBounds {
    fn default() -> Self {
        Self {
            messages_per_block: CAUSE_MESSAGES_PER_BLOCK_MAX,
            bytes_per_block: CAUSE_BYTES_PER_BLOCK_MAX,
            rounds_per_block: CAUSE_ROUNDS_PER_BLOCK_MAX,
            in_all: Spent {
                messages: CAUSE_MESSAGES_MAX,
                bytes: CAUSE_BYTES_MAX,
                starts: CAUSE_STARTS_MAX,
            },
            regained: Spent {
                messages: CAUSE_MESSAGES_REGAINED,
                bytes: CAUSE_BYTES_REGAINED,
                starts: CAUSE_STARTS_REGAINED,
            },
        }
    }
}

impl Default for MessageBounds {
    fn default() -> Self {
        Self {
            sends: SENDS_PER_MESSAGE_MAX,
            bytes: BYTES_PER_MESSAGE_MAX,
            spawns: SPAWNS_PER_MESSAGE_MAX,
            stops: STOPS_PER_MESSAGE_MAX,
            reply_bytes: REPLY_BYTES_MAX,
        }
    }
}

impl Default for MailboxBounds {
    fn default() -> Self {
        Self {
            messages: MAILBOX_MESSAGES_MAX,
            bytes: MAILBOX_BYTES_MAX,
            all_messages: WAITING_MESSAGES_MAX,
            all_bytes: WAITING_BYTES_MAX,
            kept_messages: WAITING_MESSAGES_KEPT,
            kept_bytes: WAITING_BYTES_KEPT,
        }
    }
}

impl Default for TimerBounds {
    fn default() -> Self {
        Self {
            all: TIMERS_MAX,
            per_engine: TIMERS_PER_ENGINE_MAX,
            all_bytes: TIMER_BYTES_MAX,
            bytes_per_engine: TIMER_BYTES_PER_ENGINE_MAX,
        }
    }
}

impl Default for EngineBounds {
    fn default() -> Self {
        Self {
            engines: ENGINES_MAX,
            names: NAMES_MAX,
            spawn_depth: SPAWN_DEPTH_MAX,
        }
    }
}

impl Default for DeadLetterBounds {
    fn default() -> Self {
        Self {
            letters: DEAD_LETTERS_MAX,
            bytes: DEAD_LETTERS_BYTES_MAX,
        }
    }
}

impl Default for EventBounds {
    fn default() -> Self {
        Self {
            topic_bytes: TOPIC_BYTES_MAX,
        }
    }
}
