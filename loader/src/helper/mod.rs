//! The helper: a process beside a confined one that starts what the confined one may not.
//!
//! ```text
//! node (confined) ──order, descriptors──► helper (one thread, no code of engines) ──► probe | rehearsal | trial | build
//!        ▲                                                                                       │ outputs: pipes
//!        └───────────────────────── leash: what became of it; closed: it is killed ◄────────────┘
//! ```
//!
//! It is started before the node confines itself and before its first other thread, and stays outside of the room. It
//! starts nothing but this very program, under one of the hidden commands of a closed list ([`Kind`]), with an
//! environment of its own; what it starts confines itself before any code of an engine is mapped there. One that builds a
//! release maps none: it starts a compiler in a room of its own, at the level that was fixed when the helper began. What an
//! order may say beside its kind is bounded: a question, or a folder inside the data folder, and descriptors.
//!
//! Each child has a *leash*, a socket pair between whoever ordered it and the helper: on it comes back how the child
//! began and ended, and when the other end is closed, the helper kills the child. The helper ends when the node has:
//! its own socket is closed then. If it ends before, the node is told ([`Helper::ended`]), and starts no more children.

mod client;
mod leash;
mod process;
mod serve;
mod wire;

pub use client::{Given, GoesAlong, Helper};
pub use process::{Process, Started};
pub use serve::{Kinds, serve};
pub use wire::Kind;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

/// The next step where nobody is there any more who starts children for a confined process.
pub const UNHELPED_NEXT: &str =
    "end the node and start it again, then order it again: nothing is lost with that";

/// Children that are there at once, at most.
pub const CHILDREN_MAX: usize = 16;

/// Files that go along to a child, at most: the system passes 253 descriptors at once.
pub const FILES_MAX: usize = 240;

/// The number of the first of them in the child.
const FIRST_FILE: i32 = 512;

/// Open files that a helper must be allowed to have: those that go along to a child lie behind its own.
const FILES_LEAST: u64 = FIRST_FILE as u64 + FILES_MAX as u64;

/// Longest order, in bytes.
const ORDER_BYTES_MAX: usize = 16 << 10;

/// Longest question or path in an order, in bytes.
const WORD_BYTES_MAX: usize = 4096;

/// Longest wait for the helper to say how a child began.
const BEGIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// Longest wait for a child to be gone that is killed.
const GONE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Names of the variables by which a compiler is found.
const OF_COMPILERS: [&str; 6] = [
    "PATH",
    "HOME",
    "RUSTC",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_HOME",
];

/// The variables of this process by which a compiler is found: what a build needs of them.
pub fn build_variables() -> Vec<(OsString, OsString)> {
    let named = OF_COMPILERS.iter();
    let set = named.filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    set.collect()
}

/// That nobody is there any more who starts children for a confined process, or who knows what became of them.
fn unhelped() -> io::Error {
    io::Error::new(
        io::ErrorKind::BrokenPipe,
        "the process that starts children for this node has ended",
    )
}

/// Whether an error of a child says that its helper has ended.
pub fn is_unhelped(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// The path under which a child opens the file of this place among those that go along.
pub fn path_of_file(place: usize) -> std::path::PathBuf {
    let number = FIRST_FILE as usize + place;
    format!("/proc/self/fd/{number}").into()
}
