//! Writing a file so that a reader, also one after a crash, finds the old text or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Puts a file in the place of another in one step, and on the disk.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
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
