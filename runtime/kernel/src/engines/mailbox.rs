//! [`Mailbox`]: the messages that wait for one engine, in their order.
//!
//! A mailbox holds envelopes. The payloads of all mailboxes of a chunk lie one after the other in the chunk's
//! *arena*, which is emptied when its mail is handled: a message costs no allocation of its own. So the caller that
//! puts a message in or takes one out brings the arena along. Mailboxes belong to the runtime, never to a generation.

use crate::causes::CauseIndex;
use crate::engines::held::Held;
use crate::envelope::Envelope;
use std::ops::Range;

/// A message in a mailbox: its envelope, and where its payload lies in the arena.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) envelope: Envelope,
    pub(crate) payload: Range<usize>,
}

/// The mail of one engine.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    pub(super) letters: Vec<Letter>,
    /// Bytes of what waits, that which is held back included.
    pub(super) bytes: usize,
    /// The letters held back for the next block; between blocks there are none.
    pub(super) held: Option<Box<Held>>,
    /// The most letters that it has held since room that is not needed was last given back.
    pub(super) needed: usize,
}

/// Mail that lies in no chunk: letters, whose payloads are parts of the bytes beside them.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) letters: Vec<Letter>,
    pub(crate) payloads: Vec<u8>,
}

impl Letter {
    /// The letters and bytes in it.
    #[inline]
    pub(crate) fn payload<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.payload.clone()]
    }

    /// Copies its payload from where it lies to the end of `to`, where it lies then.
    pub(crate) fn carry(&mut self, from: &[u8], to: &mut Vec<u8>) {
        self.payload = append(to, &from[self.payload.clone()]);
    }
}

/// Puts a payload behind those that are there; gives where it lies.
#[inline]
fn append(arena: &mut Vec<u8>, payload: &[u8]) -> Range<usize> {
    let start = arena.len();
    arena.extend_from_slice(payload);
    start..arena.len()
}

impl Mail {
    /// Puts a message behind those that are there.
    pub(crate) fn put(&mut self, envelope: Envelope, payload: &[u8]) {
        let payload = append(&mut self.payloads, payload);
        self.letters.push(Letter { envelope, payload });
    }

    /// Bytes of all payloads.
    pub(crate) fn bytes(&self) -> usize {
        self.letters.iter().map(|letter| letter.payload.len()).sum()
    }
}

impl Mailbox {
    /// The letters and bytes that a round may handle.
    #[inline]
    pub(crate) fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// Whether no round finds anything to handle.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// How many messages wait, those that are held back included.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        let held = self.held.as_ref();
        self.letters.len() + held.map_or(0, |held| held.mail.letters.len())
    }

    /// Their bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts a message behind those that wait.
    #[inline]
    pub(crate) fn put(&mut self, envelope: Envelope, payload: &[u8], arena: &mut Vec<u8>) {
        let payload = append(arena, payload);
        self.bytes += payload.len();
        self.letters.push(Letter { envelope, payload });
    }

    /// Takes the letters out for a round; what is left of them comes back by [`Mailbox::put_back`].
    #[inline]
    pub(crate) fn take_out(&mut self) -> Vec<Letter> {
        let letters = std::mem::take(&mut self.letters);
        self.needed = self.needed.max(letters.len());
        letters
    }

    /// Puts back what a round has left of the letters; it has handled so many bytes of them.
    #[inline]
    pub(crate) fn put_back(&mut self, left: Vec<Letter>, handled_bytes: usize) {
        self.letters = left;
        self.bytes -= handled_bytes;
    }

    /// Takes out all that a round may handle, with its payloads.
    pub(crate) fn take(&mut self, arena: &[u8]) -> Mail {
        let mut mail = Mail {
            letters: std::mem::take(&mut self.letters),
            payloads: Vec::new(),
        };
        for letter in &mut mail.letters {
            letter.carry(arena, &mut mail.payloads);
        }
        self.bytes -= mail.payloads.len();
        mail
    }

    /// Puts mail into a mailbox that is empty.
    pub(crate) fn give(&mut self, mut mail: Mail, arena: &mut Vec<u8>) {
        for letter in &mut mail.letters {
            letter.carry(&mail.payloads, arena);
        }
        self.bytes += mail.payloads.len();
        self.letters = mail.letters;
    }

    /// Turns it so that what has come after the first `before` letters comes first.
    pub(crate) fn first(&mut self, before: usize) {
        self.letters.rotate_left(before);
    }

    /// Drops the letters for which `keep` does not hold.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Letter) -> bool) {
        let bytes = &mut self.bytes;
        self.letters.retain(|letter| {
            let keeps = keep(letter);
            if !keeps {
                *bytes -= letter.payload.len();
            }
            keeps
        });
    }

    /// Writes the letter of an index anew; returns its cause, and how many bytes it had.
    pub(crate) fn rewrite(
        &mut self,
        at: usize,
        payload: &[u8],
        arena: &mut Vec<u8>,
        change: impl FnOnce(&mut Envelope),
    ) -> Option<(CauseIndex, usize)> {
        let letter = self.letters.get_mut(at)?;
        let before = letter.payload.len();
        letter.payload = append(arena, payload);
        change(&mut letter.envelope);
        self.bytes = self.bytes - before + payload.len();
        Some((letter.envelope.cause, before))
    }

    /// Bytes of room for letters, used or not.
    pub(crate) fn room_bytes(&self) -> usize {
        self.letters.capacity() * size_of::<Letter>()
    }

    /// The letters, and the most that there were since the last call: to give room back.
    pub(crate) fn room(&mut self) -> (&mut Vec<Letter>, usize) {
        (&mut self.letters, std::mem::take(&mut self.needed))
    }
}
