//! A tree of source as data: a [`Listing`] of its files, whose hash is the [`SourceRoot`].
//!
//! The listing says of each file where it is, whether it is a program, how long it is and what it has; nothing else of a file
//! (owner, times, other bits of its mode) is the same on two machines, or matters to a build. Folders are there because files
//! are in them; links and devices are not in a tree. Paths are those that any file system keeps apart: see [`is_path`].

mod path;

pub use path::{PATH_BYTES_MAX, is_path};

use crate::canonical::{DecodeError, decode, encode};
use crate::content::{FileId, SourceRoot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form that is read and written.
pub const LISTING_FORMAT: u8 = 1;

/// Most files of a tree.
pub const TREE_FILES_MAX: usize = 50_000;

/// Most bytes of a tree's files together.
pub const TREE_BYTES_MAX: u64 = 512 << 20;

/// Longest listing, in bytes.
pub const LISTING_BYTES_MAX: usize = 16 << 20;

/// The files of a tree, in the order of their paths' bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Listing(Vec<TreeFile>);

/// One file of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// From the tree's top; parts are separated by `/`.
    pub path: String,
    /// Whether it is a program.
    pub executable: bool,
    /// Its length.
    pub bytes: u64,
    /// What it has.
    pub content: FileId,
}

/// As it stands in bytes.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u8,
    files: Vec<TreeFile>,
}

/// Why files are no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The listing is of another form.
    #[error("the listing is of form {found}; this program reads {LISTING_FORMAT}")]
    Format {
        /// The form that it says.
        found: u8,
    },
    /// There are too many files, or none.
    #[error("the tree has {files} files; 1 to {TREE_FILES_MAX} are taken")]
    Files {
        /// Their number.
        files: usize,
    },
    /// They are too large together.
    #[error("the tree has more than {TREE_BYTES_MAX} bytes")]
    Bytes,
    /// A path that leads out of the tree, or that some system cannot keep.
    #[error("`{}` is no path of a tree", path.escape_debug())]
    Path {
        /// The path.
        path: String,
    },
    /// The files are not in the order of their paths, each once.
    #[error("the files are not in the order of their paths, each once: `{path}`")]
    Order {
        /// The one that comes too late.
        path: String,
    },
    /// Two paths are one to some file systems, or one is a folder of the other.
    #[error("`{path}` and `{other}` cannot both be in a tree")]
    Clash {
        /// One.
        path: String,
        /// The other.
        other: String,
    },
}

/// Why bytes are no listing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// They are too many.
    #[error("the listing has {bytes} bytes; at most {LISTING_BYTES_MAX} are taken")]
    TooLong {
        /// Their number.
        bytes: usize,
    },
    /// They have another hash than was asked for.
    #[error("the listing is of the tree {found}, and {expected} was asked for")]
    Root {
        /// Their hash.
        found: SourceRoot,
        /// What was asked for.
        expected: SourceRoot,
    },
    /// They are no listing, or one of what is no tree.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Listing {
    /// The listing of these files, in whatever order they are given.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn of(mut files: Vec<TreeFile>) -> Result<Self, TreeError> {
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let format = LISTING_FORMAT;
        Written { format, files }.try_into()
    }

    /// Reads the listing of a tree that is known by its root: nothing of it is looked at before its hash was.
    ///
    /// # Errors
    /// [`ListingError`].
    pub fn read(bytes: &[u8], expected: SourceRoot) -> Result<Self, ListingError> {
        if bytes.len() > LISTING_BYTES_MAX {
            let bytes = bytes.len();
            return Err(ListingError::TooLong { bytes });
        }
        let found = SourceRoot::of(bytes);
        match found == expected {
            true => Ok(decode(bytes)?),
            false => Err(ListingError::Root { found, expected }),
        }
    }

    /// Its canonical bytes.
    ///
    /// # Errors
    /// [`ListingError`]; never [`ListingError::Root`].
    pub fn write(&self) -> Result<Vec<u8>, ListingError> {
        let bytes = encode(self)?;
        match bytes.len() {
            bytes if bytes > LISTING_BYTES_MAX => Err(ListingError::TooLong { bytes }),
            _ => Ok(bytes),
        }
    }

    /// The files, in the order of their paths.
    pub fn files(&self) -> &[TreeFile] {
        &self.0
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|file| file.bytes).sum()
    }
}

impl TryFrom<Written> for Listing {
    type Error = TreeError;

    fn try_from(written: Written) -> Result<Self, TreeError> {
        let Written { format, files } = written;
        if format != LISTING_FORMAT {
            return Err(TreeError::Format { found: format });
        }
        if !(1..=TREE_FILES_MAX).contains(&files.len()) {
            let files = files.len();
            return Err(TreeError::Files { files });
        }
        let sum = |sum: u64, file: &TreeFile| sum.checked_add(file.bytes);
        let bytes = files.iter().try_fold(0, sum);
        if bytes.is_none_or(|bytes| bytes > TREE_BYTES_MAX) {
            return Err(TreeError::Bytes);
        }
        if let Some(file) = files.iter().find(|file| !is_path(&file.path)) {
            let path = file.path.clone();
            return Err(TreeError::Path { path });
        }
        let late = |pair: &&[TreeFile]| pair[0].path >= pair[1].path;
        if let Some(pair) = files.windows(2).find(late) {
            let path = pair[1].path.clone();
            return Err(TreeError::Order { path });
        }
        keep_apart(&files)?;
        Ok(Self(files))
    }
}

/// Whether a file system that does not tell `A` from `a` keeps all apart, and no file is another one's folder.
fn keep_apart(files: &[TreeFile]) -> Result<(), TreeError> {
    let mut seen: BTreeMap<String, (&str, bool)> = BTreeMap::new();
    for file in files {
        let ends = file.path.match_indices('/').map(|(end, _)| end);
        for end in ends.chain([file.path.len()]) {
            let (place, is_file) = (&file.path[..end], end == file.path.len());
            let folded = place.to_lowercase();
            let found = *seen.entry(folded).or_insert((place, is_file));
            if found != (place, is_file) {
                return Err(TreeError::Clash {
                    path: found.0.to_owned(),
                    other: place.to_owned(),
                });
            }
        }
    }
    Ok(())
}

impl From<Listing> for Written {
    fn from(listing: Listing) -> Self {
        Self {
            format: LISTING_FORMAT,
            files: listing.0,
        }
    }
}
