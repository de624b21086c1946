//! The execution of one block, from its entries to its outcome.
//!
//! [`Executor::execute`](crate::Executor::execute) does it in this order: timers that are due and the block's entries
//! are put into mailboxes ([`delivery`], [`orders`], [`answering`]); rounds ([`rounds`]) have the crew hand each
//! engine its mail ([`round`], [`handling`]), where what it asks for ([`running`], `services`) goes into its chunk's
//! [`outbox`]; between two rounds the outboxes are carried out ([`routing`]); what leaves the node is the
//! [`outcome`].

pub(crate) mod answering;
mod answers;
pub(crate) mod checked;
pub(crate) mod delivery;
pub(crate) mod handling;
pub(crate) mod lives;
pub(crate) mod orders;
pub(crate) mod report;
pub(crate) mod round;
pub(crate) mod rounds;
pub(crate) mod routing;
pub(crate) mod running;
mod services;
mod shutdown;
pub(crate) mod spare;
pub(crate) mod started;
