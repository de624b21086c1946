//! Takes engine modules from files to code that runs, and back to nothing: the only crate of Refit
//! that maps code.
//!
//! Types follow the flow, each made only from the one before:
//!
//! ```text
//! Candidate ──inspect──► InspectedArtifact ──stage──► StagedArtifact ──probe──► ProbedArtifact
//!  bytes, hash            ELF rules hold               sealed, unique name       a child loaded it
//!                                                                                      │ load
//!                 Retired::{Unmapped, Pinned} ◄──────retire────── LoadedModule ◄───────┘
//! ```
//!
//! [`Loader`] drives it and counts. A module is unmapped only when no handle is left, no thread that
//! it started lives, no signal handler of it is installed or known to another library, and its
//! thread-local keys have lost their destructors; then the system's list of mappings
//! is looked at, and a module that is still in it is *pinned*: reported with the reason, counted, bounded, and
//! tried again.
//!
//! A throw-away child of a node has [`ChildLoader`] instead, which unmaps nothing and so can check a module
//! in its own process.
//!
//! A node confines itself before it maps the first module ([`confine`]), and has a [`helper`] start what it may not.
//!
//! A program that uses this crate exports the symbols of [`sys::interposers`] and starts
//! [`probe::child::child_main`] when it is called as the probe.
//!
//! This crate knows nothing of the network and of engine state.
#![expect(
    unsafe_code,
    reason = "this crate maps and unmaps code, and is one of two that may"
)]

pub mod confine;
pub mod helper;
pub mod inspect;
pub mod probe;
pub mod sys;

mod artifact;
mod child;
mod header;
mod hold;
mod library;
mod load;
mod loader;
mod retire;
mod stage;

pub use artifact::{ARTIFACT_BYTES_MAX, ArtifactId, ArtifactIdError, Candidate, ReadError};
pub use child::{ChildLoader, ChildModule, Fence};
pub use hold::Hold;
pub use inspect::{Import, InspectError, InspectedArtifact, Inspection, Outside};
pub use load::{LoadError, LoadedModule};
pub use loader::{KEYS_RESERVED, Loader, MAPPED_MAX, OpenError, VERDICTS_MAX};
pub use probe::{InterfaceId, ProbeCommand, ProbeError, ProbedArtifact, Verdict};
pub use retire::{PINNED_MAX, PinReason, Pinned, Retired, VIEWED_BYTES_MAX};
pub use stage::{StageError, StagedArtifact};
