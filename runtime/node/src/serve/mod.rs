//! Serving: the node's [`handle`], and what the admin interface asks through it: messages and queries one by one
//! ([`asking`]) and in batches ([`batch`]), orders of operators ([`orders`]), one look at the node ([`status`]), one
//! engine's state ([`capture`]), the code that is kept ([`releases`]).
//!
//! All of it runs on threads that serve connections: nothing here waits without a bound.

pub(crate) mod alarms;
mod asking;
pub(crate) mod batch;
pub(crate) mod capture;
pub(crate) mod handle;
pub(crate) mod orders;
pub(crate) mod place;
mod probation;
mod releases;
mod revive;
pub(crate) mod status;
pub(crate) mod trials;
