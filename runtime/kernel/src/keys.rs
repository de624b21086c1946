//! [`Keys`]: the requests that clients may send again, so that each is handled once.
//!
//! A client names itself and numbers its messages; the pair is a [`Key`]. A key is *taken* while its message waits:
//! a repeat is not delivered, and the answer of the first is its answer. It is *answered* once an engine has handled
//! the message: a reply, a fault, a panic. Else it is *free*: a message that was refused, bounced or given up has
//! done nothing, and is done when it is sent again. What the message says is kept as a digest: another request under
//! the same key is refused.
//!
//! Nothing that may still come is forgotten silently. The bytes of answers are bounded for each client and in all:
//! the client with the most loses its lowest numbers, and a repeat of one of those is refused, never done again. A
//! name stays for [`NAME_KEPT_BLOCKS`](crate::limits::NAME_KEPT_BLOCKS) after its client's last message, and while
//! all places are held by younger ones a new name is refused.
//!
//! All of it is a function of the blocks: it has no clock, and its maps are ordered.

mod image;
mod limits;
mod name;
mod refusal;
mod request;

pub use image::KeysImage;
pub(crate) use limits::KeyLimits;
pub use refusal::KeyRefusal;
pub use request::{Ask, Asker, Entry, Key, RequestDigest};

use crate::outcome::ReplyError;
use name::{Answered, Known, Name};
use refit_abi::{ClientId, Generation, Height};
use std::collections::{BTreeMap, BTreeSet};

/// The keys of all clients.
#[derive(Debug)]
pub(crate) struct Keys {
    limits: KeyLimits,
    names: BTreeMap<ClientId, Name>,
    /// Every name, the one silent longest first.
    by_age: BTreeSet<(Height, ClientId)>,
    /// The names that have answers to lose, by the power of two of their bytes.
    by_size: BTreeSet<(u32, ClientId)>,
    /// What the answers of all are charged.
    bytes: usize,
}

/// What becomes of a message that has a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It is to be delivered: its key is taken.
    Deliver,
    /// The same request waits: its answer is the answer.
    Waits,
    /// The same request was handled, at a height, by the code of a generation.
    Again(At, Result<Vec<u8>, ReplyError>),
    /// It is not handled.
    Refused(KeyRefusal),
}

/// When something was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) height: Height,
    pub(crate) generation: Generation,
}

impl Keys {
    pub(crate) fn new(limits: KeyLimits) -> Self {
        Self {
            limits,
            names: BTreeMap::new(),
            by_age: BTreeSet::new(),
            by_size: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Decides about a message in the block at `now`; takes its key if it is to be delivered.
    pub(crate) fn admit(&mut self, key: Key, request: RequestDigest, now: Height) -> Admitted {
        let known = self
            .names
            .get(&key.client)
            .map(|name| name.known(key.sequence));
        let admitted = match known {
            None | Some(Known::Free) => return self.take(key, request, now),
            Some(Known::Taken(of)) if of == request => Admitted::Waits,
            Some(Known::Answered(answered)) if answered.request == request => again(answered),
            Some(Known::Taken(_) | Known::Answered(_)) => Admitted::Refused(KeyRefusal::Used),
            Some(Known::Forgotten) => Admitted::Refused(KeyRefusal::Forgotten),
        };
        self.heard(key.client, now);
        admitted
    }

    /// Answers the message that has taken a key: the key is answered if an engine has handled the message, else free.
    /// Gives what was asked under it.
    pub(crate) fn settle(
        &mut self,
        key: Key,
        outcome: &Result<Vec<u8>, ReplyError>,
        at: At,
    ) -> Option<RequestDigest> {
        let name = self.names.get_mut(&key.client)?;
        let request = name.taken.remove(&key.sequence)?;
        if !is_handled(outcome) {
            if name.is_blank() {
                self.by_age.remove(&(name.last, key.client));
                self.names.remove(&key.client);
            }
            return Some(request);
        }
        let (bytes, size) = (name.bytes(), name.size());
        let kept = name::outcome_bytes(outcome) <= self.limits.reply_bytes;
        let answered = Answered {
            request,
            height: at.height,
            generation: at.generation,
            outcome: kept.then(|| Box::new(outcome.clone())),
        };
        name.keep(key.sequence, answered);
        while (name.answered.len() > self.limits.answered
            || name.bytes() > self.limits.bytes_per_name)
            && name.forget_lowest()
        {}
        self.bytes = self.bytes - bytes + name.bytes();
        let now = name.size();
        self.resized(key.client, size, now);
        self.heard(key.client, at.height);
        self.forget_beyond_bytes();
        Some(request)
    }

    /// Takes a free key.
    fn take(&mut self, key: Key, request: RequestDigest, now: Height) -> Admitted {
        if !self.names.contains_key(&key.client) {
            if let Err(refusal) = self.make_room(now) {
                return Admitted::Refused(refusal);
            }
            self.by_age.insert((now, key.client));
        }
        let name = self.names.entry(key.client);
        let name = name.or_insert_with(|| Name::new(now));
        if name.taken.len() >= self.limits.waiting {
            return Admitted::Refused(KeyRefusal::Waiting);
        }
        name.taken.insert(key.sequence, request);
        self.heard(key.client, now);
        Admitted::Deliver
    }

    /// The client has sent something, or was answered.
    fn heard(&mut self, client: ClientId, now: Height) {
        let Some(name) = self.names.get_mut(&client) else {
            return;
        };
        if name.last != now {
            self.by_age.remove(&(name.last, client));
            self.by_age.insert((now, client));
            name.last = now;
        }
    }

    /// Forgets the name silent longest if there is no place for one more and it was silent long enough. One whose
    /// message waits is not silent.
    fn make_room(&mut self, now: Height) -> Result<(), KeyRefusal> {
        while self.names.len() >= self.limits.names {
            let Some((last, client)) = self.by_age.first().copied() else {
                return Ok(());
            };
            let until = Height(
                last.0
                    .saturating_add(self.limits.name_blocks)
                    .saturating_add(1),
            );
            if now < until {
                return Err(KeyRefusal::NoPlace { until });
            }
            if self
                .names
                .get(&client)
                .is_some_and(|name| !name.taken.is_empty())
            {
                self.heard(client, now);
                continue;
            }
            self.by_age.remove(&(last, client));
            if let Some(name) = self.names.remove(&client) {
                self.bytes -= name.bytes();
                self.resized(client, name.size(), None);
            }
        }
        Ok(())
    }

    fn resized(&mut self, client: ClientId, before: Option<u32>, now: Option<u32>) {
        if before != now {
            if let Some(size) = before {
                self.by_size.remove(&(size, client));
            }
            self.by_size.extend(now.map(|size| (size, client)));
        }
    }

    /// The clients with the most lose their lowest numbers until the rest fits.
    fn forget_beyond_bytes(&mut self) {
        while self.bytes > self.limits.bytes {
            let Some((size, client)) = self.by_size.last().copied() else {
                return;
            };
            let Some(name) = self.names.get_mut(&client) else {
                return;
            };
            let bytes = name.bytes();
            name.forget_lowest();
            self.bytes = self.bytes - bytes + name.bytes();
            let now = name.size();
            self.resized(client, Some(size), now);
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(KeyLimits::default())
    }
}

fn again(answered: &Answered) -> Admitted {
    let at = At {
        height: answered.height,
        generation: answered.generation,
    };
    match &answered.outcome {
        Some(outcome) => Admitted::Again(at, (**outcome).clone()),
        None => Admitted::Refused(KeyRefusal::Forgotten),
    }
}

/// Whether an engine has handled the message: what it was not given, or could not read, has done nothing.
fn is_handled(outcome: &Result<Vec<u8>, ReplyError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => match error {
            ReplyError::Fault(_)
            | ReplyError::ChangedAtFault(_)
            | ReplyError::Panicked { .. }
            | ReplyError::RolledBack { .. }
            | ReplyError::TooLarge { .. } => true,
            ReplyError::Rejected { .. } | ReplyError::Undelivered { .. } | ReplyError::Key(_) => {
                false
            }
        },
    }
}

#[cfg(test)]
mod tests;
