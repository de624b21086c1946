//! [`Newest`]: the number of the newest commit, noted in a file of its own once it is durable.
//!
//! Where the file of a node that was killed ends with a commit that does not read back, redb goes on from the commit
//! before, and says nothing: such a file looks like one that was never written further. The note says otherwise. It is
//! written after the commit and never synced: a kill leaves it as it is, and after a power cut it may be older than what
//! is durable, but never newer.
//!
//! ```text
//! the number of the commit, u64 little-endian │ the first eight bytes of the BLAKE3 of these eight
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Mode of the file: for this user alone.
const MODE: u32 = 0o600;

/// Bytes of the number, and of what says that it was written whole.
const PART_BYTES: usize = 8;

/// Where the number is noted.
pub(super) struct Newest(File);

impl Newest {
    /// Begins with the commit of this number.
    pub(super) fn begin(path: &Path, commit: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(MODE);
        let this = Self(options.open(path)?);
        this.note(commit)?;
        Ok(this)
    }

    /// The commit of this number is durable.
    pub(super) fn note(&self, commit: u64) -> io::Result<()> {
        self.0
            .write_all_at(&[number(commit), check(commit)].concat(), 0)
    }
}

/// The number that is noted; what is no note says nothing.
pub(super) fn read(path: &Path) -> Option<u64> {
    let bytes = fs::read(path).ok()?;
    let (first, second) = bytes.split_first_chunk::<PART_BYTES>()?;
    let commit = u64::from_le_bytes(*first);
    (second == check(commit)).then_some(commit)
}

fn number(commit: u64) -> [u8; PART_BYTES] {
    commit.to_le_bytes()
}

fn check(commit: u64) -> [u8; PART_BYTES] {
    let mut check = [0; PART_BYTES];
    check.copy_from_slice(&blake3::hash(&number(commit)).as_bytes()[..PART_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_note_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("newest");
        assert_eq!(read(&path), None);
        let newest = Newest::begin(&path, 7).unwrap();
        assert_eq!(read(&path), Some(7));
        newest.note(1 << 40).unwrap();
        assert_eq!(read(&path), Some(1 << 40));
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert_eq!(read(&path), None, "byte {place}");
            fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(read(&path), None, "cut to {place}");
        }
    }
}
