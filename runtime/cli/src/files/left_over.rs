//! The file `NAME.PID.partial` beside the one that is written. Its process has it locked: one that nobody has locked was
//! left by a process that was killed, and goes when the file of its name is written again.

use rustix::fs::OFlags;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How often one is made anew that another process takes for a left one before it is locked.
const TRIES_MAX: u32 = 8;

/// How such a name ends.
const PARTIAL: &[u8] = b".partial";

/// A snapshot that is called after its height is never written again under its name: all of these go with the next.
const SNAPSHOT: &[u8] = b".snapshot";

/// Makes one, new and locked, with these permissions.
pub(super) fn create_beside(mode: u32, path: &Path) -> io::Result<(File, PathBuf)> {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    for _ in 0..TRIES_MAX {
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&partial);
        match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Of a process of this number, which has ended.
                fs::remove_file(&partial)?;
            }
            Err(error) => return Err(error),
            Ok(file) => {
                // Where files cannot be locked nobody takes one for a left one either.
                let _ = file.lock();
                if file.metadata()?.nlink() > 0 {
                    return Ok((file, partial));
                }
            }
        }
    }
    Err(io::Error::other(format!(
        "{} is removed as often as it is made",
        partial.display()
    )))
}

/// Removes those that were left for `path`. What cannot be removed stays: nothing depends on it.
pub(super) fn sweep(path: &Path) {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new(".")));
    let wanted = path.file_name().unwrap_or_default();
    for entry in entries.into_iter().flatten().flatten() {
        if is_left_of(&entry.file_name(), wanted)
            && let Ok(file) = open(&entry.path())
            && file.metadata().is_ok_and(|about| about.is_file())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Opens what is there, and waits for nobody: a pipe is opened once its other end is.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut options = File::options();
    options
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Whether `name` is that of an unfinished file of `wanted`.
fn is_left_of(name: &OsStr, wanted: &OsStr) -> bool {
    let stem = name.as_bytes().strip_suffix(PARTIAL);
    let stem = stem.and_then(|stem| {
        let dot = stem.iter().rposition(|byte| *byte == b'.')?;
        is_number(&stem[dot + 1..]).then_some(&stem[..dot])
    });
    let wanted = wanted.as_bytes();
    stem.is_some_and(|stem| stem == wanted || (is_of_height(stem) && is_of_height(wanted)))
}

fn is_of_height(name: &[u8]) -> bool {
    name.strip_suffix(SNAPSHOT).is_some_and(is_number)
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
        let mut names: Vec<_> = entries.map(|entry| name(entry).unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_killed_processes_have_left_goes_and_what_is_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snapshot");
        let (file, partial) = create_beside(0o600, &path).unwrap();
        let stays = [
            "a.snapshot",
            "a.snapshot.x.partial",
            "b.snapshot.7.partial",
            "7.snapshot.8.partial",
            "7.partial",
            "a.7.partial",
        ];
        for name in stays.iter().chain(&["a.snapshot.1.partial"]) {
            fs::write(folder.path().join(name), "left").unwrap();
        }
        let mut expected: Vec<_> = stays.iter().map(|it| (*it).to_owned()).collect();
        let name = partial.file_name().unwrap().to_str().unwrap().to_owned();
        expected.push(name.clone());
        expected.sort_unstable();
        sweep(&path);
        assert_eq!(names(folder.path()), expected);
        drop(file);
        // Nobody writes it any more. One of another height is never finished under its name.
        sweep(&path);
        sweep(&folder.path().join("12.snapshot"));
        expected.retain(|it| *it != name && it != "7.snapshot.8.partial");
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn one_that_is_there_under_the_number_of_this_process_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        drop(create_beside(0o600, &path).unwrap());
        let (file, partial) = create_beside(0o600, &path).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert!(partial.is_file());
    }
}
