//! The record of one client that sends under keys.
//!
//! ```text
//!             forgotten         taken or answered
//! 0 ─────────────────── floor ──── answered ── free ── taken ── answered ── free …
//! ```
//!
//! A key that was taken before the floor rose above it stays what it is.

use super::outcome::KeptOutcome;
use super::request::RequestDigest;
use super::window::Window;
use super::{Admitted, At, Share};
use crate::limits::KEY_OVERHEAD_BYTES;
use crate::reply::refusal::KeyRefusal;
use refit_abi::{ClientId, Generation, Height};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One client: the keys that are taken, and those that were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Name {
    /// By which it first came.
    pub(super) share: Share,
    /// The height of its last message.
    pub(super) last: Height,
    /// Every number up to this one is forgotten, unless it is in one of the maps. `None`: none is.
    floor: Option<u64>,
    /// The requests that wait.
    pub(super) taken: Window<RequestDigest>,
    pub(super) answered: Window<Answered>,
    /// The bytes that the answered keys are charged.
    bytes: usize,
}

/// A key whose message an engine has handled, or whose order was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) request: RequestDigest,
    pub(super) height: Height,
    pub(super) generation: Generation,
    /// Without the text of a panic. `None`: it was too large to keep.
    pub(super) outcome: Option<KeptOutcome>,
}

impl Name {
    pub(super) fn new(share: Share, last: Height) -> Self {
        Self {
            share,
            last,
            floor: None,
            taken: Window::new(),
            answered: Window::new(),
            bytes: 0,
        }
    }

    /// Decides about a request of a number, and takes its key if it is to be done; at most so many wait.
    pub(super) fn admit(
        &mut self,
        sequence: u64,
        request: RequestDigest,
        waiting_max: usize,
    ) -> Admitted {
        if let Some(known) = self.look(sequence, request) {
            return known;
        }
        if self.taken.len() >= waiting_max {
            return Admitted::Refused(KeyRefusal::Waiting);
        }
        self.taken.insert(sequence, request);
        Admitted::Deliver
    }

    /// The earlier decision about a number; `None` if it is free.
    pub(super) fn look(&self, sequence: u64, request: RequestDigest) -> Option<Admitted> {
        if let Some(of) = self.taken.get(sequence) {
            return Some(match *of == request {
                true => Admitted::Waits,
                false => Admitted::Refused(KeyRefusal::Used),
            });
        }
        if let Some(answered) = self.answered.get(sequence) {
            return Some(match answered.request == request {
                true => answered.again(),
                false => Admitted::Refused(KeyRefusal::Used),
            });
        }
        let is_forgotten = self.floor.is_some_and(|floor| sequence <= floor);
        is_forgotten.then_some(Admitted::Refused(KeyRefusal::Forgotten))
    }

    pub(super) fn is_answered(&self, sequence: u64) -> bool {
        self.taken.get(sequence).is_none() && self.answered.get(sequence).is_some()
    }

    /// Whether nothing of it is worth keeping.
    pub(super) fn is_blank(&self) -> bool {
        self.floor.is_none() && self.taken.is_empty() && self.answered.is_empty()
    }

    /// The client has sent something, or was answered.
    pub(super) fn heard(
        &mut self,
        client: ClientId,
        now: Height,
        by_age: &mut BTreeSet<(Height, ClientId)>,
    ) {
        if self.last != now {
            by_age.remove(&(self.last, client));
            by_age.insert((now, client));
            self.last = now;
        }
    }

    pub(super) fn keep(&mut self, sequence: u64, answered: Answered) {
        self.bytes += answered.bytes();
        if let Some(before) = self.answered.insert(sequence, answered) {
            self.bytes -= before.bytes();
        }
    }

    /// Forgets the answered key of the lowest number, and every free one below it. Whether its answer was kept;
    /// `None` if there is no such key.
    pub(super) fn forget_lowest(&mut self) -> Option<bool> {
        let (sequence, answered) = self.answered.pop_first()?;
        self.bytes -= answered.bytes();
        self.floor = self.floor.max(Some(sequence));
        Some(answered.outcome.is_some())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The power of two of its bytes; `None` if it has nothing to forget.
    pub(super) fn size(&self) -> Option<u32> {
        self.bytes.checked_ilog2()
    }

    /// Counts its bytes anew: those that came with an image are not to be trusted.
    pub(super) fn counted(mut self) -> Self {
        self.bytes = self.answered.values().map(Answered::bytes).sum();
        self
    }
}

impl Answered {
    fn again(&self) -> Admitted {
        let at = At {
            height: self.height,
            generation: self.generation,
        };
        match &self.outcome {
            Some(outcome) => outcome.again(at),
            None => Admitted::Refused(KeyRefusal::Forgotten),
        }
    }

    fn bytes(&self) -> usize {
        KEY_OVERHEAD_BYTES + self.outcome.as_ref().map_or(0, KeptOutcome::bytes)
    }
}
