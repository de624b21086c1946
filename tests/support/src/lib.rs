//! Helpers that the tests of several packages share, without a node: [`Double`], which answers as a node would, and
//! [`check`], which tries random cases that can be had again.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod double;
mod feed;
mod random;
mod told;

pub use double::{Double, LIFE, fixture};
pub use feed::Feed;
pub use random::check;
