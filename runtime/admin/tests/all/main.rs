//! The interface as a client sees it: real sockets, a real HTTP client, and a node that is none.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod attacks;
mod batch;
mod code;
mod doors;
mod events;
mod interface;
mod releases;
mod support;
