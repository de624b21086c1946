//! Hands files out of the target: the caller writes them down where it may, this process may write nowhere else.

use super::{Unable, at, errno};
use crate::error::Step;
use crate::level::Level;
use crate::wire::{CHUNK_BYTES, GivenFile, Said, Told, say, say_raw};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 32;

/// The bits of a mode by which a file can be run.
const RUN_BITS: u32 = 0o111;

/// Hands out all outputs: files, and folders with all files below them. Links and devices stay where they are.
pub(crate) fn all(socket: impl AsFd, told: &Told) -> Result<(), Unable> {
    let level = match told.parts.namespaces {
        true => Level::L3,
        false => Level::L2,
    };
    let target = told.order.target.seen(level);
    for output in &told.order.outputs {
        let found = files(&target.join(output), 0);
        let found = found.map_err(|error| failed(output)(errno(&error)))?;
        for path in found {
            let name = path.strip_prefix(target).unwrap_or(&path).to_owned();
            give(socket.as_fd(), &path, name).map_err(failed(output))?;
        }
    }
    Ok(())
}

fn failed(output: &Path) -> impl FnOnce(Errno) -> Unable {
    at(Step::Give {
        path: output.to_owned(),
    })
}

/// A file, or all files below a folder.
fn files(path: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !kind.is_dir() || depth > DEPTH_MAX {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        found.extend(files(&entry?.path(), depth + 1)?);
    }
    found.sort();
    Ok(found)
}

fn give(socket: impl AsFd, path: &Path, name: PathBuf) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(open(path, flags, Mode::empty())?);
    let about = file.metadata().map_err(|error| errno(&error))?;
    if !about.is_file() {
        return Ok(());
    }
    let modified = about.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let bytes = about.len();
    say(
        socket.as_fd(),
        &Said::File(GivenFile {
            path: name,
            executable: about.permissions().mode() & RUN_BITS != 0,
            bytes,
            modified_ns: modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0)),
        }),
    )?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let read = file
            .read(&mut chunk[..most])
            .map_err(|error| errno(&error))?;
        if read == 0 {
            // Somebody cuts it short: what was said of it is no longer true.
            return Err(Errno::IO);
        }
        say_raw(socket.as_fd(), &chunk[..read])?;
        left -= read as u64;
    }
    Ok(())
}
