//! [`Budget`]: how much the message that is being handled may still ask of the node.

use crate::raw::RawBudget;

/// How much the message that is being handled may still ask of the node: see
/// [`Context::budget_left`](crate::Context::budget_left). All are counts or bytes, the same on every node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Messages to other engines, of 16,384.
    pub messages: u64,
    /// Bytes of messages, configurations, timers and events together, of 8 MiB.
    pub bytes: u64,
    /// Engines to start, of 16,384.
    pub spawns: u64,
    /// Timers to set, of 16,384; fewer when the engine is near the 65,536 that it may have waiting, or the node near
    /// its 1,048,576.
    pub timers: u64,
    /// Events to emit, of 16,384.
    pub events: u64,
}

impl From<RawBudget> for Budget {
    fn from(raw: RawBudget) -> Self {
        Self {
            messages: raw.messages,
            bytes: raw.bytes,
            spawns: raw.spawns,
            timers: raw.timers,
            events: raw.events,
        }
    }
}
