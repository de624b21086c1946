//! [`SnapshotFile`]: a snapshot whose index and header were read. No code of an engine is needed for it.

use super::SnapshotFileError;
use super::header::{HEADER_BYTES_MAX, SnapshotHeader};
use super::marks::EngineMark;
use crate::trust::{TakenOver, TrustFacts};
use refit_abi::EngineId;
use refit_kernel::{EngineImage, IMAGE_FORMAT, Parameters};
use refit_store::{Record, SnapshotError, SnapshotReader, Sort};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A snapshot, opened.
#[derive(Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    pub(crate) reader: SnapshotReader<File>,
    header: SnapshotHeader,
    engines: Vec<SnapshotEngine>,
}

/// An engine of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotEngine {
    /// Its id.
    pub id: EngineId,
    /// The index of its kind in the header.
    pub kind: usize,
    /// Bytes of its state; `None` if it was poisoned.
    pub state_bytes: Option<u64>,
    /// Messages that wait for it.
    pub letters: u64,
    /// Its record.
    pub(super) record: Record,
}

impl SnapshotFile {
    /// Reads the index and the header; the records are not looked at.
    ///
    /// # Errors
    /// [`SnapshotFileError`].
    pub fn open(path: &Path) -> Result<Self, SnapshotFileError> {
        let file = File::open(path).map_err(|source| SnapshotFileError::Open {
            path: path.to_owned(),
            source,
        })?;
        let fail = |why| SnapshotFileError::File {
            path: path.to_owned(),
            why,
        };
        let mut reader = SnapshotReader::open(file).map_err(fail)?;
        let content = |reason: String| SnapshotFileError::Content {
            path: path.to_owned(),
            reason,
        };
        let of_header = |record: &&Record| record.name.sort == Sort::Header;
        let mut headers = reader.records().iter().filter(of_header);
        let (Some(record), None) = (headers.next().cloned(), headers.next()) else {
            return Err(content("it has no header, or more than one".to_owned()));
        };
        if record.length > HEADER_BYTES_MAX {
            let (record, length) = (record.name.to_string(), record.length);
            return Err(fail(SnapshotError::TooLarge { record, length }));
        }
        let header = reader.read(&record).map_err(fail)?;
        let header: SnapshotHeader = serde_json::from_slice(&header)
            .map_err(|error| content(format!("its header is not understood: {error}")))?;
        let engines = engines(reader.records(), header.kinds.len()).map_err(content)?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            header,
            engines,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length, in bytes.
    pub fn bytes(&self) -> u64 {
        self.reader.bytes()
    }

    /// The facts about it.
    pub fn header(&self) -> &SnapshotHeader {
        &self.header
    }

    /// Its engines, in the order in which the node has them.
    pub fn engines(&self) -> &[SnapshotEngine] {
        &self.engines
    }

    /// The hashes of the libraries in it.
    pub fn libraries(&self) -> impl Iterator<Item = &str> {
        let records = self.reader.records().iter();
        records
            .filter(|record| record.name.sort == Sort::Code)
            .map(|record| record.name.name.as_str())
    }

    /// Whom its node trusts, if it says that; nobody has vouched for it.
    ///
    /// # Errors
    /// [`SnapshotFileError::Content`] if it is something else.
    pub fn trust(&self) -> Result<Option<TrustFacts>, SnapshotFileError> {
        let taken_over = self.taken_over()?;
        Ok(self.header.trust.is_some().then(|| taken_over.facts()))
    }

    pub(crate) fn taken_over(&self) -> Result<TakenOver, SnapshotFileError> {
        let taken_over = TakenOver::of(self.header.trust.as_ref());
        taken_over.map_err(|why| self.content(why))
    }

    /// An engine with its mail and its state.
    ///
    /// # Errors
    /// [`SnapshotFileError`].
    pub(super) fn engine(
        &mut self,
        engine: &SnapshotEngine,
    ) -> Result<EngineImage, SnapshotFileError> {
        self.reads_image()?;
        let bytes = self.reader.read(&engine.record);
        let bytes = bytes.map_err(|source| self.damaged(source))?;
        let image = EngineImage::from_section(&bytes);
        image.map_err(|why| SnapshotFileError::Image {
            path: self.path.clone(),
            why,
        })
    }

    /// The parameters that the image says: limits, budgets, grants.
    pub(crate) fn parameters(&self) -> Result<Parameters, SnapshotFileError> {
        let file = File::open(&self.path).map_err(|source| SnapshotFileError::Open {
            path: self.path.clone(),
            source,
        })?;
        let read = super::finish::parameters(&file);
        read.map_err(|why| self.content(why.to_string()))
    }

    /// Whether this program reads the states.
    pub(super) fn reads_image(&self) -> Result<(), SnapshotFileError> {
        match self.header.image_format {
            IMAGE_FORMAT => Ok(()),
            found => Err(SnapshotFileError::ImageFormat {
                path: self.path.clone(),
                found,
            }),
        }
    }

    pub(crate) fn damaged(&self, why: SnapshotError) -> SnapshotFileError {
        let path = self.path.clone();
        SnapshotFileError::File { path, why }
    }

    pub(crate) fn content(&self, reason: impl Into<String>) -> SnapshotFileError {
        let (path, reason) = (self.path.clone(), reason.into());
        SnapshotFileError::Content { path, reason }
    }
}

/// The engines among the records; what is wrong with one, if it is.
fn engines(records: &[Record], kinds: usize) -> Result<Vec<SnapshotEngine>, String> {
    let engine = |record: &Record| {
        let mark = EngineMark::of(&record.name)
            .ok_or_else(|| format!("its index does not say what {} is", record.name))?;
        let kind = mark.kind as usize;
        if kind >= kinds || mark.id.to_string() != record.name.name {
            return Err(format!("{} is of no kind that it names", record.name));
        }
        Ok(SnapshotEngine {
            id: mark.id,
            kind,
            state_bytes: mark.state_bytes,
            letters: mark.letters,
            record: record.clone(),
        })
    };
    let records = records.iter();
    records
        .filter(|record| record.name.sort == Sort::Engine)
        .map(engine)
        .collect()
}
