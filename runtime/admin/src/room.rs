//! Room for large texts: how many bytes of bodies and answers a node holds at once, over all clients.
//!
//! A text of at most [`SMALL_BYTES`] is free where it is alone on its connection: these are bounded. (Those of a
//! batch take room together.) A larger one takes its bytes out of a room as long as anybody holds it; when they are
//! not there, it is refused, not waited for. So what clients ask for, or leave unread, never grows a node beyond a
//! bound that is known.

use crate::{Bytes, Refusal};
use refit_abi::codes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest text that takes no room, in bytes.
pub const SMALL_BYTES: usize = 16 << 10;

/// Bytes of large answers that a node holds at once: made, and not yet taken by their clients.
pub const ANSWERS_BYTES_MAX: usize = 128 << 20;

/// Bytes of large bodies that a listener holds at once.
pub const BODIES_BYTES_MAX: usize = 128 << 20;

/// A number of bytes, of which parts are taken and given back.
#[derive(Debug, Clone)]
pub struct Room {
    free: Arc<Semaphore>,
    bytes_max: usize,
}

/// A part of a room, given back when dropped.
#[derive(Debug, Default)]
pub struct Part(Option<OwnedSemaphorePermit>);

/// There is not so much room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no room for {bytes} bytes among the {bytes_max} that all clients share; ask again in a moment, or for less"
)]
pub struct NoRoom {
    /// The bytes that were asked for.
    pub bytes: usize,
    /// All that there is.
    pub bytes_max: usize,
}

/// A text with its part of a room.
struct HeldText {
    text: Bytes,
    _part: Part,
}

impl AsRef<[u8]> for HeldText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Room {
    /// A room of so many bytes, 4 GiB at the most.
    pub fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(u32::MAX as usize);
        Self {
            free: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
        }
    }

    /// Takes a part for a text of so many bytes.
    ///
    /// # Errors
    /// [`NoRoom`] if others hold too much of it.
    pub fn take(&self, bytes: usize) -> Result<Part, NoRoom> {
        if bytes <= SMALL_BYTES {
            return Ok(Part(None));
        }
        let permits = u32::try_from(bytes).ok();
        let taken = permits.and_then(|permits| {
            let free = self.free.clone();
            free.try_acquire_many_owned(permits).ok()
        });
        taken.map(|taken| Part(Some(taken))).ok_or(NoRoom {
            bytes,
            bytes_max: self.bytes_max,
        })
    }

    /// Holds a text in this room for as long as anybody holds what it gives back.
    ///
    /// # Errors
    /// [`NoRoom`]; the text is dropped.
    pub fn hold(&self, text: impl Into<Bytes>) -> Result<Bytes, NoRoom> {
        let text = text.into();
        let part = self.take(text.len())?;
        Ok(part.hold(text))
    }
}

impl Part {
    /// Its size in bytes; 0 for a small text.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Gives back all above so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let Some(held) = &mut self.0 else { return };
        let above = held.num_permits().saturating_sub(bytes);
        // The part that is split off is given back as it is dropped.
        let _above = held.split(above);
    }

    /// Adds another part of the same room.
    pub fn add(&mut self, more: Self) {
        match (&mut self.0, more.0) {
            (Some(held), Some(more)) => held.merge(more),
            (empty @ None, more) => *empty = more,
            (Some(_), None) => {}
        }
    }

    /// Holds a text for as long as anybody holds what this gives.
    pub(crate) fn hold(self, text: Bytes) -> Bytes {
        match self.0 {
            Some(_) => Bytes::from_owner(HeldText { text, _part: self }),
            None => text,
        }
    }
}

impl From<NoRoom> for Refusal {
    fn from(no: NoRoom) -> Self {
        let NoRoom { bytes, bytes_max } = no;
        let detail = format!(
            "no room for an answer of {bytes} bytes among the {bytes_max} for all answers that clients have not read yet"
        );
        let next = "ask again in a moment, or for less";
        Self::new(503, codes::ANSWERS_FULL, detail, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;

    #[test]
    fn a_large_text_takes_room_until_its_last_holder_lets_go() {
        let room = Room::new(100 * KIB);
        let first = room.hold(vec![1; 60 * KIB]).unwrap();
        let copy = first.clone();
        assert_eq!(
            room.hold(vec![2; 60 * KIB]).unwrap_err(),
            NoRoom {
                bytes: 60 * KIB,
                bytes_max: 100 * KIB
            }
        );
        drop(first);
        assert!(room.hold(vec![2; 60 * KIB]).is_err());
        assert_eq!(copy.len(), 60 * KIB);
        drop(copy);
        assert!(room.hold(vec![2; 60 * KIB]).is_ok());
    }

    #[test]
    fn a_small_text_finds_room_always_and_one_beyond_all_room_never() {
        let room = Room::new(20 * KIB);
        let all = room.take(20 * KIB).unwrap();
        assert_eq!(room.hold(vec![3; SMALL_BYTES]).unwrap().len(), SMALL_BYTES);
        assert!(room.take(SMALL_BYTES + 1).is_err());
        drop(all);
        assert!(room.take(usize::MAX).is_err());
    }

    #[test]
    fn what_was_taken_too_much_is_given_back() {
        let room = Room::new(100 * KIB);
        let mut part = room.take(90 * KIB).unwrap();
        part.shrink_to(40 * KIB);
        let mut more = room.take(60 * KIB).unwrap();
        assert!(room.take(SMALL_BYTES + 1).is_err());
        more.add(part);
        assert_eq!(more.bytes(), 100 * KIB);
        more.shrink_to(0);
        assert!(room.take(100 * KIB).is_ok());
    }
}
