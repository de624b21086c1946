//! What a release is, and who may make one. Bytes in, verdicts out: this crate opens no file and asks no clock.
//!
//! # What is signed
//!
//! Four kinds of records: a [`keyset`] says whose signatures count, a [`manifest`] what a release is, a [`revocation`] that one
//! is not to be used, an [`attestation`] what a build gave. Each travels in a [`frame`] with its signatures, which are over
//! the record's bytes *as they were received*, with the kind and the network before them ([`Domain`]).
//!
//! # What is read when
//!
//! ```text
//! bytes ──frame──► ReleaseBytes ──signatures, then the record──► VerifiedRelease
//! ```
//!
//! Nothing of a release is decoded beyond its frame before enough keys of the node's keyset have signed it. A verified
//! release names everything else of it by hash: files, the source tree ([`tree`]).
//!
//! The rules are those of [The Update Framework](https://theupdateframework.github.io/specification/latest/), with the
//! node's blocks in place of its *timestamp* and *snapshot* roles. Only ed25519 is used, by the strict check, one signature
//! at a time: every node decides alike.

pub mod archive;
pub mod attestation;
pub mod canonical;
pub mod content;
pub mod domain;
pub mod frame;
pub mod key;
pub mod keyset;
pub mod manifest;
pub mod network;
pub mod position;
pub mod quorum;
pub mod revocation;
pub mod tree;

mod explain;
mod verified;

pub use content::{FileId, KeysetId, ReleaseId, SourceRoot};
pub use domain::Domain;
pub use explain::next_of;
pub use frame::Frame;
pub use key::{PublicKey, SecretKey};
pub use keyset::Keyset;
pub use manifest::Manifest;
pub use network::Network;
pub use position::{Epoch, Newest, Position, Sequence};
pub use quorum::Quorum;
pub use verified::{ReleaseBytes, VerifiedRelease, VerifyError};
