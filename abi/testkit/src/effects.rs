//! [`Effects`]: what blocks gave back, kept for the test to look at.

use crate::codec;
use crate::testkit::Testkit;
use refit_abi::{EngineId, State};
use refit_kernel::{BlockOutcome, DeadLetter, Emitted, LogLine, ReplyError};
use std::collections::BTreeMap;

/// What blocks gave back.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// How many messages clients have sent: the next one's ticket.
    sent: u64,
    /// Those that have no reply yet, and to whom they went.
    pub(crate) open: BTreeMap<u64, EngineId>,
    pub(crate) replies: BTreeMap<u64, Result<Vec<u8>, ReplyError>>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) logs: Vec<LogLine>,
}

impl Effects {
    pub(crate) fn take_up(&mut self, outcome: &mut BlockOutcome) {
        for reply in outcome.replies.drain(..) {
            self.open.remove(&reply.ticket);
            self.replies.insert(reply.ticket, reply.outcome);
        }
        self.events.append(&mut outcome.events);
        self.logs.append(&mut outcome.logs);
    }

    /// A ticket for one more message.
    pub(crate) fn ticket(&mut self, engine: EngineId) -> u64 {
        let ticket = self.sent;
        self.sent += 1;
        self.open.insert(ticket, engine);
        ticket
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
        let mut found = Vec::new();
        for event in self.effects.events.iter().filter(|e| e.topic == topic) {
            match codec::from_postcard(&event.payload) {
                Ok(value) => found.push((event.engine, value)),
                Err(reason) => panic!("an event `{topic}` of `{}`: {reason}", event.engine),
            }
        }
        found
    }

    /// All lines that engines have logged, in order.
    pub fn log_lines(&self) -> &[LogLine] {
        &self.effects.logs
    }

    /// Messages that nobody took and no sender could be told of.
    #[track_caller]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.node().call(|executor| executor.dead_letters())
    }
}
