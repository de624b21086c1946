//! Helpers that the tests of several packages share, without a node: [`check`], which tries random cases that can be
//! had again; with the feature `double` `Double`, which answers as a node would, and with `disk` `Disk`, which fails as a
//! disk does.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[cfg(feature = "disk")]
mod disk;
#[cfg(feature = "double")]
mod double;
#[cfg(feature = "double")]
mod feed;
#[cfg(feature = "double")]
mod looked;
mod random;
#[cfg(feature = "double")]
mod releases;
#[cfg(feature = "double")]
mod revived;
#[cfg(feature = "double")]
mod told;

#[cfg(feature = "disk")]
pub use disk::{Disk, Fails, Told, remains};
#[cfg(feature = "double")]
pub use double::{Double, LIFE, SNAPSHOT};
#[cfg(feature = "double")]
pub use feed::Feed;
pub use random::check;
#[cfg(feature = "double")]
pub use told::fixture;
