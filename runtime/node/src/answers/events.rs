//! [`EventLog`]: keeps the newest events of the engines for readers.
//!
//! The driver adds a block's events once the block is in the log, before any answer of it goes out: who has a reply
//! finds the events of its message. Readers come and go and hold nothing up: what does not fit is forgotten, oldest
//! first, and a reader that needs it gets an error.

use crate::limits::{EVENT_OVERHEAD_BYTES, EVENTS_BYTES_MAX};
use parking_lot::Mutex;
use refit_abi::codes;
use refit_abi::{BlockTime, Generation, Height};
use refit_admin::api::{Event, EventId};
use refit_admin::{EventFeed, Refusal};
use refit_kernel::Emitted;
use refit_ordering::Branch;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// The newest events.
pub(crate) struct EventLog {
    kept: Mutex<Kept>,
    newest: watch::Receiver<EventId>,
}

/// Adds events to a log. When it is dropped, none will follow.
pub(crate) struct EventWriter {
    log: Arc<EventLog>,
    newest: watch::Sender<EventId>,
}

/// The block whose events are added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventBlock {
    /// The branch of history that the block's header names.
    pub(crate) branch: Branch,
    pub(crate) height: Height,
    pub(crate) time: BlockTime,
    pub(crate) generation: Generation,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    /// The bytes that they are charged: text and overhead.
    bytes: usize,
    /// All that is kept is after this one.
    oldest: EventId,
    /// The newest block, with or without events.
    branch: Branch,
    height: Height,
}

/// A log, and what adds to it.
pub(crate) struct Events {
    pub(crate) log: Arc<EventLog>,
    pub(crate) writer: EventWriter,
}

/// A log without events, of a node that goes on after a block.
pub(crate) fn log(branch: Branch, after: Height) -> Events {
    let oldest = match after {
        // Nothing was before.
        Height(0) => EventId::default(),
        _ => EventId::end_of(branch.0, after),
    };
    let (newest, reader) = watch::channel(oldest);
    let kept = Kept {
        oldest,
        branch,
        height: after,
        ..Kept::default()
    };
    let log = Arc::new(EventLog {
        kept: Mutex::new(kept),
        newest: reader,
    });
    let writer = EventWriter {
        log: Arc::clone(&log),
        newest,
    };
    Events { log, writer }
}

impl EventWriter {
    /// Adds the events of a block; returns how many older ones were forgotten for them.
    pub(crate) fn add(&self, block: EventBlock, emitted: Vec<Emitted>) -> u64 {
        let count = emitted.len();
        let events: Vec<_> = (0..)
            .zip(emitted)
            .map(|(index, one)| event(block, index, one))
            .collect();
        let mut kept = self.log.kept.lock();
        // Also without events: a reader who asks for what comes after this block is not ahead of the node.
        (kept.branch, kept.height) = (block.branch, block.height);
        for event in events {
            kept.bytes += charge(&event);
            kept.events.push_back(Arc::new(event));
        }
        let forgotten = kept.forget();
        // Before anyone is woken, who would wait for it first of all.
        drop(kept);
        if count > 0 {
            self.newest
                .send_replace(EventId::end_of(block.branch.0, block.height));
        }
        forgotten
    }
}

impl Kept {
    fn forget(&mut self) -> u64 {
        let mut forgotten = 0;
        while self.bytes > EVENTS_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= charge(&oldest);
            self.oldest = oldest.id;
            forgotten += 1;
        }
        forgotten
    }
}

impl EventFeed for EventLog {
    fn after(&self, after: EventId, bytes_max: usize) -> Result<Vec<Arc<Event>>, Refusal> {
        let kept = self.kept.lock();
        if after < kept.oldest {
            return Err(forgotten(after, kept.oldest));
        }
        if (after.branch, after.height) > (kept.branch.0, kept.height) {
            return Err(ahead(after, kept.height));
        }
        // They are in the order of their ids: blocks come in order, and a new branch has a larger number.
        let first = kept.events.partition_point(|event| event.id <= after);
        let mut room = bytes_max;
        let mut page = Vec::new();
        for event in kept.events.range(first..) {
            let bytes = charge(event);
            // One event at least, however large: else its reader would never come past it.
            if bytes > room && !page.is_empty() {
                break;
            }
            room = room.saturating_sub(bytes);
            page.push(Arc::clone(event));
        }
        Ok(page)
    }

    fn oldest(&self) -> EventId {
        self.kept.lock().oldest
    }

    fn newest(&self) -> watch::Receiver<EventId> {
        self.newest.clone()
    }
}

fn event(block: EventBlock, index: u32, emitted: Emitted) -> Event {
    Event {
        id: EventId {
            branch: block.branch.0,
            height: block.height,
            index,
        },
        engine: emitted.engine.to_string(),
        topic: emitted.topic,
        generation: block.generation.0,
        time: block.time.0,
        event: json(&emitted.payload),
    }
}

/// The text of an event. A module that was not built with the SDK may give what is no JSON: it is shown as a text.
fn json(payload: &[u8]) -> Box<RawValue> {
    let text = String::from_utf8_lossy(payload).into_owned();
    RawValue::from_string(text).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(payload);
        serde_json::value::to_raw_value(&*text).unwrap_or_else(|_| RawValue::NULL.to_owned())
    })
}

fn charge(event: &Event) -> usize {
    EVENT_OVERHEAD_BYTES + event.engine.len() + event.topic.len() + event.event.get().len()
}

fn forgotten(after: EventId, oldest: EventId) -> Refusal {
    Refusal::new(
        410,
        codes::EVENTS_FORGOTTEN,
        format!("events after {after} are no longer kept; the kept ones begin after {oldest}"),
        "read all kept events with `refit events --all` (?from=oldest); query the engines' states for what the missing ones said",
    )
}

fn ahead(after: EventId, height: Height) -> Refusal {
    Refusal::new(
        409,
        codes::EVENT_AHEAD,
        format!(
            "this node is at height {height} and has not reached {after}: the id is another node's, or from before a restart of this one"
        ),
        "read all kept events with `refit events --all` (?from=oldest)",
    )
}

#[cfg(test)]
mod tests;
