//! [`Replies`]: the replies that clients were given, so that a repeat gets the same one.
//!
//! A client names itself and numbers its messages; the pair names one message for ever. Once a
//! message was executed its reply is *known*; when the reply makes room for newer ones the message is
//! *forgotten*: it must be refused, because executing it again would break "exactly once". Everything
//! else is *unknown* and may be executed.
//!
//! ```text
//! one client      forgotten                 kept: at most REPLIES_PER_CLIENT_MAX
//!             0 ─────────────────── floor ──── known ── unknown ── known ── known ── unknown …
//! ```
//!
//! Replies go first, names last: when bytes run out, the client that was silent longest loses its
//! lowest-numbered replies but keeps its floor, which costs next to nothing. Only when there are more
//! than [`CLIENTS_MAX`] names does the one silent longest go wholly; "exactly once" thus holds for a
//! client until that many others have sent something since its own last message.
//!
//! Age is the *height* of a client's last recorded message, ties are broken by the client's id, and a
//! lookup ages nothing: what is kept is a pure function of what was recorded.

mod client;
mod limits;

use client::Client;
pub use limits::{
    CLIENTS_MAX, REPLIES_BYTES_MAX, REPLIES_PER_CLIENT_MAX, REPLY_BYTES_MAX, REPLY_OVERHEAD_BYTES,
    RepliesLimits,
};
use refit_abi::{ClientId, Height};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known about one message of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It was executed: give this reply again.
    Known {
        /// The height at which it was executed.
        height: Height,
        /// The reply as it was recorded.
        reply: Arc<[u8]>,
    },
    /// It was not executed, as far as anyone can know: execute it.
    Unknown,
    /// It is too old to tell, or its reply is no longer kept: refuse it, never execute it.
    Forgotten,
}

/// Why a reply was not recorded. Both mean that a message was executed without a lookup before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is a reply already; it stays.
    #[error("message {sequence} of {client:?} has a reply already; look it up before executing")]
    Repeated {
        /// The client.
        client: ClientId,
        /// The message's number.
        sequence: u64,
    },
    /// The message is older than what is kept.
    #[error("message {sequence} of {client:?} is forgotten; look it up before executing")]
    Forgotten {
        /// The client.
        client: ClientId,
        /// The message's number.
        sequence: u64,
    },
}

/// The recorded replies of all clients, bounded in clients, in replies per client and in bytes.
#[derive(Debug)]
pub struct Replies {
    limits: RepliesLimits,
    clients: BTreeMap<ClientId, Client>,
    /// Every client, the one silent longest first.
    by_age: BTreeSet<(Height, ClientId)>,
    /// The clients that have replies to lose, the one silent longest first.
    holders: BTreeSet<(Height, ClientId)>,
    /// What the kept replies are charged.
    bytes: usize,
    evicted_clients: u64,
}

impl Replies {
    /// Nothing recorded yet.
    pub fn new(limits: RepliesLimits) -> Self {
        Self {
            limits: limits.at_least_one(),
            clients: BTreeMap::new(),
            by_age: BTreeSet::new(),
            holders: BTreeSet::new(),
            bytes: 0,
            evicted_clients: 0,
        }
    }

    /// What is known about message `sequence` of `client`. Changes nothing.
    pub fn lookup(&self, client: ClientId, sequence: u64) -> Lookup {
        self.clients
            .get(&client)
            .map_or(Lookup::Unknown, |known| known.lookup(sequence))
    }

    /// Records the reply to message `sequence` of `client`, executed at `height`.
    ///
    /// A reply above [`REPLY_BYTES_MAX`] is not kept, but that the message was executed is: a repeat
    /// is [`Lookup::Forgotten`].
    ///
    /// # Errors
    /// [`RecordError`] if the message was executed before; nothing changes then.
    pub fn record(
        &mut self,
        client: ClientId,
        sequence: u64,
        height: Height,
        reply: &[u8],
    ) -> Result<(), RecordError> {
        match self.clients.get(&client) {
            Some(known) if known.is_forgotten(sequence) => {
                return Err(RecordError::Forgotten { client, sequence });
            }
            Some(known) if known.holds(sequence) => {
                return Err(RecordError::Repeated { client, sequence });
            }
            Some(_) => {}
            None => self.make_room_for_a_client(),
        }
        self.insert(client, sequence, height, reply);
        self.drop_replies_beyond_bytes();
        Ok(())
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// What the kept replies take, in bytes, with [`REPLY_OVERHEAD_BYTES`] for each.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many clients were dropped wholly: for those a repeat can no longer be told.
    pub fn evicted_clients(&self) -> u64 {
        self.evicted_clients
    }

    fn insert(&mut self, id: ClientId, sequence: u64, height: Height, reply: &[u8]) {
        let client = self
            .clients
            .entry(id)
            .or_insert_with(|| Client::new(height));
        let before = client.age(id);
        client.last = client.last.max(height);
        let after = client.age(id);
        if before != after {
            self.by_age.remove(&before);
            self.holders.remove(&before);
        }
        self.by_age.insert(after);
        self.holders.insert(after);
        self.bytes += client.keep(sequence, height, reply);
        if client.replies() > self.limits.replies_per_client {
            self.bytes -= client.drop_lowest();
        }
    }

    /// Drops the client silent longest if there is no room for one more.
    fn make_room_for_a_client(&mut self) {
        if self.clients.len() < self.limits.clients {
            return;
        }
        let Some(age) = self.by_age.pop_first() else {
            return;
        };
        self.holders.remove(&age);
        if let Some(client) = self.clients.remove(&age.1) {
            self.bytes -= client.bytes();
            self.evicted_clients += 1;
        }
    }

    /// Drops replies, lowest number first, of the clients silent longest until the rest fits.
    fn drop_replies_beyond_bytes(&mut self) {
        while self.bytes > self.limits.bytes {
            let Some(age) = self.holders.first().copied() else {
                return;
            };
            let Some(client) = self.clients.get_mut(&age.1) else {
                return;
            };
            self.bytes -= client.drop_lowest();
            if client.replies() == 0 {
                self.holders.remove(&age);
            }
        }
    }
}

impl Default for Replies {
    fn default() -> Self {
        Self::new(RepliesLimits::default())
    }
}
