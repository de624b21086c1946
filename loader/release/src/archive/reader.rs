//! [`Archive`]: the release first, and its contents when it was verified.

use super::expected::Expected;
use super::{ArchiveError, END, FILE, FRAME_BYTES_MAX, Item, LISTING, MAGIC, PIECE_BYTES};
use crate::content::{FileId, SourceRoot};
use crate::manifest::Manifest;
use crate::tree::Listing;
use crate::verified::{ReleaseBytes, VerifiedRelease};
use std::io::{self, ErrorKind, Read};

/// An archive of which the release was read, and no more.
#[derive(Debug)]
pub struct Archive<R> {
    reader: R,
}

/// Where contents go. What was begun counts only when it was ended: before, nobody knows whether the bytes are right.
pub trait Sink {
    /// An item of so many bytes comes.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn begin(&mut self, item: Item, bytes: u64) -> io::Result<()>;

    /// Some more of its bytes.
    ///
    /// # Errors
    /// If they cannot be kept.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// All of it has come, and it is what its id says.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn end(&mut self, item: Item) -> io::Result<()>;
}

/// What came out of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The listing of the source, if the source was inside: then all of its files were.
    pub source: Option<Listing>,
    /// The manifest's files that were not inside, in the order of their ids.
    pub missing: Vec<FileId>,
}

/// What was found by a look into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Items that are what their ids say.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Which there are.
    pub unpacked: Unpacked,
}

/// Counts what comes, and keeps none of it.
#[derive(Debug, Default)]
struct Counted {
    items: u64,
    bytes: u64,
    /// Of the one that comes.
    coming: u64,
}

impl Sink for Counted {
    fn begin(&mut self, _: Item, bytes: u64) -> io::Result<()> {
        self.coming = bytes;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: Item) -> io::Result<()> {
        self.items += 1;
        self.bytes += self.coming;
        Ok(())
    }
}

impl<R: Read> Archive<R> {
    /// Reads up to the release's frame, and no more.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn open(mut reader: R) -> Result<(ReleaseBytes, Self), ArchiveError> {
        let magic: [u8; 16] = take(&mut reader)?;
        if &magic != MAGIC {
            return Err(ArchiveError::Magic);
        }
        let bytes = u32::from_le_bytes(take(&mut reader)?) as usize;
        if bytes > FRAME_BYTES_MAX {
            let most = FRAME_BYTES_MAX;
            return Err(ArchiveError::FrameTooLong { bytes, most });
        }
        let mut frame = vec![0; bytes];
        reader.read_exact(&mut frame).map_err(cut)?;
        Ok((ReleaseBytes::read(&frame)?, Self { reader }))
    }

    /// What is behind the release, unread: for a copy under other signatures.
    pub fn into_rest(self) -> R {
        self.reader
    }

    /// Reads what the release names, and gives it to `sink`.
    ///
    /// # Errors
    /// [`ArchiveError`]; then what the sink has ended is right all the same.
    pub fn unpack(
        self,
        release: &VerifiedRelease,
        sink: &mut dyn Sink,
    ) -> Result<Unpacked, ArchiveError> {
        self.unpack_as(release.manifest(), sink)
    }

    /// Whether all that is inside is what a manifest says, for somebody who looks at a release and uses nothing of it. Who has
    /// signed it is another question. A node has no use for this.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn look(self, claims: &Manifest) -> Result<Looked, ArchiveError> {
        let mut counted = Counted::default();
        let unpacked = self.unpack_as(claims, &mut counted)?;
        Ok(Looked {
            items: counted.items,
            bytes: counted.bytes,
            unpacked,
        })
    }

    fn unpack_as(
        mut self,
        manifest: &Manifest,
        sink: &mut dyn Sink,
    ) -> Result<Unpacked, ArchiveError> {
        let mut expected = Expected::of(manifest);
        let mut source = None;
        while let Some((item, bytes)) = self.next()? {
            expected.admit(item, bytes)?;
            match item {
                Item::File(_) => self.copy(item, bytes, sink)?,
                Item::Listing(root) => {
                    let listing = self.listing(root, bytes, sink)?;
                    expected.hear(&listing);
                    source = Some(listing);
                }
            }
        }
        if self.reader.read(&mut [0]).map_err(ArchiveError::Read)? > 0 {
            return Err(ArchiveError::Trailing);
        }
        let missing = expected.missing()?;
        Ok(Unpacked { source, missing })
    }

    /// The head of the next item; nothing at the end.
    fn next(&mut self) -> Result<Option<(Item, u64)>, ArchiveError> {
        let [kind] = take(&mut self.reader)?;
        if kind == END {
            return Ok(None);
        }
        let hash = take(&mut self.reader)?;
        let item = match kind {
            LISTING => Item::Listing(SourceRoot::from_bytes(hash)),
            FILE => Item::File(FileId::from_bytes(hash)),
            found => return Err(ArchiveError::Kind { found }),
        };
        Ok(Some((item, u64::from_le_bytes(take(&mut self.reader)?))))
    }

    /// The listing, which is short enough for memory.
    fn listing(
        &mut self,
        root: SourceRoot,
        bytes: u64,
        sink: &mut dyn Sink,
    ) -> Result<Listing, ArchiveError> {
        let item = Item::Listing(root);
        let mut read = Vec::new();
        let taken = (&mut self.reader).take(bytes).read_to_end(&mut read);
        if (taken.map_err(ArchiveError::Read)? as u64) < bytes {
            return Err(ArchiveError::Cut);
        }
        let listing = Listing::read(&read, root)?;
        let keep = |source| ArchiveError::Keep { item, source };
        sink.begin(item, bytes).map_err(keep)?;
        sink.write(&read).map_err(keep)?;
        sink.end(item).map_err(keep)?;
        Ok(listing)
    }

    /// A file, piece by piece.
    fn copy(&mut self, item: Item, bytes: u64, sink: &mut dyn Sink) -> Result<(), ArchiveError> {
        let keep = |source| ArchiveError::Keep { item, source };
        sink.begin(item, bytes).map_err(keep)?;
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; PIECE_BYTES];
        let mut left = bytes;
        while left > 0 {
            let most = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            self.reader.read_exact(&mut piece[..most]).map_err(cut)?;
            hasher.update(&piece[..most]);
            sink.write(&piece[..most]).map_err(keep)?;
            left -= most as u64;
        }
        match *hasher.finalize().as_bytes() == item.hash() {
            true => sink.end(item).map_err(keep),
            false => Err(ArchiveError::Content { item }),
        }
    }
}

fn take<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], ArchiveError> {
    let mut taken = [0; N];
    reader.read_exact(&mut taken).map_err(cut)?;
    Ok(taken)
}

fn cut(error: io::Error) -> ArchiveError {
    match error.kind() {
        ErrorKind::UnexpectedEof => ArchiveError::Cut,
        _ => ArchiveError::Read(error),
    }
}
