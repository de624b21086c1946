//! [`nameless`]: a file without a name, which is gone with the last of its handles, however the process ends.

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Its mode: for this user alone.
const MODE: u32 = 0o600;

/// Numbers the names that files have for a moment.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A new file on the disk of `folder`, to read and to write.
///
/// # Errors
/// The system's error.
pub fn nameless(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(CWD, folder, flags, Mode::from_raw_mode(MODE)) {
        Ok(file) => Ok(file.into()),
        // Some file systems have only files with names.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => named_for_a_moment(folder),
        Err(error) => Err(error.into()),
    }
}

fn named_for_a_moment(folder: &Path) -> io::Result<File> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("{}-{number}.part", std::process::id()));
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create_new(true).mode(MODE);
    let file = options.open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    #[test]
    fn a_file_without_a_name_is_written_and_read_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for make in [nameless, named_for_a_moment] {
            let mut file = make(folder.path()).unwrap();
            file.write_all(b"text").unwrap();
            file.rewind().unwrap();
            let mut read = String::new();
            file.read_to_string(&mut read).unwrap();
            assert_eq!(read, "text");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        assert!(nameless(&folder.path().join("none")).is_err());
    }
}
