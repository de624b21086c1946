//! How often a start has ended while it executed the last block of the log again.
//!
//! Only the last block can do that: each one before it was executed, or there would be none behind it. A block that has
//! ended the node so often is not executed once more: the node stays below it, answers queries, and says so.

use refit_abi::Height;
use refit_store::{Archive, ArchiveView, Fault, RecordChange};

/// Starts that may end while they execute the last block.
pub(crate) const REPLAY_STARTS_MAX: u32 = 2;

/// The name of the record.
const NAME: &str = "replay";

/// The starts that have tried the block at `height` and not come behind it.
pub(crate) fn of(height: Height, archive: &dyn ArchiveView) -> Result<u32, Fault> {
    let content = archive.record(NAME)?;
    let read = content.and_then(|content| postcard::from_bytes::<(Height, u32)>(&content).ok());
    Ok(read
        .filter(|(tried, _)| *tried == height)
        .map_or(0, |(_, starts)| starts))
}

/// One more start tries it. Durable before it does.
pub(crate) fn begin(height: Height, archive: &dyn Archive) -> Result<(), Fault> {
    let starts = of(height, archive)?.saturating_add(1);
    let content = postcard::to_allocvec(&(height, starts)).map_err(|error| Fault::Disk {
        detail: error.to_string(),
    })?;
    archive.set_records(vec![RecordChange::put(NAME, content)])
}

/// The block is executed.
pub(crate) fn end(archive: &dyn Archive) -> Result<(), Fault> {
    match archive.record(NAME)? {
        Some(_) => archive.set_records(vec![RecordChange::remove(NAME)]),
        None => Ok(()),
    }
}
