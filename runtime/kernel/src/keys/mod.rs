//! [`Keys`]: the requests that clients and operators may send again, so that each is handled once.
//!
//! A client names itself and numbers its messages; the pair is a [`Key`]. A key is *taken* while its message waits: a
//! repeat is not delivered, and the answer of the first is its answer. It is *answered* once an engine has handled
//! the message: a reply, a fault, a panic. Else it is *free*: a message that was refused, bounced or given up has
//! done nothing, and is done when it is sent again. What the message says is kept as a digest: another request under
//! the same key is refused. An operator's order is carried out at its place in the block, so its key is never seen
//! taken: it is answered by what the order has done, and free if it has done nothing. Messages and orders have one
//! table, and a key belongs to one of either. The text of a panic is not kept: it is no function of the blocks, as
//! another compiler may give it other words.
//!
//! Nothing that may still come is forgotten silently. The bytes of answers are bounded for each client and in all:
//! the client with the most loses its lowest numbers, and a repeat of one of those is refused, never done again. A
//! name stays for [`NAME_KEPT_BLOCKS`](crate::limits::NAME_KEPT_BLOCKS) after its client's last message. New names of
//! one [`Share`] get the places that are its part and no more, and while those are held by younger ones they are
//! refused: they displace nobody, and leave places to the new names of others.
//!
//! All of it is a function of the blocks: it has no clock, and its maps are ordered.

mod forgetting;
mod image;
mod name;
mod outcome;
mod request;
mod share;
mod window;

use forgetting::Forgotten;
pub use image::KeysImage;
pub(crate) use image::NameImage;
pub(crate) use refit_abi::host::Share;
pub use request::{Ask, Asker, Entry, Key, RequestDigest};

use crate::parameters::keys::KeyBounds;
use crate::reply::done::Done;
use crate::reply::error::ReplyError;
use crate::reply::refusal::KeyRefusal;
use name::{Answered, Name};
use outcome::KeptOutcome;
pub(crate) use outcome::bytes as outcome_bytes;
use refit_abi::{ClientId, Generation, Height};
use share::NameCounts;
use std::collections::{BTreeMap, BTreeSet};

/// The keys of all clients.
#[derive(Debug)]
pub(crate) struct Keys {
    limits: KeyBounds,
    names: BTreeMap<ClientId, Name>,
    /// Every name, the one silent longest first.
    by_age: BTreeSet<(Height, ClientId)>,
    held: NameCounts,
    /// The names that have answers to lose, by the power of two of their bytes.
    by_size: BTreeSet<(u32, ClientId)>,
    /// The bytes that the answers of all clients are charged.
    bytes: usize,
    /// The counts since they were last reported; no part of the state.
    forgotten: Forgotten,
}

/// The decision about a message or an order that has a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// Deliver it, or carry it out: its key is taken.
    Deliver,
    /// The same request waits: its answer is the answer.
    Waits,
    /// The same request was handled, at a height, by the code of a generation.
    Again(At, Result<Vec<u8>, ReplyError>),
    /// The same order was carried out.
    Done(At, Done),
    /// It is not handled.
    Refused(KeyRefusal),
}

/// When something was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The block.
    pub height: Height,
    /// The generation whose code was live.
    pub generation: Generation,
}

impl Keys {
    pub(crate) fn new(limits: KeyBounds) -> Self {
        Self {
            limits,
            names: BTreeMap::new(),
            by_age: BTreeSet::new(),
            held: NameCounts::default(),
            by_size: BTreeSet::new(),
            bytes: 0,
            forgotten: Forgotten::default(),
        }
    }

    /// From now on other bounds hold. What is kept beyond them goes as it would have been forgotten: with the next
    /// answer of its client.
    pub(crate) fn set_bounds(&mut self, limits: KeyBounds) {
        self.limits = limits;
    }

    /// Decides about a message or an order in the block at `now`; takes its key if it is to be done. A new name
    /// belongs to the share that the message came by; for a known name the share counts for nothing.
    pub(crate) fn admit(
        &mut self,
        key: Key,
        share: Share,
        request: RequestDigest,
        now: Height,
    ) -> Admitted {
        let (client, waiting) = (key.client, self.limits.waiting);
        if let Some(name) = self.names.get_mut(&client) {
            let admitted = name.admit(key.sequence, request, waiting);
            if admitted != Admitted::Refused(KeyRefusal::Waiting) {
                name.heard(client, now, &mut self.by_age);
            }
            return admitted;
        }
        if let Err(refusal) = self.make_room(share, now) {
            return Admitted::Refused(refusal);
        }
        self.by_age.insert((now, client));
        self.held.one_more(share);
        let name = self.names.entry(client);
        let name = name.or_insert_with(|| Name::new(share, now));
        name.admit(key.sequence, request, waiting)
    }

    /// The decision about a request that has a key, without taking it; `None` if the key is free, or the client is
    /// unknown.
    pub(crate) fn look(&self, key: Key, request: RequestDigest) -> Option<Admitted> {
        self.names.get(&key.client)?.look(key.sequence, request)
    }

    /// Whether an answer may be kept under a key.
    pub(crate) fn is_answered(&self, key: Key) -> bool {
        let name = self.names.get(&key.client);
        name.is_some_and(|name| name.is_answered(key.sequence))
    }

    /// Answers the message that has taken a key: the key is answered if an engine has handled the message, else free.
    /// Gives what was asked under it.
    pub(crate) fn settle(
        &mut self,
        key: Key,
        outcome: &Result<Vec<u8>, ReplyError>,
        at: At,
    ) -> Option<RequestDigest> {
        if !is_handled(outcome) {
            return self.free(key);
        }
        let kept = outcome_bytes(outcome) <= self.limits.reply_bytes;
        self.forgotten.answers += u64::from(!kept);
        self.keep(key, kept.then(|| KeptOutcome::of(outcome)), at)
    }

    /// The order that has taken a key is carried out, or has done nothing and may come again.
    pub(crate) fn settle_order(&mut self, key: Key, done: Option<Done>, at: At) {
        match done {
            Some(done) => self.keep(key, Some(KeptOutcome::done(done)), at),
            None => self.free(key),
        };
    }

    /// Lets a key that is taken go.
    fn free(&mut self, key: Key) -> Option<RequestDigest> {
        let name = self.names.get_mut(&key.client)?;
        let request = name.taken.remove(key.sequence)?;
        if name.is_blank() {
            self.by_age.remove(&(name.last, key.client));
            self.held.one_less(name.share);
            self.names.remove(&key.client);
        }
        Some(request)
    }

    /// Answers a key that is taken.
    fn keep(&mut self, key: Key, outcome: Option<KeptOutcome>, at: At) -> Option<RequestDigest> {
        let name = self.names.get_mut(&key.client)?;
        let request = name.taken.remove(key.sequence)?;
        let (bytes, size) = (name.bytes(), name.size());
        let answered = Answered {
            request,
            height: at.height,
            generation: at.generation,
            outcome,
        };
        name.keep(key.sequence, answered);
        self.forgotten.answers += forgetting::beyond_share(name, self.limits);
        self.bytes = self.bytes - bytes + name.bytes();
        name.heard(key.client, at.height, &mut self.by_age);
        let now = name.size();
        self.resized(key.client, size, now);
        self.forget_beyond_bytes();
        Some(request)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(KeyBounds::default())
    }
}

/// Whether an engine has handled the message: one that it did not get, or could not read, has done nothing.
fn is_handled(outcome: &Result<Vec<u8>, ReplyError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => match error {
            ReplyError::Fault(_)
            | ReplyError::ChangedAtFault(_)
            | ReplyError::Panicked { .. }
            | ReplyError::RolledBack { .. }
            | ReplyError::TooLarge { .. }
            | ReplyError::NoRoom { .. } => true,
            ReplyError::Rejected { .. } | ReplyError::Undelivered { .. } | ReplyError::Key(_) => {
                false
            }
        },
    }
}

#[cfg(test)]
mod tests;
