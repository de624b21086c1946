//! [`Beside`]: what comes behind the image in the file of a snapshot: the header, and the libraries. The image is there
//! already, written by another process; its sections are noted.

use super::header::{HeaderParts, SnapshotHeader, SnapshotKind};
use super::marks::{HEADER, named, of_section};
use crate::recovery::about::About;
use crate::trust::CarriedTrust;
use refit_kernel::{ImageReader, Parameters, Section, SectionTaker, StreamError, cut};
use refit_ordering::Ground;
use refit_store::{SnapshotError, SnapshotWriter, Sort, snapshot_begin};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Bytes that are read or written at once.
const PIECE_BYTES: usize = 256 << 10;

/// What is known of the states in a file.
pub(crate) struct Beside {
    pub(crate) ground: Ground,
    pub(crate) about: About,
    pub(crate) kinds: Vec<SnapshotKind>,
    /// What the data folder was configured with.
    pub(crate) identity: Vec<u8>,
    /// Records of the upgrades that were done on the snapshot itself.
    pub(crate) offline: Vec<serde_json::Value>,
    /// Whom the node trusts; absent if nobody says it.
    pub(crate) trust: Option<CarriedTrust>,
    /// The libraries that go with them.
    pub(crate) code: Vec<Embedded>,
}

/// A library on its way into a file.
pub(crate) struct Embedded {
    /// BLAKE3 of its bytes, in hexadecimal.
    pub(crate) artifact: String,
    pub(crate) bytes: Box<dyn Read>,
}

/// Why a file is not finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfinished {
    /// It is no snapshot, or more than one may be.
    #[error(transparent)]
    File(#[from] SnapshotError),
    /// The image in it is not what it must be.
    #[error(transparent)]
    Image(#[from] StreamError),
    /// It cannot be read or written.
    #[error("{0}")]
    System(#[from] io::Error),
    /// Its header cannot be written.
    #[error("its header cannot be written: {0}")]
    Header(#[from] serde_json::Error),
    /// A library has changed.
    #[error("the library {artifact} is not what it was when it was loaded")]
    OtherCode {
        /// BLAKE3 of what it was.
        artifact: String,
    },
}

/// The parameters that the image in a file says.
pub(crate) fn parameters(mut file: &File) -> Result<Parameters, Unfinished> {
    file.seek(SeekFrom::Start(snapshot_begin().len() as u64))?;
    let reader = ImageReader::begin(BufReader::new(file))?;
    Ok(reader.parameters().clone())
}

impl Beside {
    /// Notes the image that is there, and writes what comes behind it; gives the length of the whole, and leaves the
    /// file at its beginning.
    pub(crate) fn finish(self, mut file: &File) -> Result<u64, Unfinished> {
        let parameters = parameters(file)?;
        file.seek(SeekFrom::Start(snapshot_begin().len() as u64))?;
        let writer = SnapshotWriter::behind_begin(BufWriter::with_capacity(PIECE_BYTES, file));
        let mut noting = Noting { writer };
        let image = cut(BufReader::with_capacity(PIECE_BYTES, file), &mut noting)?;
        file.seek(SeekFrom::End(0))?;
        let Noting { mut writer } = noting;
        let header = SnapshotHeader::new(HeaderParts {
            ground: &self.ground,
            about: &self.about,
            state: &image.state,
            kinds: self.kinds,
            parameters: &parameters,
            identity: &self.identity,
            offline: self.offline,
            trust: self.trust,
        })?;
        writer.write(&serde_json::to_vec(&header)?)?;
        writer.close(named(Sort::Header, HEADER))?;
        for library in self.code {
            put_library(&mut writer, library)?;
        }
        let bytes = writer.end()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(bytes)
    }
}

fn put_library(
    writer: &mut SnapshotWriter<impl Write>,
    library: Embedded,
) -> Result<(), Unfinished> {
    let Embedded {
        artifact,
        mut bytes,
    } = library;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match bytes.read(&mut piece)? {
            0 => break,
            read => writer.write(&piece[..read])?,
        }
    }
    let hash = writer.close(named(Sort::Code, &artifact))?;
    match *blake3::Hash::from_bytes(hash).to_hex() == *artifact {
        true => Ok(()),
        false => Err(Unfinished::OtherCode { artifact }),
    }
}

/// Notes the sections of the image that is in the file.
struct Noting<W> {
    writer: SnapshotWriter<W>,
}

impl<W: Write> SectionTaker for Noting<W> {
    type Error = Unfinished;

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Unfinished> {
        self.writer.note(bytes);
        Ok(())
    }

    fn section(&mut self, section: Section) -> Result<(), Unfinished> {
        Ok(self.writer.close(of_section(section)).map(drop)?)
    }
}
