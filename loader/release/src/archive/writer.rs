//! [`ArchiveWriter`].

use super::{END, Item, MAGIC, PIECE_BYTES, PackError};
use crate::content::{FileId, SourceRoot};
use crate::frame::Frame;
use crate::tree::Listing;
use std::io::{Read, Write};

/// Writes an archive: the release, the source's listing, files, the end.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    out: W,
    last: Option<Item>,
}

/// The bytes of an archive before its contents.
pub fn head(release: &Frame) -> Vec<u8> {
    let frame = release.write();
    // A frame is bounded.
    let bytes = (frame.len() as u32).to_le_bytes();
    [&MAGIC[..], &bytes, &frame].concat()
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins with the release.
    ///
    /// # Errors
    /// [`PackError::Write`].
    pub fn begin(mut out: W, release: &Frame) -> Result<Self, PackError> {
        out.write_all(&head(release)).map_err(PackError::Write)?;
        Ok(Self { out, last: None })
    }

    /// Adds the listing of the source; its files have to follow.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn listing(&mut self, listing: &Listing) -> Result<SourceRoot, PackError> {
        let bytes = listing.write()?;
        let root = SourceRoot::of(&bytes);
        self.item(Item::Listing(root), bytes.len() as u64, &mut &bytes[..])?;
        Ok(root)
    }

    /// Adds a file of so many bytes, in the order of the ids.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn file(
        &mut self,
        file: FileId,
        bytes: u64,
        content: &mut dyn Read,
    ) -> Result<(), PackError> {
        self.item(Item::File(file), bytes, content)
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`PackError::Write`].
    pub fn end(mut self) -> Result<W, PackError> {
        self.out.write_all(&[END]).map_err(PackError::Write)?;
        self.out.flush().map_err(PackError::Write)?;
        Ok(self.out)
    }

    fn item(&mut self, item: Item, bytes: u64, content: &mut dyn Read) -> Result<(), PackError> {
        if self.last.is_some_and(|last| last >= item) {
            return Err(PackError::Order { item });
        }
        self.last = Some(item);
        for part in [&[item.number()][..], &item.hash(), &bytes.to_le_bytes()] {
            self.out.write_all(part).map_err(PackError::Write)?;
        }
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; PIECE_BYTES];
        let mut read = 0;
        // One byte more than there should be is asked for: a file that has grown is not the one that was named.
        let mut content = content.take(bytes.saturating_add(1));
        loop {
            let failed = |source| PackError::Read { item, source };
            let some = content.read(&mut piece).map_err(failed)?;
            if some == 0 {
                break;
            }
            read += some as u64;
            hasher.update(&piece[..some]);
            self.out
                .write_all(&piece[..some])
                .map_err(PackError::Write)?;
        }
        match read == bytes && *hasher.finalize().as_bytes() == item.hash() {
            true => Ok(()),
            false => Err(PackError::Changed { item }),
        }
    }
}
