//! Builds an engine's source into a module: `cargo build --lib --features module`, in a folder of
//! its own, stamped with a build id, and copied to a name that is the hash of its bytes.
//!
//! # Folders
//! Everything is written under the builder's root, never into the author's source:
//!
//! ```text
//! ROOT/artifacts/<blake3>.so     what was built; never changed once it is there
//! ROOT/targets/<source>/         cargo's target folder, one per source path
//! ROOT/overlays/<source>/        manifest and lock for a source that has no lock of its own
//! ROOT/seeds/<key>/              compiled dependencies, copied into each new target folder
//! ROOT/locks/                    so that two builders do not work in one folder at once
//! ```
//!
//! The root may lie inside the source: it carries a tag ([`is_output`]), and what a tagged folder holds
//! is not part of a source.
//!
//! Two sources never share a target folder: cargo calls every build of a package `libNAME.so`, and
//! would take one source's for the other's. What makes that bearable is a *seed*: a new target
//! folder starts with the dependencies compiled already.
//!
//! This is a plain build with the author's rights: `build.rs` scripts and macros run as the user who
//! builds. It contains no unsafe code and knows nothing of what is built.

mod builder;
mod cancel;
mod cargo;
mod error;
mod identity;
mod output;
mod overlay;
mod package;
mod place;
mod seed;
mod toolchain;

pub use builder::{Builder, Built, Profile};
pub use error::BuildError;
pub use output::{is_output, make_output};
