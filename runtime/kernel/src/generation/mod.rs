//! The code of a generation: each kind's ([`table`]), and what waits for the code before it: states to be dropped
//! ([`replaced`]) and states that could not be settled ([`kept`]).

pub(crate) mod kept;
pub mod replaced;
pub(crate) mod table;
