//! The bounds of the kernel, each with its unit.
//!
//! Those that a result depends on are the defaults of [`Parameters`](crate::Parameters), which are state: all are counts
//! or bytes, so that reaching one is the same on every node. The rest (from [`ANSWER_BYTES_MAX`] on) is of this node
//! alone.

use std::time::Duration;

/// Messages that one block handles.
pub const HANDLED_PER_BLOCK_MAX: u64 = 1 << 20;

/// Bytes of the messages that one block handles.
pub const BYTES_PER_BLOCK_MAX: u64 = 256 << 20;

/// Rounds of one block.
pub const ROUNDS_PER_BLOCK_MAX: u64 = 16_384;

/// Messages of one cause that one block handles.
pub const CAUSE_MESSAGES_PER_BLOCK_MAX: u64 = 1 << 17;

/// Bytes of the messages of one cause that one block handles.
pub const CAUSE_BYTES_PER_BLOCK_MAX: u64 = 64 << 20;

/// Rounds of one block in which messages of one cause are handled.
pub const CAUSE_ROUNDS_PER_BLOCK_MAX: u64 = 4_096;

/// Messages and timers of one cause in all.
pub const CAUSE_MESSAGES_MAX: u64 = 1 << 20;

/// Bytes of one cause in all.
pub const CAUSE_BYTES_MAX: u64 = 256 << 20;

/// Engines that are started because of one cause, in all.
pub const CAUSE_STARTS_MAX: u64 = 1 << 16;

/// Messages of a cause that are forgiven with each block: what an engine that ticks for ever may send a block.
pub const CAUSE_MESSAGES_REGAINED: u64 = 64;

/// Bytes of a cause that are forgiven with each block.
pub const CAUSE_BYTES_REGAINED: u64 = 64 << 10;

/// Engines of a cause that are forgiven with each block.
pub const CAUSE_STARTS_REGAINED: u64 = 1;

/// Messages that wait in one engine's mailbox for the next round.
pub const MAILBOX_MESSAGES_MAX: usize = 65_536;

/// Bytes of the messages that wait in one engine's mailbox.
pub const MAILBOX_BYTES_MAX: usize = 64 << 20;

/// Messages that wait in all mailboxes, when an engine sends a further one.
pub const WAITING_MESSAGES_MAX: usize = 1 << 20;

/// Their bytes.
pub const WAITING_BYTES_MAX: usize = 256 << 20;

/// Messages beyond these for which there is room if they come from clients; half of it also for notices of
/// undelivered messages.
pub const WAITING_MESSAGES_KEPT: usize = 1 << 17;

/// Their bytes.
pub const WAITING_BYTES_KEPT: usize = 64 << 20;

/// Messages that one handled message may send.
pub const SENDS_PER_MESSAGE_MAX: usize = 16_384;

/// Bytes that one handled message may send, emit and set timers with.
pub const BYTES_PER_MESSAGE_MAX: usize = 8 << 20;

/// Engines that one handled message may start.
pub const SPAWNS_PER_MESSAGE_MAX: usize = 16_384;

/// Engines that one handled message may stop.
pub const STOPS_PER_MESSAGE_MAX: usize = 16_384;

/// Longest reply to one message, in bytes.
pub const REPLY_BYTES_MAX: usize = 64 << 20;

/// Messages that all handlers of one round send together, and events, timers, starts and stops: twice what may wait, so
/// that what goes on from all that waits has room.
pub const ROUND_DEEDS_MAX: usize = 2 * WAITING_MESSAGES_MAX;

/// Bytes of these.
pub const ROUND_BYTES_MAX: usize = 2 * WAITING_BYTES_MAX;

/// Bytes of the replies and events of one round, each charged [`EFFECT_OVERHEAD_BYTES`] more.
pub const ROUND_EFFECT_BYTES_MAX: usize = 256 << 20;

/// Bytes of replies and events after which a block ends, charged likewise: so that they soon leave, and others' messages
/// come in between.
pub const EFFECT_BYTES_PER_BLOCK_MAX: u64 = 16 << 20;

/// The cost of a reply or an event beside its bytes, in bytes: it bounds the number of empty ones too.
pub const EFFECT_OVERHEAD_BYTES: usize = 128;

/// Levels of engines that start engines from their `init`, below the one that a handler or the
/// configuration starts: each level is a nested call.
pub const SPAWN_DEPTH_MAX: usize = 32;

/// Engines of one node; those that have stopped are none.
pub const ENGINES_MAX: usize = 1 << 24;

/// Names that are not free: of engines that run and of engines that have stopped, whose names never come back.
pub const NAMES_MAX: usize = 1 << 24;

/// Timers of one node that may wait when a handler sets a further one, looked at when its round begins. (What is set
/// in one round may exceed it: a timer that was promised is kept.)
pub const TIMERS_MAX: usize = 1 << 20;

/// Timers of one engine that may wait: so that one cannot take the room of all.
pub const TIMERS_PER_ENGINE_MAX: usize = 1 << 16;

/// Bytes of the timers of one engine that may wait.
pub const TIMER_BYTES_PER_ENGINE_MAX: usize = 16 << 20;

/// Bytes of the timers of one node, looked at as their number is.
pub const TIMER_BYTES_MAX: usize = 128 << 20;

/// Bytes of the dead letters that are kept.
pub const DEAD_LETTERS_BYTES_MAX: usize = 16 << 20;

/// Dead letters that are kept; all are counted.
pub const DEAD_LETTERS_MAX: usize = 1_024;

/// Longest topic of an event, in bytes; of a longer one the rest is cut.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Clients that may send under keys: whose names are kept. Those who come by one way get half of these places at most.
pub const CLIENTS_MAX: usize = 65_536;

/// How long the name of a client that sends under keys is kept after its last message, at least, in blocks.
pub const NAME_KEPT_BLOCKS: u64 = 100_000;

/// Messages of one client that may wait under keys.
pub const WAITING_KEYS_PER_CLIENT_MAX: usize = 8_192;

/// Answered keys of one client that are kept: how far it may number ahead of its own oldest repeat.
pub const ANSWERED_KEYS_PER_CLIENT_MAX: usize = 1_024;

/// Bytes of the answers that are kept of all clients, each charged [`KEY_OVERHEAD_BYTES`] more.
pub const REPLIES_BYTES_MAX: usize = 64 << 20;

/// Bytes of these that one client may have.
pub const REPLIES_BYTES_PER_CLIENT_MAX: usize = 4 << 20;

/// Largest single answer that is kept, in bytes. A longer one is given once, and its request is not done again.
pub const REPLY_KEPT_BYTES_MAX: usize = 1 << 20;

/// The cost of an answered key beside the bytes of its answer, in bytes: it bounds the number of empty answers too.
pub const KEY_OVERHEAD_BYTES: usize = 160;

/// The charge for an order's effect, in bytes: the size of the longest.
pub const DONE_BYTES: usize = 40;

/// Causes of an image that are read: there are no more than messages and timers that wait.
pub const CAUSES_MAX: usize = 1 << 22;

// From here on: of this node alone. No result depends on them.

/// Longest answer to one query, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Longest text of a panic that is kept with a poisoned engine, in bytes; of a longer one the rest is cut.
pub const POISON_TEXT_BYTES_MAX: usize = 1_024;

/// Log lines of one block that are kept; the rest is counted.
pub const LOG_LINES_PER_BLOCK_MAX: usize = 1_024;

/// Troubles of one block that are kept for the log; all are counted.
pub const TROUBLES_PER_BLOCK_MAX: usize = 64;

/// Longest log line of an engine that is kept, in bytes; of a longer one the rest is cut.
pub const LOG_LINE_BYTES_MAX: usize = 4_096;

/// Engines whose state lies in one chunk: the unit that a worker claims.
pub const CHUNK_ENGINES: usize = 64;

/// Letters that go over to an engine's code in one call: what is written for a call stays in the processor's cache, and
/// no allocation for it is large.
pub const BATCH_LETTERS_MAX: usize = 256;

/// A round with fewer messages runs on the leader alone: waking a worker costs more.
pub const PARALLEL_MESSAGES_MIN: usize = 512;

/// Chunks that one step of the sweep visits before it looks at the commands again.
pub const SWEEP_CHUNKS_PER_STEP: usize = 16;

/// Chunks that one step of giving memory back visits.
pub const SPARE_CHUNKS_PER_STEP: usize = 16;

/// Blocks after which such a step is made, however busy the node is.
pub const BLOCKS_PER_SPARE_STEP: u64 = 16;

/// Bytes of a list that are kept whether they are needed or not.
pub const LIST_BYTES_KEPT: usize = 4 << 10;

/// Engines up to which the map from their ids to their places is made smaller, which is one step.
pub const DIRECTORY_SHRUNK_MAX: usize = 1 << 16;

/// Time without a command after which a crew gives back all that the blocks before do not need any more.
pub const QUIET: Duration = Duration::from_secs(1);

/// Blocks that a crew still executes after it has run a pause, while there is always something to do.
pub const LEAD_ON_BLOCKS_MAX: usize = 64;

/// How long it does so.
pub const LEAD_ON_MAX: Duration = Duration::from_secs(1);

/// Commands that wait for a crew.
pub const COMMANDS_MAX: usize = 1_024;

/// Stack of a thread that runs engine code, in bytes. Address space: memory is taken as far as the thread
/// comes. States of recursive types are written, read and dropped by recursion, so this is how deep they may
/// be before a thread with a large stack is started for them.
pub const ENGINE_STACK_BYTES: usize = 64 << 20;

/// Bytes of it that are written when the thread starts: memory that is taken in the pause would count there.
pub const ENGINE_STACK_TOUCHED_BYTES: usize = 64 << 10;

/// Memory that a crew takes before a pause for what is made in it, at most, in bytes.
pub const RESERVE_BYTES_MAX: usize = 256 << 20;

/// Of that in one step between two blocks: less than a millisecond's work.
pub const RESERVE_STEP_BYTES: usize = 1 << 20;

/// Bytes of one piece of it: small enough that allocators take it from the thread's own heap.
pub const RESERVE_PIECE_BYTES: usize = 64 << 10;

/// Worker threads of one crew.
pub const WORKERS_MAX: usize = 64;

/// Most bytes of one record. What is longer goes on in the next one.
pub const RECORD_BYTES_MAX: usize = 256 << 10;

/// A state of so many bytes is decoded on a thread of its own where that is asked for: it takes longer than the thread's
/// start.
pub const DECODED_APART_BYTES_MIN: usize = 256 << 10;

/// States that are decoded at once there: each holds its bytes until it is.
pub const DECODED_AT_ONCE_MAX: usize = 2;

/// Items that wait there for the engine before them.
pub const WAITING_ITEMS_MAX: usize = 1_024;

/// Bytes of items beside the engines after which a section of an image ends; one item may be longer.
pub const SECTION_BYTES: usize = 1 << 20;
