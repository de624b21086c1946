//! The execution of one block, from its entries to its outcome.
//!
//! [`Executor::execute`](crate::Executor::execute) does it in this order: timers that are due and the block's entries
//! ([`input`]) are put into mailboxes ([`delivery`], [`orders`], [`answering`]); rounds ([`rounds`]) have the crew
//! ([`job`]) hand each engine its mail ([`round`], [`handling`]), where what it asks for ([`running`], `services`)
//! goes into its chunk's outbox; between two rounds the outboxes are carried out ([`routing`]), and engines start
//! ([`started`]) and stop ([`lives`]).

pub(crate) mod answering;
mod answers;
pub(crate) mod checked;
pub(crate) mod delivery;
mod execute;
mod give_back;
pub(crate) mod handling;
pub(crate) mod hold_back;
pub(crate) mod input;
pub(crate) mod job;
pub(crate) mod lives;
pub(crate) mod noted;
pub(crate) mod orders;
pub(crate) mod report;
pub(crate) mod round;
pub(crate) mod rounds;
pub(crate) mod routing;
pub(crate) mod running;
mod services;
mod shutdown;
pub(crate) mod start;
pub(crate) mod started;
