//! [`Named`]: a release as an operator names it: its file, or the id of one that the node has.

use super::ReleaseFileError;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Digits of an id that tell it from most others.
pub(super) const DIGITS_MIN: usize = 6;

/// Digits of a whole id.
const DIGITS: usize = 64;

/// A release as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    File(PathBuf),
    /// Its id, or the beginning of it.
    Id(String),
}

impl Named {
    /// What the text names, if that is a release and nothing else.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let path = Path::new(text);
        if is_archive(path) {
            return Some(Self::File(path.to_owned()));
        }
        let is_id = (DIGITS_MIN..=DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_id && !path.exists()).then(|| Self::Id(text.to_ascii_lowercase()))
    }

    /// The same, of what has to be one.
    pub(crate) fn of(text: &str) -> Result<Self, ReleaseFileError> {
        let none = || ReleaseFileError::NoRelease {
            text: text.to_owned(),
        };
        Self::find(text).ok_or_else(none)
    }
}

/// Whether a file begins as a release does.
fn is_archive(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let magic = refit_release::archive::MAGIC;
    let opened = File::open(path).ok().filter(|file| {
        let kind = file.metadata();
        kind.is_ok_and(|kind| kind.is_file())
    });
    let read = opened.map(|file| file.take(magic.len() as u64).read_to_end(&mut beginning));
    read.is_some_and(|read| read.is_ok()) && beginning == magic
}
