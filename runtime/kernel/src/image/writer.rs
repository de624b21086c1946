//! [`Writer`]: the writing end of an image's [`stream`](super::stream).

use super::stream::{BEGIN, GOES_ON, HEAD_BYTES, RECORD_BYTES_MAX, StreamError, Tally, What};
use super::{IMAGE_FORMAT, Item, StateImage};
use std::io::Write;

/// Writes items as records. Dropped before [`Writer::end`] it leaves a stream that is cut short.
pub(crate) struct Writer<W> {
    to: W,
    digest: blake3::Hasher,
    tally: Tally,
    /// Emptied for the next item.
    item: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(crate) fn begin(to: W) -> Result<Self, StreamError> {
        let mut writer = Self {
            to,
            digest: blake3::Hasher::new(),
            tally: Tally::default(),
            item: Vec::new(),
        };
        writer.put(BEGIN)?;
        writer.put(&IMAGE_FORMAT.to_le_bytes())?;
        Ok(writer)
    }

    pub(crate) fn item(&mut self, mut item: Item) -> Result<(), StreamError> {
        let state = take_state(&mut item);
        self.tally.engines += u64::from(matches!(item, Item::Engine(_)));
        let mut bytes = std::mem::take(&mut self.item);
        bytes.clear();
        let bytes = encoded(&item, bytes, self.tally.records + 1)?;
        self.part(What::Item, &bytes)?;
        self.item = bytes;
        if let Some(state) = state {
            self.tally.state_bytes += state.len() as u64;
            self.part(What::State, &state)?;
        }
        Ok(())
    }

    pub(crate) fn end(mut self) -> Result<Tally, StreamError> {
        self.tally.digest = *self.digest.finalize().as_bytes();
        let (tally, number) = (self.tally, self.tally.records + 1);
        let bytes = encoded(&tally, Vec::new(), number)?;
        self.part(What::End, &bytes)?;
        self.to.flush().map_err(unwritten)?;
        Ok(tally)
    }

    /// As many records as it needs; at least one.
    fn part(&mut self, what: What, mut rest: &[u8]) -> Result<(), StreamError> {
        loop {
            let (record, more) = rest.split_at(rest.len().min(RECORD_BYTES_MAX));
            let goes_on = if more.is_empty() { 0 } else { GOES_ON };
            let mut head = [what as u8 + goes_on; HEAD_BYTES];
            head[1..].copy_from_slice(&(record.len() as u32).to_le_bytes());
            self.put(&head)?;
            self.put(record)?;
            self.tally.records += 1;
            rest = more;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        self.digest.update(bytes);
        self.to.write_all(bytes).map_err(unwritten)
    }
}

/// An engine's state goes into records of its own: it may be large, and is not copied for it.
fn take_state(item: &mut Item) -> Option<Vec<u8>> {
    match item {
        Item::Engine(engine) => match &mut engine.state {
            StateImage::Live(state) => Some(std::mem::take(state)),
            StateImage::Poisoned(_) | StateImage::Elsewhere => None,
        },
        _ => None,
    }
}

/// In postcard, behind what is in `into`.
pub(super) fn encoded(
    value: &impl serde::Serialize,
    into: Vec<u8>,
    record: u64,
) -> Result<Vec<u8>, StreamError> {
    let reason = "it cannot be encoded";
    postcard::to_extend(value, into).map_err(|_| StreamError::Malformed { record, reason })
}

fn unwritten(source: std::io::Error) -> StreamError {
    StreamError::Write { source }
}
