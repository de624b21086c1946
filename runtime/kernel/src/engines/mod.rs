//! The engines of a node: where they lie, from their start to their end, and what is known of each.
//!
//! An engine is a [`slot`] with a [`mailbox`] in a [`chunk`], found by the [`directory`]. It comes in as a [`newborn`], gets its place and
//! loses it in [`lives`]; [`look`] tells how the engines are.

pub(crate) mod chunk;
pub(crate) mod directory;
pub(crate) mod discard;
pub(crate) mod held;
pub(crate) mod lives;
pub(crate) mod look;
pub(crate) mod mailbox;
pub(crate) mod newborn;
pub(crate) mod slot;
pub(crate) mod slot_timers;
