//! [`Spent`]: the work done because of one cause, and the most of it that may be.

use serde::{Deserialize, Serialize};

/// The work done because of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Messages sent and timers set.
    pub messages: u64,
    /// Their bytes, and those of events.
    pub bytes: u64,
    /// Engines started.
    pub starts: u64,
}
