//! A release in one file: its signed manifest and, as far as they are inside, its source and its files.
//!
//! ```text
//! "refit-archive/1\n"
//! 4 bytes    n, the length of the release's frame, little endian
//! n bytes    the frame (`crate::frame`)
//! items, each:
//!     1 byte     what it is: 1 the source's listing, 2 a file, 0 the end
//!     32 bytes   its id               (not of the end)
//!     8 bytes    its length, little endian   (not of the end)
//!     its bytes
//! ```
//!
//! The listing comes before all files, the files in strict order of their ids, and nothing behind the end. Contents are not
//! compressed: what is read is never more than what is there. Items are read only for a [`VerifiedRelease`](crate::VerifiedRelease): one that
//! neither its manifest nor the listing names ends the reading, and so does one with other bytes than its id says. Paths are in
//! the listing alone, and were checked with it ([`crate::tree`]).

mod error;
mod expected;
mod reader;
mod writer;

pub use error::{ArchiveError, PackError};
pub use reader::{Archive, Looked, Sink, Unpacked};
pub use writer::{ArchiveWriter, head};

use crate::content::{FileId, SourceRoot};

/// What an archive begins with.
pub const MAGIC: &[u8; 16] = b"refit-archive/1\n";

/// Longest frame of a release: its record, its signatures, and what is around them.
const FRAME_BYTES_MAX: usize = (64 << 10) + (8 << 10);

/// Bytes that are read and written at once.
const PIECE_BYTES: usize = 64 << 10;

const END: u8 = 0;
const LISTING: u8 = 1;
const FILE: u8 = 2;

/// Something that is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The listing of the source.
    Listing(SourceRoot),
    /// A file, of the manifest or of the source.
    File(FileId),
}

impl Item {
    fn number(self) -> u8 {
        match self {
            Self::Listing(_) => LISTING,
            Self::File(_) => FILE,
        }
    }

    fn hash(self) -> [u8; 32] {
        match self {
            Self::Listing(root) => root.to_bytes(),
            Self::File(file) => file.to_bytes(),
        }
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listing(root) => write!(f, "the listing of the source {}", root.short()),
            Self::File(file) => write!(f, "the file {}", file.short()),
        }
    }
}
