//! Files and folders: locks between builders, copies that are complete or absent.

use crate::cancel::Wanted;
use crate::error::{BuildError, io};
use crate::output;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest wait of a builder for another one in the same folder, in seconds.
pub(crate) const LOCK_S_MAX: u64 = 3600;

/// Longest note that the builder writes for itself, in bytes.
const NOTE_BYTES_MAX: u64 = 16 << 20;

/// Longest library, in bytes: longer ones are mapped by nobody.
pub(crate) const LIBRARY_BYTES_MAX: u64 = 1 << 30;

/// Pause between two looks at a lock.
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// Makes a folder and those above it.
pub(crate) fn folder(path: PathBuf) -> Result<PathBuf, BuildError> {
    fs::create_dir_all(&path).map_err(io("create", &path))?;
    Ok(path)
}

/// Makes a builder's root. It holds nothing but output, also if it was there before.
pub(crate) fn root(path: &Path) -> Result<PathBuf, BuildError> {
    output::make_output(path, |path| fs::create_dir_all(path))
        .and_then(|()| output::tag(path))
        .map_err(io("create", path))?;
    Ok(path.to_owned())
}

/// A lock, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// A process that is being started beside it has the file too until it runs its program: closing it alone would not give
    /// the lock back.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Opens a file, and nothing that would be waited for or leads elsewhere: where engines write there may be a pipe in its place.
pub(crate) fn open_file(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    open_plain(path, options, OFlags::NOFOLLOW)
}

fn open_plain(path: &Path, options: &mut OpenOptions, flags: OFlags) -> std::io::Result<File> {
    let flags = flags | OFlags::NONBLOCK;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "it is no file",
        )),
    }
}

/// Reads a whole file of the builder's, as [`open_file`] opens it, of no more than so many bytes.
pub(crate) fn read(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_file(path, File::options().read(true))?;
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= bytes_max {
        true => Ok(bytes),
        false => Err(std::io::ErrorKind::FileTooLarge.into()),
    }
}

/// Reads a note of the builder's; what is no text is none.
pub(crate) fn read_note(path: &Path) -> Option<String> {
    String::from_utf8(read(path, NOTE_BYTES_MAX).ok()?).ok()
}

/// Reads a file of source, which may be a link, and is not waited for if it is no file.
pub(crate) fn read_source(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(path, File::options().read(true), OFlags::empty())?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file of the lock called `name`, open.
fn lock_file(root: &Path, name: &str) -> Result<(PathBuf, File), BuildError> {
    let path = folder(root.join("locks"))?.join(name);
    let file = open_file(&path, File::options().create(true).append(true));
    let file = file.map_err(io("open", &path))?;
    Ok((path, file))
}

/// Takes the lock called `name` if nobody holds it.
pub(crate) fn try_lock(root: &Path, name: &str) -> Result<Option<Lock>, BuildError> {
    let (path, file) = lock_file(root, name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(io("lock", &path)(error)),
    }
}

/// Takes the lock called `name`.
pub(crate) fn lock(root: &Path, name: &str, wanted: &Wanted) -> Result<Lock, BuildError> {
    let (path, file) = lock_file(root, name)?;
    let deadline = Instant::now() + Duration::from_secs(LOCK_S_MAX);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
            Err(TryLockError::WouldBlock) if !wanted.is_wanted() => {
                return Err(BuildError::Cancelled);
            }
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_LOOK);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(BuildError::TimeUp {
                    seconds: LOCK_S_MAX,
                });
            }
        }
    }
}

/// Writes a file whole: under another name first, then renamed. It is on the disk before its name is: what is trusted by
/// its name is never short after a power cut.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let options = &mut File::options();
    let options = options.write(true).create(true).truncate(true);
    let mut file = open_file(&partial, options).map_err(io("create", &partial))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(io("write", &partial))?;
    fs::rename(&partial, path).map_err(io("rename to", path))
}

/// Writes a file if it has another content: its time stays if not.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    match read(path, NOTE_BYTES_MAX) {
        Ok(present) if present == bytes => Ok(()),
        _ => write(path, bytes),
    }
}

/// A short name for a path or a list of facts.
pub(crate) fn short(hash: blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn what_stands_in_the_place_of_a_note_is_neither_waited_for_nor_followed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        File::create(at("long")).unwrap().set_len(1 << 40).unwrap();
        for name in ["pipe", "link", "long", "none"] {
            assert_eq!(read_note(&at(name)), None, "{name}");
        }
        assert_eq!(read_note(&at("file")).unwrap(), "text");
        assert_eq!(read_source(&at("link")).unwrap(), b"text");
        assert!(read_source(&at("pipe")).is_err());
        crate::publish::touch(&at("pipe"));
        write_if_changed(&at("pipe"), b"now a file").unwrap();
        assert_eq!(read_note(&at("pipe")).unwrap(), "now a file");
    }

    #[test]
    fn a_lock_that_is_given_back_is_free_whoever_still_has_its_file() {
        let root = tempfile::tempdir().unwrap();
        let held = try_lock(root.path(), "one").unwrap().unwrap();
        assert!(try_lock(root.path(), "one").unwrap().is_none());
        // As a process has it that is started by another thread.
        let _copy = held.0.try_clone().unwrap();
        drop(held);
        assert!(try_lock(root.path(), "one").unwrap().is_some());
    }
}
