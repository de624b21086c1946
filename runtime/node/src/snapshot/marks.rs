//! The words of a snapshot's records in the index: which section of the image each of them is.

use refit_abi::EngineId;
use refit_kernel::{EngineSection, Section};
use refit_store::{RecordName, Sort};
use serde::{Deserialize, Serialize};

/// The name of the header's record.
pub(super) const HEADER: &str = "header";

/// The name of the image's last section.
const END: &str = "end";

/// What the index says of an engine beside its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EngineMark {
    pub(super) id: EngineId,
    pub(super) kind: u32,
    pub(super) state_bytes: Option<u64>,
    pub(super) letters: u64,
}

impl EngineMark {
    /// Reads it back; `None` of what is none.
    pub(super) fn of(record: &RecordName) -> Option<Self> {
        match postcard::take_from_bytes(&record.about) {
            Ok((mark, [])) => Some(mark),
            _ => None,
        }
    }
}

/// The name of a section's record.
pub(super) fn of_section(section: Section) -> RecordName {
    let table = |name: &str| named(Sort::Table, name);
    match section {
        Section::Beside(sort) => table(sort),
        Section::End => table(END),
        Section::Engine(EngineSection {
            id,
            kind,
            state_bytes,
            letters,
        }) => {
            let mark = EngineMark {
                id,
                kind,
                state_bytes,
                letters,
            };
            RecordName {
                about: bytes(&mark),
                ..named(Sort::Engine, &id.to_string())
            }
        }
    }
}

/// A record that says nothing beside its name.
pub(super) fn named(sort: Sort, name: &str) -> RecordName {
    RecordName {
        sort,
        name: name.to_owned(),
        about: Vec::new(),
    }
}

fn bytes(mark: &EngineMark) -> Vec<u8> {
    match postcard::to_allocvec(mark) {
        Ok(bytes) => bytes,
        // Postcard fails on sequences of unknown length and on full buffers; here is neither.
        Err(error) => unreachable!("it has only sized fields: {error}"),
    }
}
