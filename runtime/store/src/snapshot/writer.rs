//! [`SnapshotWriter`]: the records of a file from its beginning to its end.

use super::{
    END, Indexed, RecordName, SNAPSHOT_INDEX_BYTES_MAX, SNAPSHOT_RECORDS_MAX, SnapshotError,
    index_hash,
};
use std::io::Write;

/// Writes a file whose [beginning](super::snapshot_begin) is there. Dropped before [`SnapshotWriter::end`] it leaves
/// one that is cut short.
#[derive(Debug)]
pub struct SnapshotWriter<W> {
    to: W,
    records: Vec<Indexed>,
    /// Of the record that is not finished.
    hash: blake3::Hasher,
    length: u64,
    /// Of all records.
    bytes: u64,
}

impl<W: Write> SnapshotWriter<W> {
    /// Behind the beginning, and what is [noted](Self::note) later.
    pub fn behind_begin(to: W) -> Self {
        Self {
            to,
            records: Vec::new(),
            hash: blake3::Hasher::new(),
            length: 0,
            bytes: super::BEGIN_BYTES as u64,
        }
    }

    /// More bytes of the record, which are in the file already.
    pub fn note(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// More bytes of the record.
    ///
    /// # Errors
    /// [`SnapshotError::Write`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.put(bytes)?;
        self.note(bytes);
        Ok(())
    }

    /// The record is whole; gives the hash of its bytes.
    ///
    /// # Errors
    /// [`SnapshotError::TooMany`].
    pub fn close(&mut self, name: RecordName) -> Result<[u8; 32], SnapshotError> {
        if self.records.len() >= SNAPSHOT_RECORDS_MAX {
            return Err(SnapshotError::TooMany);
        }
        let RecordName { sort, name, about } = name;
        let hash = *self.hash.finalize().as_bytes();
        self.hash.reset();
        let length = std::mem::take(&mut self.length);
        self.bytes += length;
        self.records.push(Indexed {
            sort: sort as u8,
            name,
            about,
            length,
            hash,
        });
        Ok(hash)
    }

    /// Writes the index and the end; gives the length of the whole file.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn end(mut self) -> Result<u64, SnapshotError> {
        let index = postcard::to_allocvec(&self.records);
        let index = index.map_err(|_| SnapshotError::TooMany)?;
        if index.len() > SNAPSHOT_INDEX_BYTES_MAX {
            return Err(SnapshotError::TooMany);
        }
        self.put(&index)?;
        self.put(&(index.len() as u64).to_le_bytes())?;
        self.put(&index_hash(&index))?;
        self.put(END)?;
        let flushed = self.to.flush();
        flushed.map_err(|source| SnapshotError::Write { source })?;
        Ok(self.bytes + (index.len() + super::END_BYTES) as u64)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let written = self.to.write_all(bytes);
        written.map_err(|source| SnapshotError::Write { source })
    }
}
