//! What an upgrade does to an executor: before, in and after the pause.
//!
//! While the gate is closed, [`quiesced`] is the proof of it and the only way to change anything; transitions look at
//! the node through a [`view`] and put what they make beside the old states. [`acceptance`] and [`reworded`] decide
//! whether the new code takes what waits. Up to the commit nothing of the old generation is changed.
//!
//! # After the commit
//! Half of an upgrade happens after its one pointer store, and none of it can fail. In order, as `file::function`:
//!
//! 1. `swap/quiesced.rs::publish`: the new table is live. It remembers, by kind, how a state that is still as the old
//!    code left it becomes the new code's (`generation/table.rs::Pending`).
//! 2. `swap/reworded.rs::put_reworded`: what clients wrote in words that have changed is put into its letters anew.
//! 3. `swap/acceptance.rs::bury_unaccepted`: the messages that the plan gives up become dead letters, and their
//!    clients are told.
//! 4. `swap/commit_effects.rs::take_over`: engines that the transitions started get their places,
//!    those that they retired end, upgrade messages for ordinary engines come first in their mailboxes. The gate opens;
//!    the pause is over.
//! 5. `engines/slot.rs::settle`: the first touch of an engine (a letter, a query, an image) makes its state the new
//!    code's. It counts as done at the update point, whenever it is done. What it leaves over goes to
//!    `generation/replaced.rs::keep`; a state that cannot be settled poisons its engine and is written down
//!    (`generation/kept.rs`).
//! 6. `crew/leader.rs::lead_on`: the crew that ran the pause leads on for a few blocks and hands over to a fresh one.
//! 7. `swap/sweep.rs::sweep_step`: between two blocks the leader settles the engines of a few more chunks. After the
//!    last chunk the table drops the old code (`generation/table.rs::settled`).
//! 8. `swap/sweep.rs::take_replaced`: the retirement of the old generation takes the states left over, joins the old
//!    crew, and drops it on a thread that has ended before the code is unmapped (`generation/replaced.rs::discard`).

pub(crate) mod acceptance;
pub(crate) mod commit_effects;
pub(crate) mod quiesced;
pub(crate) mod reworded;
pub(crate) mod sweep;
pub(crate) mod view;
