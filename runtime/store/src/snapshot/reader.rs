//! [`SnapshotReader`]: a file whose index was read and found right; its records are checked as they are read.

use super::{
    BEGIN, BEGIN_BYTES, END, END_BYTES, Indexed, Record, RecordName, SNAPSHOT_FORMAT,
    SNAPSHOT_INDEX_BYTES_MAX, SNAPSHOT_RECORD_BYTES_MAX, SNAPSHOT_RECORDS_MAX, SnapshotError, Sort,
    index_hash,
};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 << 10;

/// A snapshot, from its file.
#[derive(Debug)]
pub struct SnapshotReader<R> {
    from: R,
    records: Vec<Record>,
    bytes: u64,
}

impl<R: Read + Seek> SnapshotReader<R> {
    /// Reads the index.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn open(mut from: R) -> Result<Self, SnapshotError> {
        let bytes = from.seek(SeekFrom::End(0)).map_err(unread)?;
        let cut = || SnapshotError::Cut { bytes };
        begins(&mut from, bytes)?;
        let end_at = bytes.checked_sub(END_BYTES as u64).ok_or_else(cut)?;
        let mut end = [0; END_BYTES];
        read_at(&mut from, end_at, &mut end, bytes)?;
        let (length, rest) = end.split_at(8);
        let (hash, mark) = rest.split_at(blake3::OUT_LEN);
        if mark != END {
            return Err(cut());
        }
        let length = length.iter().rev();
        let length = length.fold(0, |length: u64, byte| length << 8 | u64::from(*byte));
        let room = end_at.saturating_sub(BEGIN_BYTES as u64);
        if length > room || length > SNAPSHOT_INDEX_BYTES_MAX as u64 {
            let reason = "it is longer than the file";
            return Err(SnapshotError::Index {
                offset: end_at,
                reason,
            });
        }
        let offset = end_at - length;
        let mut index = vec![0; length as usize];
        read_at(&mut from, offset, &mut index, bytes)?;
        if index_hash(&index) != *hash {
            let reason = "it does not match the hash at the end of the file";
            return Err(SnapshotError::Index { offset, reason });
        }
        let records =
            records(&index, offset).map_err(|reason| SnapshotError::Index { offset, reason })?;
        Ok(Self {
            from,
            records,
            bytes,
        })
    }

    /// Its records, in the order of the file.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The length of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of a record.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn read(&mut self, record: &Record) -> Result<Vec<u8>, SnapshotError> {
        if record.length > SNAPSHOT_RECORD_BYTES_MAX {
            return Err(SnapshotError::TooLarge {
                record: record.name.to_string(),
                length: record.length,
            });
        }
        let mut bytes = Vec::new();
        self.copy(record, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes the bytes of a record to `to`. Its hash is compared at its end: what was written by then is not to be
    /// used if it differs.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn copy(&mut self, record: &Record, to: &mut impl Write) -> Result<(), SnapshotError> {
        let at = self.from.seek(SeekFrom::Start(record.offset));
        at.map_err(unread)?;
        let mut hash = blake3::Hasher::new();
        let mut piece = vec![0; PIECE_BYTES];
        let mut left = record.length;
        while left > 0 {
            let next = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            let piece = &mut piece[..next];
            let bytes = self.bytes;
            let read = self.from.read_exact(piece);
            read.map_err(|source| ends_or_fails(source, bytes))?;
            hash.update(piece);
            let written = to.write_all(piece);
            written.map_err(|source| SnapshotError::Write { source })?;
            left -= next as u64;
        }
        match *hash.finalize().as_bytes() == record.hash {
            true => Ok(()),
            false => Err(SnapshotError::Damaged {
                record: record.name.to_string(),
                offset: record.offset,
                length: record.length,
            }),
        }
    }

    /// Reads every record, and keeps none.
    ///
    /// # Errors
    /// [`SnapshotError`], of the first record that is damaged.
    pub fn verify(&mut self) -> Result<(), SnapshotError> {
        let records = std::mem::take(&mut self.records);
        let verified = records
            .iter()
            .try_for_each(|record| self.copy(record, &mut std::io::sink()));
        self.records = records;
        verified
    }
}

/// Whether it begins as a snapshot of this form.
fn begins(from: &mut (impl Read + Seek), bytes: u64) -> Result<(), SnapshotError> {
    let mut begin = Vec::new();
    from.seek(SeekFrom::Start(0)).map_err(unread)?;
    let mut first = from.take(BEGIN_BYTES as u64);
    first.read_to_end(&mut begin).map_err(unread)?;
    let mark = begin.len().min(BEGIN.len());
    if begin[..mark] != BEGIN[..mark] || begin.is_empty() {
        return Err(SnapshotError::None);
    }
    let Ok(format) = <[u8; 4]>::try_from(&begin[mark..]) else {
        return Err(SnapshotError::Cut { bytes });
    };
    match u32::from_le_bytes(format) {
        SNAPSHOT_FORMAT => Ok(()),
        found => Err(SnapshotError::Format { found }),
    }
}

/// The records of an index that begins at `end`, where the last of them ends.
fn records(index: &[u8], end: u64) -> Result<Vec<Record>, &'static str> {
    let listed: Vec<Indexed> = match postcard::take_from_bytes(index) {
        Ok((listed, [])) => listed,
        _ => return Err("it is no list of records"),
    };
    if listed.len() > SNAPSHOT_RECORDS_MAX {
        return Err("it has too many records");
    }
    let mut offset = BEGIN_BYTES as u64;
    let mut records = Vec::with_capacity(listed.len());
    for Indexed {
        sort,
        name,
        about,
        length,
        hash,
    } in listed
    {
        let sort = Sort::of(sort).ok_or("a record is of no known sort")?;
        records.push(Record {
            name: RecordName { sort, name, about },
            offset,
            length,
            hash,
        });
        let behind = offset.checked_add(length);
        offset = behind.ok_or("its records are longer than the file")?;
    }
    match offset == end {
        true => Ok(records),
        false => Err("its records are not as long as the file"),
    }
}

fn read_at(
    from: &mut (impl Read + Seek),
    offset: u64,
    into: &mut [u8],
    bytes: u64,
) -> Result<(), SnapshotError> {
    from.seek(SeekFrom::Start(offset)).map_err(unread)?;
    let read = from.read_exact(into);
    read.map_err(|source| ends_or_fails(source, bytes))
}

/// A file that became shorter meanwhile is cut short too.
fn ends_or_fails(source: std::io::Error, bytes: u64) -> SnapshotError {
    match source.kind() {
        ErrorKind::UnexpectedEof => SnapshotError::Cut { bytes },
        _ => unread(source),
    }
}

fn unread(source: std::io::Error) -> SnapshotError {
    SnapshotError::Read { source }
}
