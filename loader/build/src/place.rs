//! Files and folders: locks between builders, copies that are complete or absent.

use crate::cancel::Wanted;
use crate::error::{BuildError, io};
use crate::output;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest wait of a builder for another one in the same folder, in seconds.
pub(crate) const LOCK_S_MAX: u64 = 3600;

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
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
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
    match fs::read(path) {
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
