//! Reading what the user names, within a bound; writing so that a reader sees all or nothing; where a path leads.

use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

mod behind_links;
mod left_over;

pub(crate) use behind_links::behind_links;

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is longer than {bytes_max} bytes", path.display())]
    TooLarge { path: PathBuf, bytes_max: u64 },
    #[error("cannot write {}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("{} is there and is no {what}; it is left as it is", path.display())]
    Foreign { path: PathBuf, what: &'static str },
    #[error("{} is there, and is left as it is: no key is written over", path.display())]
    KeyThere { path: PathBuf },
    #[error("--out {} names no folder, and one is needed: what is made goes into it", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is no plan of an upgrade", path.display())]
    NoPlan { path: PathBuf },
    #[error("`{named}` names an engine and a library, and a plan is asked for")]
    PlanToMake { named: String },
    #[error("{} is the file that is read: what is made of it would take its place", path.display())]
    IsSource { path: PathBuf },
    #[error("{} is a {found}, which holds no {what}", path.display())]
    NoFile {
        path: PathBuf,
        found: &'static str,
        what: &'static str,
    },
}

impl Explain for FileError {
    fn code(&self) -> &str {
        match self {
            Self::Unreadable { .. } => codes::FILE_UNREADABLE,
            Self::TooLarge { .. } => codes::FILE_TOO_LARGE,
            Self::Unwritable { .. } => codes::FILE_UNWRITABLE,
            Self::Foreign { .. } | Self::KeyThere { .. } => codes::FILE_FOREIGN,
            Self::NotAFolder { .. } => codes::FILE_NOT_A_FOLDER,
            Self::NoPlan { .. } | Self::PlanToMake { .. } => codes::FILE_NO_PLAN,
            Self::IsSource { .. } => codes::FILE_IS_SOURCE,
            Self::NoFile { .. } => codes::FILE_NO_FILE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::PlanToMake { named } => {
                return Cow::Owned(format!("make one first: refit upgrade plan {named}"));
            }
            Self::Unreadable { .. } => "give the path of a file that you may read",
            Self::TooLarge { .. } => "see that it is the file you mean",
            Self::Unwritable { .. } => {
                "give a path in a folder that is there, that you may write, and that has space"
            }
            Self::Foreign { .. } | Self::KeyThere { .. } => {
                "give another path with --out, or move that file away"
            }
            Self::NotAFolder { .. } => "give a folder with --out; one of the name `-` is `./-`",
            Self::NoPlan { .. } => "give the file that `refit upgrade plan … --out FILE` wrote",
            Self::IsSource { .. } => "give another path with --out",
            Self::NoFile { .. } => "give the path of a file with --out",
        })
    }
}

impl Reported for FileError {}

/// The text of the file at `path`, of at most `bytes_max` bytes.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> Result<String, FileError> {
    let fail = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    read_bounded(file, bytes_max)
        .map_err(fail)?
        .ok_or_else(|| FileError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        })
}

/// The text that `reader` gives, or `None` if it is longer than `bytes_max` bytes.
pub(crate) fn read_bounded(reader: impl Read, bytes_max: u64) -> io::Result<Option<String>> {
    let mut text = String::new();
    reader.take(bytes_max + 1).read_to_string(&mut text)?;
    Ok((text.len() as u64 <= bytes_max).then_some(text))
}

/// Writes `text` to `path`, whose folder is made if it is not there.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), FileError> {
    make_folder_of(path)?;
    replace(path, |partial| fs::write(partial, text))
}

/// Gives the file `from` the name `path`.
pub(crate) fn rename(from: &Path, path: &Path) -> Result<(), FileError> {
    fs::rename(from, path).map_err(|source| FileError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// Copies the file `from` to `path`, whose folder is made if it is not there.
pub(crate) fn copy(from: &Path, path: &Path) -> Result<(), FileError> {
    make_folder_of(path)?;
    replace(path, |partial| fs::copy(from, partial).map(drop))
}

fn make_folder_of(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(|source| FileError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// Lets `write` fill a file beside `path`, and then puts it in the place of `path`.
fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), FileError> {
    replace_as(PUBLIC, path, write)
}

/// The mode of files that anybody may read, as far as the user's mask lets them.
pub(crate) const PUBLIC: u32 = 0o666;

/// Permissions of what only its owner reads.
pub(crate) const PRIVATE: u32 = 0o600;

/// As [`replace`], for a file of these permissions.
pub(crate) fn replace_as(
    mode: u32,
    path: &Path,
    write: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), FileError> {
    let coming = Coming::begin(mode, path)?;
    write(coming.partial()).map_err(|source| coming.unwritable(source))?;
    coming.put()
}

/// A file that comes bit by bit, beside the path that it is put at. It goes with this, unless it is put there, or the
/// process is killed: the next one for the path takes it away then.
#[derive(Debug)]
pub(crate) struct Coming {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

impl Coming {
    /// A new one of these permissions.
    pub(crate) fn begin(mode: u32, path: &Path) -> Result<Self, FileError> {
        left_over::sweep(path);
        let begun = left_over::create_beside(mode, path);
        let (file, partial) = begun.map_err(|source| FileError::Unwritable {
            path: path.to_owned(),
            source,
        })?;
        let path = path.to_owned();
        Ok(Self {
            file,
            partial,
            path,
        })
    }

    /// Where it is until then.
    pub(crate) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Adds some bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = io::Write::write_all(&mut self.file, bytes);
        written.map_err(|source| self.unwritable(source))
    }

    /// Puts it at its path, for good.
    pub(crate) fn put(self) -> Result<(), FileError> {
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.partial, &self.path))
            // A name is as durable as its folder.
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|source| self.unwritable(source))
    }

    fn unwritable(&self, source: io::Error) -> FileError {
        FileError::Unwritable {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        // Once it is put at its path there is none of this name.
        let _ = fs::remove_file(&self.partial);
    }
}
