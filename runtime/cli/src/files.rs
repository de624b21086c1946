//! Reading what the user names, within a bound; writing so that a reader sees all or nothing.

use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    #[error("--out {} names no folder, and one is needed: what is made goes into it", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is no plan of an upgrade", path.display())]
    NoPlan { path: PathBuf },
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
            Self::Foreign { .. } => codes::FILE_FOREIGN,
            Self::NotAFolder { .. } => codes::FILE_NOT_A_FOLDER,
            Self::NoPlan { .. } => codes::FILE_NO_PLAN,
            Self::NoFile { .. } => codes::FILE_NO_FILE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unreadable { .. } => "give the path of a file that you may read",
            Self::TooLarge { .. } => "see that it is the file you mean",
            Self::Unwritable { .. } => {
                "give a path in a folder that is there, that you may write, and that has space"
            }
            Self::Foreign { .. } => "give another path with --out, or move that file away",
            Self::NotAFolder { .. } => "give a folder with --out; one of the name `-` is `./-`",
            Self::NoPlan { .. } => "give the file that `refit upgrade plan … --out FILE` wrote",
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

/// As [`replace`], for a file of these permissions. The file beside is new, or left by a process of this number
/// that was killed: one that is there is never opened.
pub(crate) fn replace_as(
    mode: u32,
    path: &Path,
    write: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), FileError> {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let create = || {
        let mut options = File::options();
        options.write(true).create_new(true).mode(mode);
        options.open(&partial).map(drop)
    };
    let created = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&partial).and_then(|()| create())
        }
        created => created,
    };
    created
        .and_then(|()| write(&partial))
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|source| {
            // The error of the write is the one to report.
            let _ = fs::remove_file(&partial);
            FileError::Unwritable {
                path: path.to_owned(),
                source,
            }
        })
}
