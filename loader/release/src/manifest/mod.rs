//! [`Manifest`]: what a release is: all that a node needs to know before it builds, stages or runs anything of it, and all that
//! whoever signs it should read.
//!
//! A manifest is data. Its canonical bytes are signed, their hash is the [`ReleaseId`], and everything that it speaks of is
//! named by the hash of its content. Lists are in strict order of what names their entries: one release has one manifest.

mod bounds;
mod error;
mod module;
mod source;

pub use error::ManifestError;
pub use module::{Artifact, Binary, KindEntry, Module, Strategy};
pub use source::{Place, Source};

use crate::canonical::{DecodeError, decode, encode};
use crate::content::ReleaseId;
use crate::domain::Domain;
use crate::frame::{Frame, FrameError};
use crate::network::Network;
use crate::position::Position;
use refit_abi::Height;
use serde::{Deserialize, Serialize};

/// The form that is read and written.
pub const MANIFEST_FORMAT: u8 = 1;

/// What a release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u8,
    /// The network that it is for.
    pub network: Network,
    /// Its place in the order of releases.
    pub position: Position,
    /// The release that it was made to follow, if it was made to follow one.
    pub parent: Option<ReleaseId>,
    /// What people call it, such as `accounts 2.1`.
    pub name: String,
    /// What is new, in the author's words.
    pub about: String,
    /// The blocks between which it may be activated.
    pub window: Window,
    /// Whether each kind has a way back to the version before.
    pub reversible: bool,
    /// The kinds whose replies are meant to differ from those of the code before.
    pub expected_differences: Vec<String>,
    /// The tree that its modules are built from, if it has source.
    pub source: Option<Source>,
    /// Its modules.
    pub modules: Vec<Module>,
    /// Libraries that modules link to.
    pub native: Vec<Binary>,
    /// The node's own program, if it comes with one.
    pub host: Option<Binary>,
}

/// Heights: the first and the last block after which the release may become live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Not before this block.
    pub from: Height,
    /// Not after this one.
    pub until: Height,
}

impl Window {
    /// Whether an upgrade after this block is within it.
    pub fn contains(&self, height: Height) -> bool {
        (self.from..=self.until).contains(&height)
    }
}

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// They are no record of the kind.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What it says does not hold together.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Why a manifest cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsignedError {
    /// It could not be read again.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is too long.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Manifest {
    /// The bytes that are signed, in a frame that nobody has signed.
    ///
    /// # Errors
    /// [`UnsignedError`].
    pub fn unsigned(&self) -> Result<Frame, UnsignedError> {
        self.check().map_err(ReadError::from)?;
        let bytes = encode(self).map_err(ReadError::from)?;
        Ok(Frame::unsigned(Domain::Release, bytes)?)
    }

    /// Reads what a frame has. Whether anybody has signed it is the matter of who asks: this crate gives it to no one before
    /// ([`crate::ReleaseBytes`]).
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let manifest: Self = decode(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Every file that it names, with its length: what may come with it.
    pub fn files(&self) -> impl Iterator<Item = &Artifact> {
        let modules = self.modules.iter().flat_map(|module| &module.artifacts);
        let binaries = self.native.iter().chain(&self.host);
        modules.chain(binaries.flat_map(|binary| &binary.artifacts))
    }

    /// The kinds of all its modules.
    pub fn kinds(&self) -> impl Iterator<Item = &KindEntry> {
        self.modules.iter().flat_map(|module| &module.kinds)
    }
}
