//! Tests the contract's promises to authors and hosts: the derives and what they refuse, states as bytes and in memory,
//! whatever bytes come through the seam. The seam itself has a program of its own, which Miri runs.
//!
//! The tests of the host's side are there if the feature `host` is on, as it is in the workspace.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[cfg(feature = "host")]
mod deep;
mod derive_bytes;
mod derive_key;
mod derive_schema;
mod derive_words;
#[cfg(feature = "host")]
mod fuzz;
mod layouts;
mod moved;
#[cfg(feature = "host")]
mod oracle;
#[cfg(feature = "host")]
mod pieces;
mod refused;
mod toolchain;
#[cfg(feature = "host")]
mod way_back;

/// Each test of hostile bytes looks at what its own thread takes.
#[global_allocator]
static COUNTED: refit_fuzzing::Counting = refit_fuzzing::Counting;
