//! Releases with real engines, built from source in the sandbox.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod built;
mod tree;
