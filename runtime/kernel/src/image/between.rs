//! [`BetweenImage`]: the effects since the newest block, which leave the node with the next one.
//!
//! Counts and troubles are not in it: they are for the log and the metrics, and no result depends on them.

use crate::outcome::{Emitted, LogLine, Replied};
use serde::{Deserialize, Serialize};

/// Effects of an upgrade, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BetweenImage {
    /// The answers to clients whose messages the upgrade gave up.
    pub replies: Vec<Replied>,
    /// The events that `init` of engines emitted.
    pub events: Vec<Emitted>,
    /// The lines that it logged.
    pub logs: Vec<LogLine>,
}
