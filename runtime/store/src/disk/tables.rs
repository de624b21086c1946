//! What is in the file: its tables, and what is done with them in one transaction.
//!
//! ```text
//! meta         name   → number     `format`, `orders`
//! blocks       height → bytes      contiguous; those that no kept checkpoint needs are removed, oldest first
//! journal      index  → bytes      contiguous; the newest
//! checkpoints  number → height u64 little-endian, what its writer says about it; the state is in a file of its own
//! records      name   → bytes
//! old_branch   height → bytes      the blocks that the newest roll-back took out of the log
//! ```

use crate::{Fault, RecordChange};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError,
    WriteTransaction,
};
use refit_abi::Height;
use std::ops::RangeInclusive;

pub(super) type Bytes = &'static [u8];

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const BLOCKS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("blocks");
pub(super) const JOURNAL: TableDefinition<'_, u64, Bytes> = TableDefinition::new("journal");
pub(super) const CHECKPOINTS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("checkpoints");
pub(super) const RECORDS: TableDefinition<'_, &str, Bytes> = TableDefinition::new("records");
pub(super) const OLD_BRANCH: TableDefinition<'_, u64, Bytes> = TableDefinition::new("old_branch");

/// The name under which the form of the file stands.
pub(super) const FORMAT: &str = "format";

/// The name under which the commits of other things than blocks are counted.
pub(super) const ORDERS: &str = "orders";

/// Bytes of a checkpoint's height before what is said about it.
const HEIGHT_BYTES: usize = 8;

/// A checkpoint as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) number: u64,
    pub(super) height: Height,
    pub(super) about: Vec<u8>,
}

/// Looks at what is durable.
pub(super) fn look(db: &Database) -> Result<ReadTransaction, Fault> {
    db.begin_read().map_err(fault)
}

/// Any of the library's errors.
pub(super) fn fault(error: impl Into<redb::Error>) -> Fault {
    Fault::from(error.into())
}

/// Makes the tables that are not there.
pub(super) fn make(txn: &WriteTransaction) -> Result<(), TableError> {
    txn.open_table(META)?;
    txn.open_table(BLOCKS)?;
    txn.open_table(JOURNAL)?;
    txn.open_table(CHECKPOINTS)?;
    txn.open_table(OLD_BRANCH)?;
    txn.open_table(RECORDS).map(drop)
}

/// The first and the last number of a table.
pub(super) fn ends(table: &impl ReadableTable<u64, Bytes>) -> Result<Option<(u64, u64)>, Fault> {
    let first = table.first().map_err(fault)?.map(|(key, _)| key.value());
    let last = table.last().map_err(fault)?.map(|(key, _)| key.value());
    Ok(first.zip(last))
}

/// The checkpoints that are kept, oldest first.
pub(super) fn checkpoints(table: &impl ReadableTable<u64, Bytes>) -> Result<Vec<Listed>, Fault> {
    let mut listed = Vec::new();
    for entry in table.iter().map_err(fault)? {
        let (number, value) = entry.map_err(fault)?;
        let value = value.value();
        let Some((height, about)) = value.split_first_chunk::<HEIGHT_BYTES>() else {
            let detail = format!("checkpoint {} has no height", number.value());
            return Err(Fault::Disk { detail });
        };
        listed.push(Listed {
            number: number.value(),
            height: Height(u64::from_le_bytes(*height)),
            about: about.to_vec(),
        });
    }
    Ok(listed)
}

/// Lists a checkpoint.
pub(super) fn list(table: &mut Table<'_, u64, Bytes>, new: &Listed) -> Result<(), Fault> {
    let mut value = new.height.0.to_le_bytes().to_vec();
    value.extend_from_slice(&new.about);
    table.insert(new.number, value.as_slice()).map_err(fault)?;
    Ok(())
}

/// Changes records.
pub(super) fn change(txn: &WriteTransaction, changes: &[RecordChange]) -> Result<(), Fault> {
    let mut records = txn.open_table(RECORDS).map_err(fault)?;
    for RecordChange { name, content } in changes {
        match content {
            Some(content) => records.insert(name.as_str(), content.as_slice()),
            None => records.remove(name.as_str()),
        }
        .map_err(fault)?;
    }
    Ok(())
}

/// Moves the blocks of a range from one table into another.
pub(super) fn move_blocks(
    from: &mut Table<'_, u64, Bytes>,
    to: &mut Table<'_, u64, Bytes>,
    heights: RangeInclusive<u64>,
) -> Result<(), Fault> {
    for entry in from.range(heights.clone()).map_err(fault)? {
        let (height, block) = entry.map_err(fault)?;
        to.insert(height.value(), block.value()).map_err(fault)?;
    }
    from.retain_in(heights, |_, _| false).map_err(fault)
}

/// Removes the oldest items up to the number `through`, at most `most` of them; whether there are more.
pub(super) fn remove_through(
    table: &mut Table<'_, u64, Bytes>,
    through: u64,
    most: usize,
) -> Result<bool, Fault> {
    for _ in 0..most {
        let first = table.first().map_err(fault)?.map(|(key, _)| key.value());
        match first.filter(|first| *first <= through) {
            Some(first) => drop(table.remove(first).map_err(fault)?),
            None => return Ok(false),
        }
    }
    Ok(true)
}
