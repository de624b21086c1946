//! The rules of this repository that no compiler checks: which crate may depend on which, and how its files are kept.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod architecture;
mod programs;
mod rooms;
mod tidy;
mod walks;
