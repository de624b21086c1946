//! The code of a generation: each kind's ([`table`]) and what it may do ([`powers`]); and what it has taken over from the
//! one before ([`settling`]): states to be dropped ([`replaced`]), states that could not be settled ([`kept`]).

pub(crate) mod kept;
mod powers;
pub mod replaced;
pub(crate) mod settling;
pub(crate) mod table;
