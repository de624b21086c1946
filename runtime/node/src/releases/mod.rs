//! Releases in the node: imported into a folder, and found for an upgrade.
//!
//! ```text
//! bytes ──frame──► ReleaseBytes ──signatures──► VerifiedRelease ──this node's files──► StagedRelease ──► probed, as any library
//! ```
//!
//! Nothing of a release is decoded beyond its frame before its signatures counted, none of its files has a name before its
//! hash was compared, and none is looked into, mapped or run before it is staged from here.

pub(crate) mod building;
mod built;
mod coming;
mod error;
mod folder;
mod staged;
mod target;

pub use error::{KeepError, NotStaged};
pub use folder::{RELEASE_BYTES_MAX, RELEASES_MAX, open_file};

pub use building::{BUILD_WAIT_MAX, BuildCommand, BuildOrder, BuildSaid};
pub(crate) use built::Builds;
pub(crate) use coming::name;
pub(crate) use folder::{About, ReleaseFolder};
pub(crate) use staged::{StagedModule, StagedRelease};
pub(crate) use target::TARGET;
