//! The workshop and the harness of the end-to-end tests.
//!
//! A [`Workshop`] builds engine modules from [`Source`] trees, once for all tests. A [`Harness`] is
//! one node in this process with what a test does to it: messages, plans, upgrades, looks. A
//! [`Fixed`] is one on blocks that were fixed before. A
//! [`Withdraw`] is the operator who changes his mind at a phase. [`process`] counts what must not
//! grow.
//!
//! A failure in here fails the test that called: functions panic, and say where.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod fixed;
mod harness;
pub mod process;
mod source;
mod withdraw;
mod workshop;

pub use fixed::{Fixed, FixedUpgrade, Played, Scene, opened, same_copy};
pub use harness::{Harness, Reason, UPGRADE_WAIT_MAX};
pub use source::Source;
pub use withdraw::Withdraw;
pub use workshop::{Workshop, own_copy};
