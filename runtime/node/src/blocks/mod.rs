//! Blocks: what clients sent comes in ([`intake`]), the [`driver`] has blocks made, logged and executed, and each
//! answer goes to its client ([`waiters`], [`group`]); [`orders`] of operators come in beside them; [`chain`] is what
//! the headers say, [`states`] what they say of checkpoints.

pub(crate) mod chain;
pub(crate) mod clock;
pub(crate) mod driver;
pub(crate) mod group;
pub(crate) mod intake;
pub(crate) mod orders;
pub(crate) mod states;
pub(crate) mod waiters;
