//! [`Chunk`]: some engines that one worker handles in a round, with their mail and their outbox.

use crate::engines::mailbox::{Letter, Mail};
use crate::engines::outbox::Outbox;
use crate::engines::slot::{EngineStatus, Next, Slot};
use crate::engines::slot_ref::SlotRef;
use crate::generation::table::{KindIndex, Pending};
use parking_lot::RwLock;
use refit_abi::host::Kind;
use std::sync::Arc;

/// As the members of a crew have it.
pub(crate) type SharedChunk = Arc<RwLock<Chunk>>;

/// Some engines, claimed together by one worker.
#[derive(Debug, Default)]
pub struct Chunk {
    pub(crate) slots: Vec<Slot>,
    /// Payloads of the mail that waits; emptied when the mail is handled.
    pub(crate) arena: Vec<u8>,
    /// Slots with mail, in the order it came.
    pub(crate) active: Vec<u32>,
    pub(crate) outbox: Outbox,
    /// The most bytes that the arena has held since room that is not needed was last given back.
    pub(crate) arena_needed: usize,
}

/// One engine in a transition: its old state is read, what is new is put beside it.
#[derive(Debug)]
pub struct SlotView<'a> {
    slot: &'a mut Slot,
}

impl Chunk {
    /// The engines of this chunk that are of kind `kind`.
    pub fn there(&mut self, kind: KindIndex) -> impl Iterator<Item = SlotView<'_>> {
        self.slots
            .iter_mut()
            .filter(move |slot| slot.kind == kind)
            .map(|slot| SlotView { slot })
    }

    /// Its engines of any kind, only to look at; each with its number in the chunk.
    pub fn look(&self) -> impl Iterator<Item = (u32, SlotRef<'_>)> {
        let slots = self.slots.iter().enumerate();
        slots.map(|(number, slot)| (number as u32, SlotRef { slot }))
    }

    /// The engine of a number.
    pub fn slot(&mut self, number: u32) -> Option<SlotView<'_>> {
        let slot = self.slots.get_mut(number as usize)?;
        Some(SlotView { slot })
    }

    /// Takes an engine's mail out.
    pub(crate) fn take_mail(&mut self, number: u32) -> Mail {
        let Some(slot) = self.slots.get_mut(number as usize) else {
            return Mail::default();
        };
        if slot.mailbox.is_empty() {
            return Mail::default();
        }
        let mail = slot.mailbox.take(&self.arena);
        self.active.retain(|other| *other != number);
        if self.active.is_empty() {
            self.arena.clear();
        }
        mail
    }

    /// Gives mail to an engine that has none.
    pub(crate) fn put_mail(&mut self, number: u32, mail: Mail) {
        let Some(slot) = self.slots.get_mut(number as usize) else {
            return;
        };
        if mail.letters.is_empty() {
            return;
        }
        slot.mailbox.give(mail, &mut self.arena);
        self.active.push(number);
    }

    /// Puts what is held back of an engine's mail before what is in its mailbox; gives these letters.
    pub(crate) fn unhold(&mut self, number: u32) -> &[Letter] {
        let Some(slot) = self.slots.get_mut(number as usize) else {
            return &[];
        };
        let was_empty = slot.mailbox.is_empty();
        let count = slot.mailbox.unhold(&mut self.arena);
        if was_empty && count > 0 {
            self.active.push(number);
        }
        &slot.mailbox.letters()[..count]
    }

    /// Puts one engine into the place of another, which is given back.
    pub(crate) fn replace(&mut self, number: u32, slot: Slot) -> Slot {
        std::mem::replace(&mut self.slots[number as usize], slot)
    }

    /// How its engines are.
    pub fn statuses(&self) -> impl Iterator<Item = EngineStatus> + '_ {
        self.slots.iter().map(Slot::status)
    }
}

impl SlotView<'_> {
    /// Puts what a transition made beside the old state.
    pub fn set_next(&mut self, next: Next) {
        self.slot.next = Some(next);
    }

    /// Drops what an aborted transition made, with the code that made it.
    pub fn discard_next(&mut self, pending: &Pending, new: &Kind) {
        self.slot.discard_next(pending, new);
    }
}
