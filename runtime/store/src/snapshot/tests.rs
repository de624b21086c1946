//! A file that is not whole is refused, whichever byte is missing or wrong.

use super::*;
use refit_abi::host::Explain;
use std::io::{Cursor, Read, Seek, SeekFrom};

fn name(sort: Sort, name: &str) -> RecordName {
    RecordName {
        sort,
        name: name.to_owned(),
        about: vec![7; 3],
    }
}

/// A small file with a record of each sort, and an empty one; the first was in the file before.
fn file() -> Vec<u8> {
    let mut bytes = snapshot_begin();
    bytes.extend_from_slice(b"the states");
    let mut rest = Vec::new();
    let mut writer = SnapshotWriter::behind_begin(&mut rest);
    writer.note(b"the ");
    writer.note(b"states");
    writer.close(name(Sort::Engine, "kv")).unwrap();
    writer.close(name(Sort::Table, "nothing")).unwrap();
    writer.write(b"{}").unwrap();
    writer.close(name(Sort::Header, "header")).unwrap();
    writer.write(&[0x7f; 300]).unwrap();
    writer.close(name(Sort::Code, "ab")).unwrap();
    let length = writer.end().unwrap();
    bytes.extend_from_slice(&rest);
    assert_eq!(length, bytes.len() as u64);
    bytes
}

/// Everything that a reader gives: the index, and each record.
fn read(bytes: &[u8]) -> Result<Vec<(RecordName, Vec<u8>)>, SnapshotError> {
    let mut reader = SnapshotReader::open(Cursor::new(bytes))?;
    reader.verify()?;
    let records = reader.records().to_vec();
    let read = |record: &Record| Ok((record.name.clone(), reader.read(record)?));
    records.iter().map(read).collect()
}

#[test]
fn the_records_read_back_as_they_were_written_each_without_the_others() {
    let bytes = file();
    let records = read(&bytes).unwrap();
    let contents: Vec<_> = records.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(contents, [&b"the states"[..], b"", b"{}", &[0x7f; 300]]);
    let names: Vec<_> = records.iter().map(|(name, _)| name.name.as_str()).collect();
    assert_eq!(names, ["kv", "nothing", "header", "ab"]);
    // The bytes of one are damaged: the others are still read.
    let mut damaged = bytes;
    damaged[BEGIN_BYTES] ^= 1;
    let mut reader = SnapshotReader::open(Cursor::new(damaged)).unwrap();
    let records = reader.records().to_vec();
    assert_eq!(
        reader.read(&records[0]).unwrap_err().code(),
        "snapshot-damaged"
    );
    assert_eq!(reader.read(&records[2]).unwrap(), b"{}");
}

#[test]
fn no_prefix_of_a_file_is_taken() {
    let bytes = file();
    for length in 0..bytes.len() {
        let error = read(&bytes[..length]).unwrap_err();
        let wanted = match length {
            0 => "snapshot-none",
            _ => "snapshot-cut",
        };
        assert_eq!(error.code(), wanted, "{length} bytes: {error}");
        assert!(!error.next().is_empty());
    }
    let longer = [bytes.as_slice(), b"\n"].concat();
    assert_eq!(read(&longer).unwrap_err().code(), "snapshot-cut");
}

#[test]
fn no_flipped_bit_is_taken_and_a_bad_record_is_named_with_its_place() {
    let bytes = file();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let error = read(&flipped).unwrap_err();
            let is_right = match at {
                ..16 => error.code() == "snapshot-none",
                16..20 => error.code() == "snapshot-format",
                20..30 => matches!(
                    &error,
                    SnapshotError::Damaged { record, offset: 20, length: 10 } if record == "engine `kv`"
                ),
                _ => matches!(error.code(), "snapshot-damaged" | "snapshot-cut"),
            };
            assert!(is_right, "bit {bit} of byte {at}: {error}");
        }
    }
}

#[test]
fn a_newer_form_is_refused_by_its_number() {
    let mut newer = file();
    newer[16..20].copy_from_slice(&(SNAPSHOT_FORMAT + 1).to_le_bytes());
    match read(&newer).unwrap_err() {
        SnapshotError::Format { found } => assert_eq!(found, SNAPSHOT_FORMAT + 1),
        other => panic!("{other}"),
    }
}

/// A file that says that its index is as long as `length`.
fn with_index_of(length: u64) -> Vec<u8> {
    let mut bytes = file();
    let at = bytes.len() - END_BYTES;
    bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
    bytes
}

#[test]
fn a_length_that_is_a_lie_takes_no_memory() {
    for length in [u64::MAX, u64::MAX - 20, 1 << 40, 1 << 29, 0] {
        let error = read(&with_index_of(length)).unwrap_err();
        assert_eq!(error.code(), "snapshot-damaged", "{length}: {error}");
    }
}

/// A file whose disk fails behind so many bytes.
struct Failing(Cursor<Vec<u8>>, u64);

impl Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.0.position() >= self.1 {
            return Err(std::io::Error::other("the disk is gone"));
        }
        let room = (self.1 - self.0.position()).min(into.len() as u64);
        self.0.read(&mut into[..room as usize])
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_disk_that_fails_is_told_apart_from_a_file_that_is_damaged() {
    let bytes = file();
    for readable in 0..bytes.len() as u64 {
        let from = Failing(Cursor::new(bytes.clone()), readable);
        let read = SnapshotReader::open(from).and_then(|mut reader| reader.verify());
        assert_eq!(
            read.unwrap_err().code(),
            "snapshot-unreadable",
            "{readable}"
        );
    }
}
