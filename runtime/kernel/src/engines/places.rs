//! The places of [`Engines`]: a new engine lies after the last, and what lies last can be taken out. What moves where
//! when engines stop is said in `block/lives.rs`.

use crate::engines::Engines;
use crate::engines::chunk::{Chunk, SharedChunk};
use crate::engines::directory::Place;
use crate::engines::mailbox::Mail;
use crate::engines::slot::Slot;
use parking_lot::RwLock;
use refit_abi::EngineId;
use std::sync::Arc;

/// An engine out of its place, with its mail.
pub(crate) struct Tenant {
    pub(crate) slot: Slot,
    pub(crate) mail: Mail,
}

impl Engines {
    /// Gives a new engine the place after the last.
    pub(crate) fn place(&mut self, slot: Slot) -> Place {
        let full = |chunk: &SharedChunk| chunk.read().slots.len() >= self.per_chunk;
        if self.chunks.last().is_none_or(full) {
            self.chunks.push(Arc::new(RwLock::new(Chunk::default())));
        }
        let chunk = (self.chunks.len() - 1) as u32;
        let mut last = self.chunks[chunk as usize].write();
        let place = Place {
            chunk,
            slot: last.slots.len() as u32,
        };
        Arc::make_mut(&mut self.directory).add(slot.id, place);
        last.slots.push(slot);
        place
    }

    pub(crate) fn last_place(&self) -> Option<Place> {
        let chunk = self.chunks.len().checked_sub(1)?;
        let slot = self.chunks[chunk].read().slots.len().checked_sub(1)?;
        Some(Place {
            chunk: chunk as u32,
            slot: slot as u32,
        })
    }

    /// All engines, in the order of their places.
    pub(crate) fn ids(&self) -> Vec<EngineId> {
        let mut ids = Vec::with_capacity(self.directory.len());
        for chunk in &self.chunks {
            ids.extend(chunk.read().slots.iter().map(|slot| slot.id));
        }
        ids
    }

    /// Takes what lies last out of its place; a chunk that is empty then is no more.
    pub(crate) fn take_last(&mut self) -> Option<Tenant> {
        let place = self.last_place()?;
        let taken = self.change(place.chunk, |chunk| {
            let mail = chunk.take_mail(place.slot);
            let slot = chunk.slots.pop()?;
            Some(Tenant { slot, mail })
        });
        if place.slot == 0 {
            self.chunks.pop();
        }
        taken
    }

    /// Changes a chunk. Whether it has mail is known afterwards too.
    pub(crate) fn change<T>(&mut self, number: u32, change: impl FnOnce(&mut Chunk) -> T) -> T {
        let mut chunk = self.chunks[number as usize].write();
        let had_mail = !chunk.active.is_empty();
        let changed = change(&mut chunk);
        let has_mail = !chunk.active.is_empty();
        drop(chunk);
        if has_mail && !had_mail {
            self.active.push(number);
        }
        if had_mail && !has_mail {
            self.active.retain(|other| *other != number);
        }
        changed
    }
}
