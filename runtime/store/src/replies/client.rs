//! One client's part of the recorded replies.
//!
//! Invariant: every number in `kept` is at or above `floor`.

use super::{Lookup, REPLY_BYTES_MAX, REPLY_OVERHEAD_BYTES};
use refit_abi::{ClientId, Height};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is remembered of one client.
#[derive(Debug)]
pub(super) struct Client {
    /// The height of its last recorded message.
    pub(super) last: Height,
    /// Every number below is forgotten.
    floor: Floor,
    kept: BTreeMap<u64, Kept>,
}

/// The end of what is forgotten; apart from a number so that the largest number can be forgotten too.
#[derive(Clone, Copy, Debug)]
enum Floor {
    Nothing,
    Through(u64),
}

#[derive(Debug)]
struct Kept {
    height: Height,
    /// `None`: executed, but the reply was too large to keep.
    reply: Option<Arc<[u8]>>,
}

impl Kept {
    fn bytes(&self) -> usize {
        REPLY_OVERHEAD_BYTES + self.reply.as_ref().map_or(0, |reply| reply.len())
    }
}

impl Client {
    pub(super) fn new(last: Height) -> Self {
        Self {
            last,
            floor: Floor::Nothing,
            kept: BTreeMap::new(),
        }
    }

    /// Its place among the clients by age.
    pub(super) fn age(&self, id: ClientId) -> (Height, ClientId) {
        (self.last, id)
    }

    pub(super) fn is_forgotten(&self, sequence: u64) -> bool {
        matches!(self.floor, Floor::Through(through) if sequence <= through)
    }

    pub(super) fn holds(&self, sequence: u64) -> bool {
        self.kept.contains_key(&sequence)
    }

    pub(super) fn lookup(&self, sequence: u64) -> Lookup {
        if self.is_forgotten(sequence) {
            return Lookup::Forgotten;
        }
        match self.kept.get(&sequence) {
            None => Lookup::Unknown,
            Some(Kept { reply: None, .. }) => Lookup::Forgotten,
            Some(Kept {
                height,
                reply: Some(reply),
            }) => Lookup::Known {
                height: *height,
                reply: Arc::clone(reply),
            },
        }
    }

    /// Keeps a reply and gives what it is charged, in bytes.
    pub(super) fn keep(&mut self, sequence: u64, height: Height, reply: &[u8]) -> usize {
        let reply = (reply.len() <= REPLY_BYTES_MAX).then(|| Arc::from(reply));
        let kept = Kept { height, reply };
        let bytes = kept.bytes();
        self.kept.insert(sequence, kept);
        bytes
    }

    /// Forgets the lowest number and all below it, and gives the bytes that this frees.
    pub(super) fn drop_lowest(&mut self) -> usize {
        let Some((sequence, kept)) = self.kept.pop_first() else {
            return 0;
        };
        self.floor = Floor::Through(sequence);
        kept.bytes()
    }

    pub(super) fn replies(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.kept.values().map(Kept::bytes).sum()
    }
}
