//! Builds an engine's source into a module: `cargo build --lib --features module`, in a folder of
//! its own, stamped with a build id, and copied to a name that is the hash of its bytes.
//!
//! # Folders
//! Everything is written under the builder's root and into its store, never into the author's source:
//!
//! ```text
//! ROOT/artifacts/<blake3>.so     what was built; never changed once it is there
//! ROOT/codes/<blake3>            which artifact has this code, whatever it is stamped with
//! ROOT/targets/<source>/         cargo's target folder, one per source path
//! ROOT/overlays/<source>/        manifest and lock for a source that has no lock of its own
//! ROOT/locks/                    so that two builders do not work in one folder at once
//! STORE/<key>/                   compiled dependencies, copied into target folders
//! ```
//!
//! The root may lie inside the source: it carries a tag ([`is_output`]), and what a tagged folder holds
//! is not part of a source.
//!
//! Two sources never share a target folder: cargo calls every build of a package `libNAME.so`, and
//! would take one source's for the other's. The *store* keeps that cheap: dependencies of
//! the registry and the contract are compiled once, whichever engine needed them first, and a new
//! target folder starts with them.
//!
//! # What a library is built from
//! The build id is a hash of content: the files that cargo would package of the engine and of all that
//! it depends on by path, what else the compiler read, lock, options, compiler and configuration. cargo
//! itself compares times; where content changed and times do not show it, what was compiled is dropped
//! first. A library never holds other code than its build id says.
//!
//! [`Builder`] is a plain build with the author's rights: `build.rs` scripts and macros run as the user who
//! builds. [`ReleaseBuilder`] builds what others wrote: confined, from a checked tree, to the same bytes on
//! all nodes. This crate contains no unsafe code and knows nothing of what is built.

mod builder;
mod cache;
mod cancel;
mod cargo;
mod engine_source;
mod error;
mod identity;
mod inputs;
mod job;
mod listen;
mod listing;
mod locals;
mod options;
mod output;
mod overlay;
mod package;
mod place;
mod progress;
mod publish;
mod read_files;
mod release;
mod store;
mod stub;
mod toolchain;
mod units;
mod witness;

pub use builder::{Builder, Built, Watched};
pub use cache::{CACHE_BYTES_MAX, Clean, Cleaned, KEPT_MIN};
pub use engine_source::{ComposeError, EngineSource};
pub use error::BuildError;
pub use listing::sources;
pub use options::{Features, Options, Profile};
pub use output::{is_output, make_data, make_output};
pub use progress::{Progress, Stage};
pub use release::{BuiltRelease, ReleaseBuilder, SourceTree, TreeMismatch};
