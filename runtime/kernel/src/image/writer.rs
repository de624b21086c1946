//! [`Writer`]: the writing end of an image's [`stream`](super::stream).

use super::stream::{BEGIN, GOES_ON, HEAD_BYTES, StreamError, Tally, What};
use super::{IMAGE_FORMAT, Item};
use crate::limits::RECORD_BYTES_MAX;
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

    /// An item; the state of an engine is not in it, and comes next.
    pub(crate) fn item(&mut self, item: &Item) -> Result<(), StreamError> {
        self.tally.engines += u64::from(matches!(item, Item::Engine(_)));
        let mut bytes = std::mem::take(&mut self.item);
        bytes.clear();
        let bytes = encoded(item, bytes, self.tally.records + 1)?;
        self.part(What::Item, &bytes)?;
        self.item = bytes;
        Ok(())
    }

    /// The state of the engine that came just now. No more of it is held than a piece and a record.
    pub(crate) fn state<E>(
        &mut self,
        pieces: impl Iterator<Item = Result<Vec<u8>, E>>,
    ) -> Result<(), StreamError>
    where
        StreamError: From<E>,
    {
        let mut held = std::mem::take(&mut self.item);
        held.clear();
        for piece in pieces {
            let piece = piece?;
            self.tally.state_bytes += piece.len() as u64;
            let mut rest = piece.as_slice();
            while held.len() + rest.len() > RECORD_BYTES_MAX {
                let (now, later) = rest.split_at(RECORD_BYTES_MAX - held.len());
                held.extend_from_slice(now);
                self.record(What::State as u8 + GOES_ON, &held)?;
                held.clear();
                rest = later;
            }
            held.extend_from_slice(rest);
        }
        self.record(What::State as u8, &held)?;
        self.item = held;
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
            self.record(what as u8 + goes_on, record)?;
            rest = more;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn record(&mut self, what: u8, bytes: &[u8]) -> Result<(), StreamError> {
        let mut head = [what; HEAD_BYTES];
        head[1..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.put(&head)?;
        self.put(bytes)?;
        self.tally.records += 1;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        self.digest.update(bytes);
        self.to.write_all(bytes).map_err(unwritten)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_lies_in_the_same_records_whatever_the_pieces_in_which_it_comes() {
        const MAX: usize = RECORD_BYTES_MAX;
        for length in [0, 1, MAX - 1, MAX, MAX + 1, 2 * MAX, 3 * MAX + 7] {
            let state: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let mut whole = Writer::begin(Vec::new()).unwrap();
            whole.part(What::State, &state).unwrap();
            for piece in [1_000, MAX - 1, MAX, MAX + 3, 4 * MAX] {
                let mut writer = Writer::begin(Vec::new()).unwrap();
                let pieces = state.chunks(piece).map(<[u8]>::to_vec);
                writer.state(pieces.map(Ok::<_, StreamError>)).unwrap();
                assert!(writer.to == whole.to, "{length} bytes by {piece}");
                assert_eq!(writer.tally.records, whole.tally.records);
                assert_eq!(writer.tally.state_bytes, length as u64);
            }
        }
    }
}
