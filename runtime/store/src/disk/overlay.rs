//! [`Overlay`]: a file that is read, and whose changes stay in memory: redb mends a file after a kill before it reads it,
//! and whoever only looks changes nothing on the disk.

use crate::open_file;
use parking_lot::Mutex;
use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes that change together.
const PAGE_BYTES: usize = 4096;

/// Most pages whose changes are held in memory: 256 MiB.
const PAGES_MAX: usize = 65_536;

/// A file and, over it, what was changed.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    over: Mutex<Over>,
}

#[derive(Debug, Default)]
struct Over {
    pages: BTreeMap<u64, Box<[u8]>>,
    /// The length that it has by now.
    length: u64,
    /// The part of the file that counts: where it was cut, what comes after is zero.
    file_length: u64,
}

impl Overlay {
    /// Over the file at `path`, which is opened for reading alone.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = open_file(path)?;
        let length = file.metadata()?.len();
        let over = Over {
            length,
            file_length: length,
            ..Over::default()
        };
        Ok(Self {
            file,
            over: Mutex::new(over),
        })
    }

    /// The page as the file has it; zeros behind its end.
    fn page(&self, number: u64, over: &Over) -> io::Result<Box<[u8]>> {
        let mut page = vec![0; PAGE_BYTES].into_boxed_slice();
        let at = number * PAGE_BYTES as u64;
        let there = over.file_length.saturating_sub(at);
        let there = usize::try_from(there).map_or(PAGE_BYTES, |there| there.min(PAGE_BYTES));
        self.file.read_exact_at(&mut page[..there], at)?;
        Ok(page)
    }
}

impl Over {
    /// Puts what was changed in the place of what the file has at `offset`.
    fn lay_over(&self, offset: u64, out: &mut [u8]) {
        let end = offset + out.len() as u64;
        let pages = offset / PAGE_BYTES as u64..end.div_ceil(PAGE_BYTES as u64);
        for (number, page) in self.pages.range(pages) {
            let at = number * PAGE_BYTES as u64;
            let (from, to) = (at.max(offset), end.min(at + PAGE_BYTES as u64));
            // Within the page, and within what is read.
            let length = (to - from) as usize;
            let (in_page, in_out) = ((from - at) as usize, (from - offset) as usize);
            out[in_out..in_out + length].copy_from_slice(&page[in_page..in_page + length]);
        }
    }
}

/// A part of a page: its number, where the part begins in it, and how long it is.
struct Part {
    page: u64,
    at: usize,
    length: usize,
}

/// The parts that bytes at `offset` lie in.
fn parts(offset: u64, bytes: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let place = offset + done as u64;
        let at = usize::try_from(place % PAGE_BYTES as u64).unwrap_or_default();
        let length = (bytes - done).min(PAGE_BYTES - at);
        done += length;
        (length > 0).then_some(Part {
            page: place / PAGE_BYTES as u64,
            at,
            length,
        })
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over.lock();
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > over.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // In one piece: a start reads all of the file. Behind its end are zeros.
        let there = over.file_length.saturating_sub(offset);
        let there = usize::try_from(there).map_or(out.len(), |there| there.min(out.len()));
        let (in_file, behind) = out.split_at_mut(there);
        self.file.read_exact_at(in_file, offset)?;
        behind.fill(0);
        over.lay_over(offset, out);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut over = self.over.lock();
        if length < over.length {
            over.file_length = over.file_length.min(length);
            let first_gone = length.div_ceil(PAGE_BYTES as u64);
            over.pages.split_off(&first_gone);
            let inside = usize::try_from(length % PAGE_BYTES as u64).unwrap_or_default();
            if let Some(page) = over.pages.get_mut(&(length / PAGE_BYTES as u64)) {
                page[inside..].fill(0);
            }
        }
        over.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut over = self.over.lock();
        let mut rest = bytes;
        for part in parts(offset, bytes.len()) {
            if !over.pages.contains_key(&part.page) {
                if over.pages.len() >= PAGES_MAX {
                    let most = PAGES_MAX * PAGE_BYTES;
                    let detail = format!(
                        "to read the file, more than {most} bytes of it would have to be mended"
                    );
                    return Err(io::Error::other(detail));
                }
                let page = self.page(part.page, &over)?;
                over.pages.insert(part.page, page);
            }
            let (from, after) = rest.split_at(part.length);
            if let Some(page) = over.pages.get_mut(&part.page) {
                page[part.at..part.at + part.length].copy_from_slice(from);
            }
            rest = after;
        }
        over.length = over.length.max(offset + bytes.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Deed {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let bytes = proptest::collection::vec(any::<u8>(), 1..9_000);
        prop_oneof![
            (0..20_000_u64, bytes).prop_map(|(at, bytes)| Deed::Write(at, bytes)),
            (0..30_000_u64).prop_map(Deed::Length),
        ]
    }

    proptest! {
        #[test]
        fn it_is_read_as_it_was_written_and_the_file_stays_as_it_was(
            first in proptest::collection::vec(any::<u8>(), 0..20_000),
            deeds in proptest::collection::vec(deed(), 0..12),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            std::fs::write(&path, &first).unwrap();
            let overlay = Overlay::open(&path).unwrap();
            let mut wanted = first.clone();
            for deed in deeds {
                match deed {
                    Deed::Write(at, bytes) => {
                        let end = at as usize + bytes.len();
                        if wanted.len() < end {
                            wanted.resize(end, 0);
                        }
                        wanted[at as usize..end].copy_from_slice(&bytes);
                        overlay.write(at, &bytes).unwrap();
                    }
                    Deed::Length(length) => {
                        wanted.resize(length as usize, 0);
                        overlay.set_len(length).unwrap();
                    }
                }
                let mut found = vec![0; wanted.len()];
                overlay.read(0, &mut found).unwrap();
                prop_assert!(found == wanted);
                prop_assert_eq!(overlay.len().unwrap(), wanted.len() as u64);
            }
            prop_assert!(overlay.read(wanted.len() as u64, &mut [0]).is_err());
            prop_assert!(std::fs::read(&path).unwrap() == first);
        }
    }
}
