//! [`Watched`]: what the crews, the node and its upgrades tell the watchdog, and what it tells them.
//!
//! Each part has a lock of its own that is held for a moment: requests of clients go through here.

use super::StuckCall;
use super::nameless::is_nameless;
use parking_lot::Mutex;
use refit_abi::ClientId;
use refit_abi::host::running::{self, Running};
use refit_kernel::GenerationTable;
use refit_kernel::crew::Records;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The state that the watchdog, the node and its upgrades share.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// The records of the crew on duty, and of one that will take over from it.
    records: Mutex<Vec<Records>>,
    /// A pause lasts: what runs now is an upgrade's.
    paused: AtomicBool,
    /// How many pauses have begun: two short ones are not one long one.
    pauses: AtomicU64,
    /// For how long the pause has lasted, once that is longer than a call may last.
    pub(super) long_pause: Mutex<Option<Duration>>,
    pub(super) stuck: Mutex<Option<StuckCall>>,
    /// The clients that wait for replies.
    clients: Mutex<HashMap<ClientId, Waits>>,
    /// By kind, what its builder stamped on the code.
    pub(super) builds: Mutex<BTreeMap<String, String>>,
}

/// A client that waits.
#[derive(Debug)]
struct Waits {
    name: String,
    /// How many of its messages have no reply yet.
    messages: usize,
}

/// A client is known by name as long as this is held.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    watched: &'a Watched,
    id: ClientId,
}

/// Clients wait for replies, as long as this is there.
pub(crate) struct NamedAll {
    watched: Arc<Watched>,
    noted: Vec<ClientId>,
}

/// The clients of messages that came together.
pub(crate) struct Clients {
    /// Of each message, in order.
    pub(crate) ids: Vec<ClientId>,
    pub(crate) named: NamedAll,
}

impl Watched {
    /// The call that does not return, if there is one.
    pub(crate) fn stuck(&self) -> Option<StuckCall> {
        self.stuck.lock().clone()
    }

    /// Adds a crew that is on duty, or will be soon.
    pub(crate) fn on_duty(&self, records: Records) {
        self.records.lock().push(records);
    }

    /// Removes a crew that is no longer on duty.
    pub(crate) fn off_duty(&self, records: &Records) {
        let mut on_duty = self.records.lock();
        on_duty.retain(|other| !Arc::ptr_eq(other, records));
    }

    /// This code is live from now on.
    pub(crate) fn runs(&self, table: &GenerationTable) {
        let kinds = table.iter().map(|(_, entry)| &entry.kind);
        let build = |kind: &refit_abi::host::Kind| {
            let build = kind.module().build_id().to_owned();
            (kind.descriptor().kind.clone(), build)
        };
        *self.builds.lock() = kinds.map(build).collect();
    }

    /// A pause begins or ends.
    pub(crate) fn pause(&self, lasts: bool) {
        if lasts {
            self.pauses.fetch_add(1, Ordering::Release);
        }
        self.paused.store(lasts, Ordering::Release);
    }

    /// For how long a pause has lasted by now, if that is longer than a call may last.
    pub(crate) fn long_pause(&self) -> Option<Duration> {
        let is_paused = self.paused.load(Ordering::Acquire);
        self.long_pause.lock().filter(|_| is_paused)
    }

    /// The number of the pause under way.
    pub(super) fn pause_under_way(&self) -> Option<u64> {
        let is_paused = self.paused.load(Ordering::Acquire);
        is_paused.then(|| self.pauses.load(Ordering::Acquire))
    }

    /// The client of this name waits for a reply.
    pub(crate) fn name(&self, name: &str) -> Named<'_> {
        let id = ClientId::of(name);
        wait(&mut self.clients.lock(), id, name);
        Named { watched: self, id }
    }

    /// The clients of these names, if they have one, wait for replies. One that has no name is the
    /// nameless client; those that come one after the other under one name are noted once.
    pub(crate) fn name_all<'a>(
        self: &Arc<Self>,
        names: impl Iterator<Item = Option<&'a str>>,
        nameless: ClientId,
    ) -> Clients {
        let (mut ids, mut noted) = (Vec::new(), Vec::new());
        let mut before = None;
        let mut clients = self.clients.lock();
        for name in names {
            let Some(name) = name else {
                ids.push(nameless);
                continue;
            };
            // A batch is mostly of one client: its name is looked up once.
            if before != Some(name) {
                let id = ClientId::of(name);
                wait(&mut clients, id, name);
                noted.push(id);
                before = Some(name);
            }
            ids.extend(noted.last());
        }
        drop(clients);
        let watched = self.clone();
        let named = NamedAll { watched, noted };
        Clients { ids, named }
    }

    /// A client of this id does not wait any more.
    fn forget(&self, id: ClientId) {
        let mut clients = self.clients.lock();
        if let Some(known) = clients.get_mut(&id) {
            known.messages -= 1;
            if known.messages == 0 {
                clients.remove(&id);
            }
        }
    }

    /// The calls of the crews on duty.
    pub(super) fn look(&self) -> Vec<Running> {
        if self.paused.load(Ordering::Acquire) {
            return Vec::new();
        }
        // Copied: each crew's own lock is taken below, and no two are held at once.
        let crews = self.records.lock().clone();
        let is_watched = |running: &Running| {
            let mut crews = crews.iter();
            crews.any(|records| records.lock().contains(&running.record))
        };
        let mut seen = running::all();
        seen.retain(is_watched);
        seen
    }

    pub(super) fn client(&self, id: ClientId) -> Option<String> {
        if is_nameless(id) {
            return Some(String::new());
        }
        let clients = self.clients.lock();
        clients.get(&id).map(|known| known.name.clone())
    }
}

impl Named<'_> {
    /// The client's id.
    pub(crate) fn id(&self) -> ClientId {
        self.id
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        self.watched.forget(self.id);
    }
}

impl Drop for NamedAll {
    fn drop(&mut self) {
        for id in &self.noted {
            self.watched.forget(*id);
        }
    }
}

fn wait(clients: &mut HashMap<ClientId, Waits>, id: ClientId, name: &str) {
    let known = clients.entry(id).or_insert_with(|| Waits {
        name: name.to_owned(),
        messages: 0,
    });
    known.messages += 1;
}
