//! The promises of blocks and their sources.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod block;
mod common;
mod ground;
mod hostile_bytes;
mod manifest;
mod scripted;
mod solo;
