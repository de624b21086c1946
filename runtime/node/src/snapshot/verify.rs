//! Whether a snapshot is whole: its records, and that they belong together.

use super::header::SnapshotState;
use super::marks::of_section;
use super::{SnapshotFile, SnapshotFileError};
use refit_kernel::{Section, SectionTaker, StreamError, cut};
use refit_store::{Record, RecordName, Sort};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

impl SnapshotFile {
    /// Reads all of it: the hash of each record, the header against the image, the image against the index, each
    /// library against its name. Gives the hash of its states.
    ///
    /// # Errors
    /// [`SnapshotFileError`], of the first record that is damaged.
    pub fn verify(&mut self) -> Result<SnapshotState, SnapshotFileError> {
        let verified = self.reader.verify();
        verified.map_err(|source| self.damaged(source))?;
        self.reads_image()?;
        self.check_header()?;
        self.check_libraries()?;
        self.check_image()
    }

    /// Whether the header says what stands beside the checkpoint.
    fn check_header(&self) -> Result<(), SnapshotFileError> {
        let header = self.header();
        let about = header.about();
        let about = about.map_err(|why| self.content(format!("its header: {why}")))?;
        let ground = about.ground();
        let is_same = ground.tip.height == header.height
            && ground.branch.0 == header.branch
            && ground.chain.to_string() == header.chain
            && about.generation == header.generation;
        let kinds = header.kinds.iter();
        let kinds = kinds.map(|kind| (&kind.kind, &kind.artifact));
        let beside = about.kinds.iter().map(|kind| (&kind.kind, &kind.artifact));
        match is_same && kinds.eq(beside) {
            true => Ok(()),
            false => Err(self.content("its header contradicts itself")),
        }
    }

    /// Whether each library is called by the hash of its bytes, which is the record's.
    fn check_libraries(&self) -> Result<(), SnapshotFileError> {
        let mut records = self.reader.records().iter();
        let other = records.find(|record| {
            let hash = blake3::Hash::from_bytes(record.hash).to_hex();
            record.name.sort == Sort::Code && *record.name.name != *hash
        });
        match other {
            None => Ok(()),
            Some(record) => Err(self.content(format!("{} has another hash", record.name))),
        }
    }

    /// Whether the records are the sections of one image.
    fn check_image(&mut self) -> Result<SnapshotState, SnapshotFileError> {
        let (records, begin) = self.image_records()?;
        let length = records.iter().map(|record| record.length).sum();
        let mut expected = Expected {
            records: records.into_iter(),
            bytes: 0,
        };
        let file = File::open(self.path());
        let from = file.and_then(|mut file| {
            file.seek(SeekFrom::Start(begin))?;
            Ok(BufReader::with_capacity(READ_BYTES, file.take(length)))
        });
        let from = from.map_err(|source| SnapshotFileError::Open {
            path: self.path().to_owned(),
            source,
        })?;
        let found = cut(from, &mut expected).map_err(|unexpected| match unexpected {
            Unexpected::Stream(why) => SnapshotFileError::Image {
                path: self.path().to_owned(),
                why,
            },
            Unexpected::Other(record) => {
                self.content(format!("its index does not list {record} where it is"))
            }
        })?;
        let found = SnapshotState::of(&found.state);
        let said = self.header().state.as_ref();
        if said.is_some_and(|said| said.form == found.form && *said != found) {
            return Err(self.content("its states have another hash than its header says"));
        }
        match expected.records.next() {
            None => Ok(found),
            Some(more) => Err(self.content(format!("{} is behind its image", more.name))),
        }
    }

    /// The records of the image, which lie one behind the other, and where they begin.
    pub(crate) fn image_records(&self) -> Result<(Vec<Record>, u64), SnapshotFileError> {
        let is_image = |record: &&Record| matches!(record.name.sort, Sort::Table | Sort::Engine);
        let records = self.reader.records();
        let image: Vec<_> = records.iter().filter(is_image).cloned().collect();
        let begin = image.first().map_or(0, |first| first.offset);
        let is_together = image.windows(2).all(|pair| {
            let [one, other] = pair else { return false };
            one.offset + one.length == other.offset
        });
        match is_together && !image.is_empty() {
            true => Ok((image, begin)),
            false => Err(self.content("its image is not in one piece")),
        }
    }
}

/// The sections that the index lists.
struct Expected {
    records: std::vec::IntoIter<Record>,
    bytes: u64,
}

/// Why a section is not the one that is listed.
enum Unexpected {
    Stream(StreamError),
    Other(RecordName),
}

impl From<StreamError> for Unexpected {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl SectionTaker for Expected {
    type Error = Unexpected;

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Unexpected> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn section(&mut self, section: Section) -> Result<(), Unexpected> {
        let (name, bytes) = (of_section(section), std::mem::take(&mut self.bytes));
        match self.records.next() {
            Some(record) if record.name == name && record.length == bytes => Ok(()),
            _ => Err(Unexpected::Other(name)),
        }
    }
}
