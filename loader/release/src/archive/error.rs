//! [`ArchiveError`] and [`PackError`].

use super::Item;
use crate::frame::FrameError;
use crate::tree::ListingError;
use std::io;

/// Why an archive is not read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("the archive cannot be read: {0}")]
    Read(io::Error),
    /// What was in it cannot be kept.
    #[error("{item} cannot be kept: {source}")]
    Keep {
        /// What.
        item: Item,
        /// The system's error.
        source: io::Error,
    },
    /// It begins otherwise.
    #[error("this is no archive of a release")]
    Magic,
    /// It ends too early.
    #[error("the archive is cut short")]
    Cut,
    /// Bytes follow behind the end.
    #[error("bytes follow behind the end of the archive")]
    Trailing,
    /// The release's frame is longer than one may be.
    #[error("the release's record has {bytes} bytes; at most {most} are taken")]
    FrameTooLong {
        /// Its length.
        bytes: usize,
        /// What is taken.
        most: usize,
    },
    /// The release's frame is none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Something of no known kind is inside.
    #[error("an item of kind {found} is in the archive, which this program does not know")]
    Kind {
        /// The number.
        found: u8,
    },
    /// Something is inside that the release does not name.
    #[error("{item} is in the archive, and the release does not name it")]
    Unnamed {
        /// What.
        item: Item,
    },
    /// An item is not where it has to be, or is there twice.
    #[error("{item} is not in its order, or there twice")]
    Order {
        /// What.
        item: Item,
    },
    /// An item has another length than the release says.
    #[error("{item} has {found} bytes, and the release says {expected}")]
    Bytes {
        /// What.
        item: Item,
        /// Its length.
        found: u64,
        /// What the release says; of a listing, the most.
        expected: u64,
    },
    /// An item has other bytes than its id says.
    #[error("{item} has other bytes than its id says")]
    Content {
        /// What.
        item: Item,
    },
    /// The listing is none.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The source's listing is there, and not all of its files are.
    #[error("{missing} files of the source are not in the archive")]
    SourceIncomplete {
        /// How many.
        missing: usize,
    },
}

/// Why an archive is not written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(io::Error),
    /// What is to be in it cannot be read.
    #[error("{item} cannot be read: {source}")]
    Read {
        /// What.
        item: Item,
        /// The system's error.
        source: io::Error,
    },
    /// The listing is too long.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// It has other bytes than were named.
    #[error("{item} has other bytes than when it was named")]
    Changed {
        /// What.
        item: Item,
    },
    /// Files are given in another order than that of their ids.
    #[error("{item} is not in its order")]
    Order {
        /// What.
        item: Item,
    },
}
