//! [`Newest`]: how far the log had come with the newest commit, noted in a file of its own once that was durable.
//!
//! Where the file of a node that was killed ends with a commit that does not read back, redb goes on from the commit
//! before, and says nothing: such a file looks like one that was never written further. The note says otherwise. It is
//! written after the commit and never synced: a kill leaves it as it is, and after a power cut it may be older than what
//! is durable, but never newer.
//!
//! ```text
//! orders, u64 little-endian │ height, u64 little-endian │ the first eight bytes of the BLAKE3 of these sixteen
//! ```

use super::tables::{self, META, ORDERS, fault};
use crate::{Fault, OpenError, is_no_file, no_file, open_file_as, read_file};
use redb::{Database, WriteTransaction};
use refit_abi::Height;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Mode of the file: for this user alone.
const MODE: u32 = 0o600;

/// Bytes of a number, and of what says that the note was written whole.
const PART_BYTES: usize = 8;

/// Bytes of a note.
const NOTE_BYTES: usize = 3 * PART_BYTES;

/// How far a log has come. Blocks count by their heights; what is written beside them counts first, since it may take
/// blocks off the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Commits of other things than blocks; 0 in a file of before they were counted.
    pub orders: u64,
    /// The newest block.
    pub height: Height,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} ({} other commits)", self.height, self.orders)
    }
}

impl Mark {
    /// The one of what is durable.
    pub(super) fn of(db: &Database) -> Result<Self, Fault> {
        let meta = tables::look(db)?.open_table(META).map_err(fault)?;
        let orders = meta.get(ORDERS).map_err(fault)?;
        Ok(Self {
            orders: orders.map_or(0, |orders| orders.value()),
            height: super::last_of(db)?,
        })
    }

    /// Counts a commit of other things than blocks. Where there are only blocks no table but theirs is written.
    pub(super) fn count(&mut self, txn: &WriteTransaction) -> Result<(), Fault> {
        let mut meta = txn.open_table(META).map_err(fault)?;
        self.orders += 1;
        meta.insert(ORDERS, self.orders).map_err(fault)?;
        Ok(())
    }
}

/// Where the mark is noted.
pub(super) struct Newest(File);

impl Newest {
    /// Begins with what is durable now.
    pub(super) fn begin(path: &Path, mark: Mark) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(MODE);
        // Through a link it would be written into whatever the link leads to.
        let opened = open_file_as(path, &options, OFlags::NOFOLLOW);
        let this = Self(opened.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => no_file(),
            _ => error,
        })?);
        this.note(mark)?;
        Ok(this)
    }

    /// The commit that came so far is durable.
    pub(super) fn note(&self, mark: Mark) -> io::Result<()> {
        self.0.write_all_at(&written(mark), 0)
    }
}

/// How far the log has come in a file, which is no less far than was noted.
///
/// # Errors
/// [`OpenError::Cut`], or [`OpenError::Damaged`].
pub(super) fn reached(db: &Database, noted: Option<Mark>, path: &Path) -> Result<Mark, OpenError> {
    let found = Mark::of(db).map_err(|why| super::damaged(path, &why))?;
    match noted {
        Some(noted) if noted > found => Err(OpenError::Cut {
            path: path.to_owned(),
            found,
            noted,
        }),
        _ => Ok(found),
    }
}

/// What is noted; what is no note says nothing.
///
/// # Errors
/// [`OpenError::Io`] where there is something that is no file.
pub(super) fn read(path: &Path) -> Result<Option<Mark>, OpenError> {
    match read_file(path, NOTE_BYTES as u64) {
        Err(error) if is_no_file(&error) => Err(OpenError::io(path, error)),
        read => Ok(read.ok().and_then(|bytes| noted(&bytes))),
    }
}

fn noted(bytes: &[u8]) -> Option<Mark> {
    let (orders, rest) = bytes.split_first_chunk::<PART_BYTES>()?;
    let (height, _) = rest.split_first_chunk::<PART_BYTES>()?;
    let mark = Mark {
        orders: u64::from_le_bytes(*orders),
        height: Height(u64::from_le_bytes(*height)),
    };
    (bytes == written(mark)).then_some(mark)
}

fn written(mark: Mark) -> Vec<u8> {
    let numbers = [mark.orders, mark.height.0].map(u64::to_le_bytes).concat();
    let check = blake3::hash(&numbers);
    [&numbers, &check.as_bytes()[..PART_BYTES]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_no_note_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("newest");
        assert_eq!(read(&path).unwrap(), None);
        let mark = |orders, height| Mark {
            orders,
            height: Height(height),
        };
        let newest = Newest::begin(&path, mark(7, 2)).unwrap();
        assert_eq!(read(&path).unwrap(), Some(mark(7, 2)));
        newest.note(mark(8, 1 << 40)).unwrap();
        assert_eq!(read(&path).unwrap(), Some(mark(8, 1 << 40)));
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert_eq!(read(&path).unwrap(), None, "byte {place}");
            fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(read(&path).unwrap(), None, "cut to {place}");
        }
    }
}
