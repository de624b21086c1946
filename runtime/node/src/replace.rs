//! Writing a file so that a reader, also one after a crash, finds the old text or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Puts a file in the place of another in one step, and on the disk.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = anew(&beside)?;
    file.write_all(text)?;
    // Before the rename: else a loss of power could leave the new name with an empty file.
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        // The rename itself is an entry of the folder, and as durable as that.
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// A new file: what an earlier one has left goes, and so does a pipe or a link, which would be written to.
fn anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::create_new(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn what_engines_have_put_beside_the_file_is_neither_waited_for_nor_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("a.json"), folder.path().join("a.new"));
        mknodat(CWD, &beside, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        replace(&path, b"one").unwrap();
        let other = folder.path().join("other");
        std::os::unix::fs::symlink(&other, &beside).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(!other.exists() && path.is_file());
    }
}
