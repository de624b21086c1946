//! What is kept of one client that sends under keys.
//!
//! ```text
//!             forgotten         taken or answered
//! 0 ─────────────────── floor ──── answered ── free ── taken ── answered ── free …
//! ```
//!
//! A key that was taken before the floor rose above it stays what it is.

use super::request::RequestDigest;
use crate::limits::KEY_OVERHEAD_BYTES;
use crate::outcome::ReplyError;
use refit_abi::{Generation, Height};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One client: the keys that are taken, and those that were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Name {
    /// The height of its last message.
    pub(super) last: Height,
    /// Every number up to this one is forgotten, unless it is in one of the maps. `None`: none is.
    floor: Option<u64>,
    /// The messages that wait.
    pub(super) taken: BTreeMap<u64, RequestDigest>,
    pub(super) answered: BTreeMap<u64, Answered>,
    /// What the answered keys are charged.
    bytes: usize,
}

/// A key whose message an engine has handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) request: RequestDigest,
    pub(super) height: Height,
    pub(super) generation: Generation,
    /// Without the text of a panic. `None`: it was too large to keep.
    pub(super) outcome: Option<Box<Result<Vec<u8>, ReplyError>>>,
}

/// What is known of one number.
pub(super) enum Known<'a> {
    Free,
    Taken(RequestDigest),
    Answered(&'a Answered),
    Forgotten,
}

impl Name {
    pub(super) fn new(last: Height) -> Self {
        Self {
            last,
            floor: None,
            taken: BTreeMap::new(),
            answered: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(super) fn known(&self, sequence: u64) -> Known<'_> {
        if let Some(request) = self.taken.get(&sequence) {
            return Known::Taken(*request);
        }
        match self.answered.get(&sequence) {
            Some(answered) => Known::Answered(answered),
            None if self.floor.is_some_and(|floor| sequence <= floor) => Known::Forgotten,
            None => Known::Free,
        }
    }

    /// Whether nothing of it is worth keeping.
    pub(super) fn is_blank(&self) -> bool {
        self.floor.is_none() && self.taken.is_empty() && self.answered.is_empty()
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
    fn bytes(&self) -> usize {
        KEY_OVERHEAD_BYTES + self.outcome.as_deref().map_or(0, outcome_bytes)
    }
}

/// An outcome as it is kept.
pub(super) fn without_panic_text(
    outcome: &Result<Vec<u8>, ReplyError>,
) -> Result<Vec<u8>, ReplyError> {
    let text = String::new();
    match outcome {
        Err(ReplyError::Panicked { engine, .. }) => Err(ReplyError::Panicked {
            engine: *engine,
            text,
        }),
        Err(ReplyError::RolledBack { engine, .. }) => Err(ReplyError::RolledBack {
            engine: *engine,
            text,
        }),
        other => other.clone(),
    }
}

/// What an outcome takes beside its place, in bytes.
pub(super) fn outcome_bytes(outcome: &Result<Vec<u8>, ReplyError>) -> usize {
    match outcome {
        Ok(reply) => reply.len(),
        Err(ReplyError::Fault(fault) | ReplyError::ChangedAtFault(fault)) => {
            fault.code.len() + fault.detail.len() + fault.key.as_ref().map_or(0, String::len)
        }
        Err(ReplyError::Rejected { reason, .. }) => reason.len(),
        Err(
            ReplyError::Panicked { .. }
            | ReplyError::RolledBack { .. }
            | ReplyError::TooLarge { .. }
            | ReplyError::Undelivered { .. }
            | ReplyError::Key(_),
        ) => 0,
    }
}
