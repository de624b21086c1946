//! The watchdog of calls: sees, from another thread than the crew's, that a call into an engine does not return, and
//! reports it: in the log, in the node's status, and in a file that outlives the process.
//!
//! It looks at what the crew's threads note of themselves ([`refit_abi::host::running`]) and counts its own
//! looks. It changes nothing: a call cannot be stopped inside the process. Pauses have a watchdog of their
//! own, which can give an upgrade up; of a pause this one says only that it lasts long.

mod calls;
pub(crate) mod ending;
mod list;
pub(crate) mod looks;
mod nameless;
mod told;
mod watched;

pub use list::{STUCK_ENTRIES_MAX, StuckEntry, StuckList};
pub(crate) use nameless::nameless;
pub use told::StuckCall;
pub(crate) use watched::{Clients, Named, Watched};

use crate::known::latest::Latest;
use crate::watch::looks::{Pace, Stay};
use calls::{CallId, Calls, Change};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use refit_abi::Height;
use refit_abi::host::running::{Call, Running};
use refit_admin::Metrics;
use refit_admin::api::StuckStatus;
use refit_loader::sys::ask;
use refit_ordering::SealedBlock;
use refit_store::Store;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The beginning of the names of a crew's threads.
pub(crate) const CREW_NAME: &str = "refit-g";

/// The parts that make a watchdog.
pub(crate) struct WatchParts {
    pub(crate) watched: Arc<Watched>,
    pub(crate) limit: Duration,
    pub(crate) list: StuckList,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) latest: Arc<Mutex<Latest>>,
    pub(crate) metrics: Arc<Metrics>,
}

/// The watchdog's thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// If the system starts no more threads.
    pub(crate) fn spawn(parts: WatchParts) -> io::Result<Self> {
        let (end, ended) = bounded(0);
        let pace = Pace::of(parts.limit);
        let watch = Watch {
            parts,
            pace,
            calls: Calls::new(pace),
            pause: Stay::new(),
            entry: None,
        };
        let thread = std::thread::Builder::new().name("refit-watch".to_owned());
        let thread = thread.spawn(move || watch.run(&ended))?;
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It has said itself why it panicked.
            let _ = thread.join();
        }
    }
}

struct Watch {
    parts: WatchParts,
    pace: Pace,
    calls: Calls,
    /// The number of the pause under way.
    pause: Stay<u64>,
    /// The entry of the running call in the list.
    entry: Option<StuckEntry>,
}

impl Watch {
    fn run(mut self, ended: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(self.pace.every()) {
            self.look();
        }
        // The node ended well.
        self.forget();
        if let Err(error) = self.parts.list.settle() {
            tracing::warn!(%error, "cannot write down which calls have returned: the next start may report some that have");
        }
    }

    fn look(&mut self) {
        self.look_at_pause();
        let seen = self.parts.watched.look();
        for running in &seen {
            // A call that runs at a look counts for the whole time since the last look.
            let metrics = &self.parts.metrics;
            metrics.add_handling(running.label.kind(), self.pace.every());
        }
        let ids: Vec<_> = seen.iter().map(id).collect();
        let change = self.calls.look(&ids);
        match change {
            Some(Change::Stuck(call)) => {
                if let Some(running) = seen.iter().find(|running| id(running) == call) {
                    self.stuck(running);
                }
            }
            Some(Change::Dead(call)) => self.dead(call),
            Some(Change::Returned(_)) => self.returned(),
            None => self.goes_on(),
        }
    }

    /// Notes that a pause lasts longer than a call may.
    fn look_at_pause(&mut self) {
        let watched = &self.parts.watched;
        let looks = self.pause.look(watched.pause_under_way());
        let lasted = self.pace.lasted(looks);
        let is_long = looks > 0 && self.pace.is_over(looks, 1);
        let before = std::mem::replace(&mut *watched.long_pause.lock(), is_long.then_some(lasted));
        if is_long && before.is_none() {
            let lasted = told::seconds(lasted);
            tracing::warn!(
                "the pause of an upgrade lasts since {lasted}; no message is handled until it ends, and the node is not ready"
            );
        }
    }

    fn stuck(&mut self, running: &Running) {
        let is_asked = running.call == Call::Handle;
        let message = is_asked.then(|| ask::message(running.record, CREW_NAME));
        let message = message.flatten();
        let client = message.and_then(|message| match message.sender {
            refit_abi::Sender::Client(id) => self.parts.watched.client(id),
            _ => None,
        });
        let stuck = StuckCall {
            engine: running.engine,
            label: running.label,
            call: running.call,
            batch: running.batch,
            message,
            client,
            lasted: self.pace.lasted(self.calls.looks(id(running))),
            is_dead: false,
        };
        let (kind, version) = (stuck.label.kind(), stuck.label.version());
        tracing::error!(
            kind,
            version,
            "{stuck}; nothing else runs until it returns, and the node is not ready"
        );
        let build = self.parts.watched.builds.lock().get(kind).cloned();
        // Computed here and now: when the process is ended for this call, there is no time left.
        let digest = self.digest(&stuck);
        let entry = StuckEntry::of(&stuck, build.unwrap_or_default(), digest);
        if let Err(error) = self.parts.list.begin(entry.clone()) {
            tracing::warn!(%error, "cannot write down the call that does not return: the next start will not report it");
        }
        self.entry = Some(entry);
        *self.parts.watched.stuck.lock() = Some(stuck);
    }

    fn dead(&mut self, call: CallId) {
        let lasted = self.pace.lasted(self.calls.looks(call));
        let mut told = self.parts.watched.stuck.lock();
        if let Some(stuck) = told.as_mut() {
            (stuck.lasted, stuck.is_dead) = (lasted, true);
            let kind = stuck.label.kind();
            tracing::error!(
                kind,
                "{stuck}; the node counts as dead: end it with a second signal, and start it again"
            );
        }
    }

    fn returned(&mut self) {
        // First: a supervisor that sees the node ready may end it at once, and the next run must not report this
        // call.
        self.forget();
        if let Some(stuck) = self.parts.watched.stuck.lock().take() {
            let kind = stuck.label.kind();
            let (deed, lasted) = (stuck.deed(), told::seconds(stuck.lasted));
            tracing::warn!(
                kind,
                "{deed}: it has ended after {lasted}, and the node goes on"
            );
        }
    }

    fn forget(&mut self) {
        if let Some(entry) = self.entry.take()
            && let Err(error) = self.parts.list.end(&entry)
        {
            tracing::warn!(%error, "cannot write down that the call has returned: the next start will report that it did not");
        }
    }

    /// The reported call still runs.
    fn goes_on(&mut self) {
        if let Some(stuck) = self.parts.watched.stuck.lock().as_mut() {
            stuck.lasted = stuck.lasted.saturating_add(self.pace.every());
        }
    }

    /// BLAKE3 of the message's bytes, as the block under way has them.
    fn digest(&self, stuck: &StuckCall) -> Option<String> {
        let (message, engine) = (stuck.message?, stuck.engine?);
        let refit_abi::Sender::Client(client) = message.sender else {
            return None;
        };
        // The block under way is in the log already, and not the newest executed one yet.
        let height = Height(self.parts.latest.lock().height.0 + 1);
        let bytes = self.parts.store.read(height).ok()?;
        let sealed = SealedBlock::from_bytes(&bytes).ok()?;
        let entries = (0_u64..).zip(&sealed.block.entries);
        let mut messages = entries.filter_map(|(place, entry)| Some((place, entry.message()?)));
        // The kernel numbers those without a key by their places.
        let (_, found) = messages.find(|(place, sent)| {
            let sent = &sent.ingress;
            let number = sent.sequence.unwrap_or(*place);
            (sent.engine, sent.client, number) == (engine, client, message.sequence)
        })?;
        let payload = &found.ingress.payload;
        Some(blake3::hash(payload).to_hex().to_string())
    }
}

fn id(running: &Running) -> CallId {
    CallId {
        record: running.record,
        turn: running.turn,
    }
}

/// Says what the life before did not return from.
pub(crate) fn tell_last(list: &StuckList) {
    let last = list.take_last();
    let last = last.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot write down what was reported of the run before: the next start reports it again");
        Vec::new()
    });
    for StuckEntry {
        deed, kind, times, ..
    } in last
    {
        match times {
            0 | 1 => tracing::warn!(
                kind,
                "when this node ended, it had not returned from this: {deed}; if that is sent again, see whether it returns"
            ),
            times => tracing::error!(
                kind,
                "this node ended {times} times while it had not returned from this: {deed}; do not send it again to \
                 this code: bring a mended build of {kind}; if no start comes behind its block, take that out: refit block quarantine"
            ),
        }
    }
}

impl From<&StuckCall> for StuckStatus {
    fn from(stuck: &StuckCall) -> Self {
        Self {
            engine: stuck.engine.map(|engine| engine.to_string()),
            kind: stuck.label.kind().to_owned(),
            call: stuck.call.to_string(),
            detail: stuck.to_string(),
            lasted_ms: u64::try_from(stuck.lasted.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
