//! What is read of an archive, whether or not somebody writes to it.

use super::tables::{self, RECORDS, fault};
use super::{Files, look_at_checkpoints};
use crate::Fault;
use crate::archive::Checkpoint;
use redb::Database;

/// The checkpoints that are kept, oldest first.
pub(super) fn checkpoints(db: &Database, files: &Files) -> Result<Vec<Checkpoint>, Fault> {
    let listed = look_at_checkpoints(db)?;
    let checkpoint = |listed: tables::Listed| Checkpoint {
        number: listed.number,
        height: listed.height,
        about: listed.about,
        path: files.checkpoint(listed.number),
    };
    Ok(listed.into_iter().map(checkpoint).collect())
}

/// The record of this name.
pub(super) fn record(db: &Database, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let txn = tables::look(db)?;
    let table = txn.open_table(RECORDS).map_err(fault)?;
    let found = table.get(name).map_err(fault)?;
    Ok(found.map(|content| content.value().to_vec()))
}

/// All records whose names begin so, in their order.
pub(super) fn records(db: &Database, beginning: &str) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let txn = tables::look(db)?;
    let table = txn.open_table(RECORDS).map_err(fault)?;
    let mut found = Vec::new();
    for entry in table.range(beginning..).map_err(fault)? {
        let (name, content) = entry.map_err(fault)?;
        if !name.value().starts_with(beginning) {
            break;
        }
        found.push((name.value().to_owned(), content.value().to_vec()));
    }
    Ok(found)
}
