//! Opening files of the data folder by their names. Engines can write into that folder: in the place of a file there may be
//! a pipe, whose opener waits for its other end, or anything else. Nothing here waits, and what is no file is an error.

use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The next step where something else stands in the place of a file.
pub const NO_FILE_NEXT: &str = "see what stands there, and put the file back from a copy of yours; or remove it if you did not make it: \
     engines can write there";

/// What stands in the place of a file is none.
#[derive(Debug, thiserror::Error)]
#[error("it is no file")]
struct NoFile;

/// That what stands in the place of a file is none.
pub fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, NoFile)
}

/// Whether an error says that what stands in the place of a file is none.
pub fn is_no_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NoFile>())
}

/// Opens a file for reading.
///
/// # Errors
/// The system's, and one of kind [`io::ErrorKind::InvalidData`] where there is something that is no file.
pub fn open_file(path: &Path) -> io::Result<File> {
    open_file_as(path, OpenOptions::new().read(true), OFlags::empty())
}

/// Opens a file as `options` say, with more flags of the system's.
///
/// # Errors
/// As [`open_file`].
pub fn open_file_as(path: &Path, options: &OpenOptions, flags: OFlags) -> io::Result<File> {
    let flags = (flags | OFlags::NONBLOCK).bits().cast_signed();
    let opened = options.clone().custom_flags(flags).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        // A socket, a pipe that nobody reads, a folder.
        Some(Errno::NXIO | Errno::ISDIR) => no_file(),
        _ => error,
    })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(no_file()),
    }
}

/// Reads a whole file, which has no more than so many bytes: a file of the same name may be as long as a disk.
///
/// # Errors
/// As [`open_file`]; one of kind [`io::ErrorKind::FileTooLarge`] where there are more.
pub fn read_file(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_file(path)?;
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= bytes_max {
        true => Ok(bytes),
        false => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {bytes_max} bytes"),
        )),
    }
}

/// Removes what stands at a path, if anything does: a folder with all that is in it. Somebody may have put anything into the place
/// of a file or a folder; a link goes itself, and not what it leads to.
///
/// # Errors
/// The system's.
pub fn remove_whole(path: &Path) -> io::Result<()> {
    let removed = match is_folder(path) {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether it is a folder itself, and no link to one.
pub fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_file_is_neither_opened_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let writes = OpenOptions::new().write(true).create(true).clone();
        for name in ["pipe", "folder", "socket"] {
            assert!(is_no_file(&open_file(&at(name)).unwrap_err()), "{name}");
            let written = open_file_as(&at(name), &writes, OFlags::empty());
            assert!(is_no_file(&written.unwrap_err()), "{name}");
        }
        let missing = read_file(&at("none"), 8).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        std::fs::write(at("file"), "its text").unwrap();
        assert_eq!(read_file(&at("file"), 8).unwrap(), b"its text");
        let longer = read_file(&at("file"), 7).unwrap_err();
        assert_eq!(longer.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_stands_at_a_path_goes_and_nothing_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("folder/inner")).unwrap();
        std::fs::create_dir(at("elsewhere")).unwrap();
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("link")).unwrap();
        assert!(is_folder(&at("folder")) && !is_folder(&at("link")));
        for name in ["folder", "file", "link", "none"] {
            remove_whole(&at(name)).unwrap();
            assert!(std::fs::symlink_metadata(at(name)).is_err(), "{name}");
        }
        assert!(at("elsewhere").exists());
    }
}
