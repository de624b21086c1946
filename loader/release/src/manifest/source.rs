//! [`Source`]: the tree that modules are built from, and where it is to be had.

use crate::content::{FileId, SourceRoot};
use serde::{Deserialize, Serialize};

/// A tree of source. Wherever it comes from, it is this one only if its root is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The hash of the tree's listing ([`crate::tree`]).
    pub root: SourceRoot,
    /// Where it is, the first to try first.
    pub places: Vec<Place>,
}

/// Where a tree of source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the release's own file.
    Inline,
    /// In a file of its own.
    Blob {
        /// The file.
        file: FileId,
        /// Its length.
        bytes: u64,
    },
    /// In a repository.
    Git {
        /// The commit, in hexadecimal digits.
        commit: String,
        /// The addresses of repositories that have it.
        remotes: Vec<String>,
    },
    /// In a folder of the machine that the release is used on.
    Path {
        /// The folder.
        path: String,
    },
}
