//! The upgrade bus: what the transitions of one upgrade do to each other, unseen until the commit.
//!
//! Life: [`crate::transition`] runs the kinds' transitions in stages, each engine with an
//! [`EngineBus`]; what it sends, starts and retires lies in its chunk's [`Out`] and is taken up by the
//! leader between two stages, in the order of the engines' places. Engines whose new state is wholly their own
//! and that handle upgrade messages are [`Residents`]; their messages are handled in [`rounds`], each
//! round those that the one before sent. What is left becomes the effects of the commit.
//!
//! Invariants: the old generation's memory is only read; the result depends neither on the number of
//! workers nor on how engines are packed into chunks, because order comes from the engines' and the
//! residents' places, never from time or kind, also where several things fail at once; a budget that is
//! spent aborts the upgrade, whatever the author does with the error.

mod account;
mod engine_bus;
mod out;
mod residents;
pub(crate) mod rounds;
mod routing;
mod shared;
mod spawns;
mod task;

pub(crate) use account::{Account, Used};
pub(crate) use engine_bus::{EngineBus, When};
pub(crate) use out::{Out, Outgoing, TRANSITION_LINES_MAX};
pub(crate) use residents::{Home, Letter, Resident, Residents};
pub use rounds::RESIDENTS_PER_TASK;
pub(crate) use shared::Shared;
