//! [`Out`]: what the transitions of one chunk, or the handlers of one task of a round, did on the bus,
//! in order.

use super::Account;
use refit_abi::{EngineId, Level};
use refit_kernel::{Effects, GenerationTable, IdMap, KindIndex, LogLine, Signed, Started};
use std::ops::Range;

/// Log lines of one upgrade's transitions that are kept, and of one [`Out`].
pub(crate) const TRANSITION_LINES_MAX: usize = 1_024;

/// The results of some transitions.
#[derive(Debug, Default)]
pub(crate) struct Out {
    /// Payloads of what was sent.
    pub(crate) bytes: Vec<u8>,
    pub(crate) sends: Vec<Outgoing>,
    /// The budget that they used.
    pub(crate) account: Account,
    pub(crate) started: Vec<Started>,
    /// The place of each engine among them.
    places: IdMap<u32>,
    pub(crate) retired: Vec<EngineId>,
    /// Their log lines. Collected in order, so the workers do not decide which lines are kept.
    pub(crate) lines: Vec<LogLine>,
    /// The effects of the `init` of engines that start afresh.
    pub(crate) effects: Vec<Effects>,
}

/// An upgrade message on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) signed: Signed,
    pub(crate) kind: KindIndex,
    pub(crate) to: EngineId,
    pub(crate) payload: Range<usize>,
}

impl Out {
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Adds an engine that was started.
    pub(crate) fn add(&mut self, started: Started) {
        self.places.insert(started.id(), self.started.len() as u32);
        self.started.push(started);
    }

    /// Drops the engines that were started from the one of this number on.
    pub(crate) fn discard_from(&mut self, number: usize, table: &GenerationTable) {
        for started in self.started.drain(number..) {
            self.places.remove(started.id());
            if let Some(entry) = table.get(started.kind()) {
                started.discard(&entry.kind);
            }
        }
    }

    /// The engine of this id, if it was started here.
    pub(crate) fn started(&self, id: EngineId) -> Option<&Started> {
        self.started.get(self.places.get(id)? as usize)
    }

    /// Keeps a log line, if there is room.
    pub(crate) fn log(&mut self, engine: EngineId, level: Level, line: &str) {
        if self.lines.len() < TRANSITION_LINES_MAX {
            self.lines.push(LogLine {
                engine,
                level,
                line: line.to_owned(),
            });
        }
    }

    /// Empties it, once all is taken up, and keeps its memory.
    pub(crate) fn reuse(mut self) -> Self {
        self.bytes.clear();
        self.sends.clear();
        self.retired.clear();
        if !self.places.is_empty() {
            self.places = IdMap::default();
        }
        self
    }
}
