//! [`Held`]: letters that wait for the next block because their cause has used up its part of this one.
//!
//! They lie beside the mailbox, so that no round looks at them. Later letters of the same senders lie there too: else
//! these would come before them.

use crate::engines::mailbox::{Letter, Mail, Mailbox};
use crate::envelope::Envelope;
use refit_abi::Sender;
use std::collections::BTreeSet;

/// The letters of one engine that are held back.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(super) mail: Mail,
    senders: BTreeSet<Sender>,
}

impl Mailbox {
    /// Whether something is held back.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Whether a letter is held back because one of its sender is.
    #[inline]
    pub(crate) fn holds_back(&self, sender: Sender) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.senders.contains(&sender))
    }

    /// Holds a message back that has come; whether it is the first.
    pub(crate) fn hold(&mut self, envelope: Envelope, payload: &[u8]) -> bool {
        self.bytes += payload.len();
        self.keep_back(envelope, payload)
    }

    fn keep_back(&mut self, envelope: Envelope, payload: &[u8]) -> bool {
        let is_first = self.held.is_none();
        let held = self.held.get_or_insert_default();
        held.senders.insert(envelope.sender);
        held.mail.put(envelope, payload);
        is_first
    }

    /// Moves letters to what is held back: those for which `stays` does not hold, and what their senders sent after
    /// them. Tells each that is moved; returns whether something is held back now and was not before.
    pub(crate) fn hold_of(
        &mut self,
        arena: &[u8],
        mut stays: impl FnMut(&Letter) -> bool,
        mut moved: impl FnMut(&Letter),
    ) -> bool {
        // Letters that are held back already came after all those in the mailbox.
        let later = self.held.take();
        for letter in std::mem::take(&mut self.letters) {
            if !self.holds_back(letter.envelope.sender) && stays(&letter) {
                self.letters.push(letter);
                continue;
            }
            moved(&letter);
            self.keep_back(letter.envelope, letter.payload(arena));
        }
        match later {
            Some(later) => {
                self.hold_later(later);
                false
            }
            None => self.held.is_some(),
        }
    }

    /// Holds back, after what is held back, what has come later.
    fn hold_later(&mut self, later: Box<Held>) {
        if self.held.is_none() {
            self.held = Some(later);
            return;
        }
        for letter in &later.mail.letters {
            self.keep_back(letter.envelope, letter.payload(&later.mail.payloads));
        }
    }

    /// Takes out all that is held back, in order.
    pub(crate) fn take_held(&mut self) -> Mail {
        let held = self.held.take();
        let mail = held.map(|held| held.mail).unwrap_or_default();
        self.bytes -= mail.payloads.len();
        mail
    }

    /// Puts what is held back before what is in the mailbox; returns how many letters that were.
    pub(crate) fn unhold(&mut self, arena: &mut Vec<u8>) -> usize {
        let Mail {
            mut letters,
            payloads,
        } = self.take_held();
        for letter in &mut letters {
            letter.carry(&payloads, arena);
        }
        self.bytes += payloads.len();
        let count = letters.len();
        self.letters.splice(..0, letters);
        count
    }
}
