//! Real builds: of an engine against the contract, and of a tiny one, for all that a build may be misled by.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod build;
mod content;
mod release;
mod release_tree;
