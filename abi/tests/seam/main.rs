//! The seam between node and engine, driven from both sides through the tables of a linked module: every
//! entry, every way a call can end, both halves of a migration, calls inside of calls.
//!
//! It forbids unsafe code: what it does, any host can do. It is also what Miri runs, to see that no call breaks
//! a rule of the language that a processor lets pass:
//!
//! ```sh
//! MIRIFLAGS=-Zmiri-strict-provenance cargo +nightly miri test -p refit-abi --features host --test seam
//! MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-strict-provenance" cargo +nightly miri test -p refit-abi --features host --test seam
//! ```
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod calls;
mod engines;
mod floats;
mod host;
mod migrations;
mod wavering;
