//! The kernel's promises, tested on crews of real threads with engines that are linked in.
//!
//! The engines are scripted ([`actor`]): a message says what its handler does. For random scripts a
//! plain model ([`model`]) foretells all that a block gives.

mod actor;
mod bounded;
mod budgets;
mod faults;
mod lifecycle;
mod model;
mod node;
mod once;
mod order;
mod timers;
mod troubles;
mod workers;
