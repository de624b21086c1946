//! [`BetweenImage`]: what has happened since the newest block and leaves the node with the next one.
//!
//! Counts and troubles are not in it: they are for whoever looks on, and no result depends on them.

use crate::outcome::{BlockOutcome, Emitted, LogLine, Replied};
use serde::{Deserialize, Serialize};

/// Effects of an upgrade, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BetweenImage {
    /// The answers to clients whose messages the upgrade gave up.
    pub replies: Vec<Replied>,
    /// What the `init` of engines emitted.
    pub events: Vec<Emitted>,
    /// What it logged.
    pub logs: Vec<LogLine>,
}

impl BetweenImage {
    pub(crate) fn of(between: &BlockOutcome) -> Self {
        Self {
            replies: between.replies.clone(),
            events: between.events.clone(),
            logs: between.logs.clone(),
        }
    }

    pub(crate) fn outcome(&self) -> BlockOutcome {
        let Self {
            replies,
            events,
            logs,
        } = self.clone();
        BlockOutcome {
            replies,
            events,
            logs,
            ..BlockOutcome::default()
        }
    }

    /// Bytes of all its texts and payloads.
    pub(crate) fn bytes(&self) -> usize {
        let replies = self.replies.iter();
        let replies = replies.map(|replied| replied.outcome.as_ref().map_or(0, Vec::len));
        let events = self.events.iter();
        let events = events.map(|event| event.topic.len() + event.payload.len());
        let logs = self.logs.iter().map(|line| line.line.len());
        replies.chain(events).chain(logs).sum()
    }
}
