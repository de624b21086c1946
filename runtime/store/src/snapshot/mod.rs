//! The file of a snapshot: records one after the other, and behind them an index that has the hash of each.
//!
//! ```text
//! file    = "refit snapshot\n" 0x00  format u32   record bytes*   index   end
//! index   = in postcard: for each record, in the order of the file:
//!           sort      1 header · 2 table · 3 engine · 4 library
//!           name      of the table or the engine, or the hash of the library
//!           about     what the record's writer says of it
//!           length    in bytes
//!           hash      BLAKE3 of its bytes
//! end     = length of the index u64   hash of the index [32]   "refit snapshot!\n"
//! ```
//!
//! Numbers outside of the index are little-endian. The hash of the index is BLAKE3 in a context of its own, over all
//! bytes before the first record and those of the index: so it is a hash of the whole file. The records lie without a
//! gap between the beginning and the index, and each is read and checked without the others.
//!
//! A file is read from its end: one that is cut short has none. It is written from its beginning, and nothing in it is
//! changed afterwards; bytes that are in the file already, because another process has written them, are noted
//! ([`SnapshotWriter::note`]) and not written a second time.
//!
//! This module knows bytes, names and lengths. The node says what a header, an image and a library are.

mod error;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::SnapshotError;
pub use reader::SnapshotReader;
pub use writer::SnapshotWriter;

use serde::{Deserialize, Serialize};
use std::fmt;

/// The form of the file. Another one is not read.
pub const SNAPSHOT_FORMAT: u32 = 1;

/// Most records of a file.
pub const SNAPSHOT_RECORDS_MAX: usize = 16 << 20;

/// Longest index, in bytes.
pub const SNAPSHOT_INDEX_BYTES_MAX: usize = 1 << 30;

/// Longest record that is read as one piece, in bytes.
pub const SNAPSHOT_RECORD_BYTES_MAX: u64 = (1 << 30) + (64 << 20);

/// How a file begins.
const BEGIN: &[u8; 16] = b"refit snapshot\n\0";

/// How it ends.
const END: &[u8; 16] = b"refit snapshot!\n";

/// Bytes of the beginning with the format.
const BEGIN_BYTES: usize = BEGIN.len() + 4;

/// Bytes of the end.
const END_BYTES: usize = 8 + blake3::OUT_LEN + END.len();

/// Keeps the hash of an index apart from every other hash.
const INDEX_CONTEXT: &str = "refit 2026 snapshot index";

/// The bytes before the first record.
pub fn snapshot_begin() -> Vec<u8> {
    let mut begin = BEGIN.to_vec();
    begin.extend_from_slice(&SNAPSHOT_FORMAT.to_le_bytes());
    begin
}

/// The sort of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// The facts about the snapshot.
    Header = 1,
    /// A part of the image beside the engines.
    Table = 2,
    /// An engine.
    Engine = 3,
    /// A library.
    Code = 4,
}

impl Sort {
    fn of(number: u8) -> Option<Self> {
        [Self::Header, Self::Table, Self::Engine, Self::Code]
            .into_iter()
            .find(|sort| *sort as u8 == number)
    }
}

/// The words of a record in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordName {
    /// Its sort.
    pub sort: Sort,
    /// Its name.
    pub name: String,
    /// What its writer says of it.
    pub about: Vec<u8>,
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sort {
            Sort::Header => f.write_str("the header"),
            Sort::Table => write!(f, "the table `{}`", self.name),
            Sort::Engine => write!(f, "engine `{}`", self.name),
            Sort::Code => write!(f, "the library {}", self.name),
        }
    }
}

/// A record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is called.
    pub name: RecordName,
    /// Where it begins.
    pub offset: u64,
    /// Its length, in bytes.
    pub length: u64,
    /// BLAKE3 of its bytes.
    pub hash: [u8; 32],
}

/// A record as the index has it.
#[derive(Debug, Serialize, Deserialize)]
struct Indexed {
    sort: u8,
    name: String,
    about: Vec<u8>,
    length: u64,
    hash: [u8; 32],
}

/// The hash of an index, and of what comes before the first record.
fn index_hash(index: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(INDEX_CONTEXT);
    hasher.update(&snapshot_begin());
    hasher.update(index);
    *hasher.finalize().as_bytes()
}
