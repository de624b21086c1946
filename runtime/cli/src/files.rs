//! Reading what the user names, within a bound; writing so that a reader sees all or nothing.

use serde::Serialize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum FileError {
    #[error("cannot read {}", path.display())]
    #[diagnostic(
        code(file::unreadable),
        help("give the path of a file that you may read")
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is longer than {bytes_max} bytes", path.display())]
    #[diagnostic(code(file::too_large), help("see that it is the file you mean"))]
    TooLarge { path: PathBuf, bytes_max: u64 },
    #[error("cannot write {}", path.display())]
    #[diagnostic(
        code(file::unwritable),
        help("give a path in a folder that is there and that you may write")
    )]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Removes the file at `path`, if there is one.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FileError::Unwritable {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

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

/// Writes `value` as JSON to `path`.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let write = |partial: &Path| {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        let mut file = File::create(partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    replace(path, write)
}

/// Writes `text` to `path`, whose folder is made if it is not there.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), FileError> {
    replace(path, |partial| {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(partial, text)
    })
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
    replace(path, |partial| {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from, partial).map(drop)
    })
}

/// Lets `write` fill a file beside `path`, and then puts it in the place of `path`.
fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), FileError> {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    write(&partial)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|source| {
            let _ = fs::remove_file(&partial);
            FileError::Unwritable {
                path: path.to_owned(),
                source,
            }
        })
}
