//! The parts of what the closed list itself divides: sequences, texts, maps, sets and variants.
//!
//! Part 0 of what has a length is that length, as postcard writes it.

use super::{Piece, Place, Reason, Stop, Written};
use crate::codec::{self, Refused};
use crate::{State, StateKey};
use std::collections::{BTreeMap, BTreeSet};

/// Part of a map's or a set's entry: its key.
const KEY: u64 = 1;

/// Part of a map's entry: its value.
const VALUE: u64 = 2;

impl Piece<'_> {
    /// The elements of a sequence, after its length.
    pub(crate) fn sequence<'v, T: State>(
        &mut self,
        length: usize,
        element: impl Fn(usize) -> Option<&'v T>,
    ) -> Written {
        let level = self.enter();
        self.length(&level, length)?;
        let first = level.part.max(1);
        self.elements(first, |part| element(usize::try_from(part - 1).ok()?))
    }

    /// The elements of a tuple of one type: its length is not written.
    pub(crate) fn array<T: State>(&mut self, elements: &[T]) -> Written {
        let level = self.enter();
        self.elements(level.part, |part| elements.get(usize::try_from(part).ok()?))
    }

    fn elements<'v, T: State>(
        &mut self,
        mut part: u64,
        element: impl Fn(u64) -> Option<&'v T>,
    ) -> Written {
        while let Some(element) = element(part) {
            self.step(part, |piece| piece.inside(element))?;
            part += 1;
        }
        Ok(())
    }

    /// The bytes of a text: the only thing that a piece ends in the middle of. Part 1 is the first byte.
    pub(crate) fn text(&mut self, text: &str) -> Written {
        let level = self.enter();
        self.length(&level, text.len())?;
        let first = level.part.max(1);
        let begin = usize::try_from(first - 1).unwrap_or(usize::MAX);
        let rest = text.as_bytes().get(begin..).unwrap_or_default();
        let room = self.bytes_max.saturating_sub(self.out.len());
        let now = rest.get(..room).unwrap_or(rest);
        self.out.extend_from_slice(now);
        if now.len() == rest.len() {
            return Ok(());
        }
        self.step(first + now.len() as u64, |_| Err(Stop(Reason::Full)))
    }

    /// The entries of a map, in their order.
    pub(crate) fn map<K: StateKey, V: State>(&mut self, map: &BTreeMap<K, V>) -> Written {
        let level = self.enter();
        self.length(&level, map.len())?;
        let from = key_of::<K>(&level)?;
        let entries = match &from {
            Some(key) => map.range(key..),
            None => map.range::<K, _>(..),
        };
        // Only the first entry may have a key that was written.
        let mut key_is_written = level.part == VALUE;
        for (key, value) in entries {
            if !std::mem::take(&mut key_is_written) {
                let written = self.step(KEY, |piece| piece.whole(key));
                self.keyed(written, key)?;
            }
            let written = self.step(VALUE, |piece| piece.inside(value));
            self.keyed(written, key)?;
        }
        Ok(())
    }

    /// The elements of a set, in their order.
    pub(crate) fn set<K: StateKey>(&mut self, set: &BTreeSet<K>) -> Written {
        let level = self.enter();
        self.length(&level, set.len())?;
        let from = key_of::<K>(&level)?;
        let mut keys = match &from {
            Some(key) => set.range(key..),
            None => set.range::<K, _>(..),
        };
        keys.try_for_each(|key| {
            let written = self.step(KEY, |piece| piece.whole(key));
            self.keyed(written, key)
        })
    }

    /// A value behind the number of its variant.
    pub(crate) fn variant<T: State>(&mut self, number: u32, value: &T) -> Written {
        let level = self.enter();
        self.part(&level, 0, |piece| piece.plain(&number))?;
        self.step(1, |piece| piece.inside(value))
    }

    fn length(&mut self, level: &Place, length: usize) -> Written {
        self.part(level, 0, |piece| piece.plain(&(length as u64)))
    }

    /// Adds the key to the place of a step that ended the piece.
    fn keyed<K: StateKey>(&mut self, written: Written, key: &K) -> Written {
        if let Err(Stop(Reason::Full)) = written
            && let Some(place) = self.to.last_mut()
        {
            codec::encode_state(key, &mut place.key)?;
        }
        written
    }
}

/// The key that a map or a set goes on at; `None` at its first.
fn key_of<K: StateKey>(level: &Place) -> Result<Option<K>, Refused> {
    match level.part {
        0 => Ok(None),
        _ => codec::decode_state(&level.key).map(Some),
    }
}
