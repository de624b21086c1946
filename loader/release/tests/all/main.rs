//! What this crate promises: who may make a release, and that nobody else can.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod archive;
mod attested;
mod fixtures;
mod frames;
mod hostile_bytes;
mod keys;
mod keysets;
mod manifests;
mod quorums;
mod releases;
mod sequences;
mod support;
mod trees;
