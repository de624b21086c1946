//! Helpers that the tests of several packages share, without a node: [`check`], which tries random cases that can be
//! had again, and with the feature `double` `Double`, which answers as a node would.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[cfg(feature = "double")]
mod double;
#[cfg(feature = "double")]
mod feed;
#[cfg(feature = "double")]
mod looked;
mod random;
#[cfg(feature = "double")]
mod revived;
#[cfg(feature = "double")]
mod told;

#[cfg(feature = "double")]
pub use double::{Double, LIFE, SNAPSHOT, fixture};
#[cfg(feature = "double")]
pub use feed::Feed;
pub use random::check;
