//! [`Effects`]: the replies, events and log lines of blocks, kept for the test to look at.

use crate::codec;
use crate::testkit::Testkit;
use refit_abi::{EngineId, Height, State};
use refit_kernel::{Asker, BlockOutcome, DeadLetter, Emitted, Entry, LogLine, ReplyError};
use std::collections::BTreeMap;

/// The replies, events, log lines and losses that blocks gave back.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// The messages that have no reply yet, and the engine that each went to.
    pub(crate) open: BTreeMap<u64, EngineId>,
    pub(crate) replies: BTreeMap<u64, Result<Vec<u8>, ReplyError>>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) logs: Vec<LogLine>,
}

impl Effects {
    pub(crate) fn take_up(&mut self, outcome: &mut BlockOutcome) {
        for reply in outcome.replies.drain(..) {
            // The testkit sends without keys, one message in a block: its ticket is the block's height.
            let Asker::Keyless(Entry { height, .. }) = reply.asker else {
                continue;
            };
            self.open.remove(&height.0);
            self.replies.insert(height.0, reply.outcome);
        }
        self.events.append(&mut outcome.events);
        self.logs.append(&mut outcome.logs);
    }

    /// A ticket for the message of the block at this height.
    pub(crate) fn ticket(&mut self, engine: EngineId, height: Height) -> u64 {
        self.open.insert(height.0, engine);
        height.0
    }
}

impl Testkit {
    /// All that engines have emitted, in order.
    pub fn emitted(&self) -> &[Emitted] {
        &self.effects.events
    }

    /// The events of one topic, decoded.
    ///
    /// # Panics
    /// If one of them is not a `T`.
    #[track_caller]
    pub fn events<T: State>(&self, topic: &str) -> Vec<(EngineId, T)> {
        let events = self.effects.events.iter();
        let of_topic = events.filter(|event| event.topic == topic);
        of_topic
            .map(|event| (event.engine, codec::from_json(&event.payload)))
            .collect()
    }

    /// All lines that engines have logged, in order.
    pub fn log_lines(&self) -> &[LogLine] {
        &self.effects.logs
    }

    /// Messages that no engine took and that no sender could learn of.
    #[track_caller]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.node().call(|executor| executor.dead_letters())
    }
}
