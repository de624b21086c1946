//! [`ImageReader`]: the reading end of an image's [`stream`](super::stream).

use super::decoding::Decoding;
use super::make::Making;
use super::stream::{BEGIN, GOES_ON, HEAD_BYTES, PART_BYTES_MAX, StreamError, Tally, What};
use super::writer::encoded;
use super::{EngineImage, IMAGE_FORMAT, Image, ImageHeader, Item, StateImage};
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::limits::RECORD_BYTES_MAX;
use crate::parameters::Parameters;
use refit_abi::EngineId;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

/// An image whose header and parameters were read; the rest is read into an executor or an [`Image`].
#[derive(Debug)]
pub struct ImageReader<R> {
    records: Records<R>,
    header: ImageHeader,
    parameters: Parameters,
}

/// An executor that was made from an image.
#[derive(Debug)]
pub struct CopiedExecutor {
    /// The executor.
    pub executor: Executor,
    /// What was read.
    pub tally: Tally,
}

impl<R: Read> ImageReader<R> {
    /// Reads what the image is of. It reads in small pieces: `from` is best buffered.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn begin(from: R) -> Result<Self, StreamError> {
        let mut records = Records::begin(from)?;
        let (header, parameters) = match (records.next()?, records.next()?) {
            (Some(Item::Header(header)), Some(Item::Parameters(parameters))) => {
                (header, *parameters)
            }
            _ => return Err(StreamError::Order { record: 1 }),
        };
        Ok(Self {
            records,
            header,
            parameters,
        })
    }

    /// The image's header.
    pub fn header(&self) -> &ImageHeader {
        &self.header
    }

    /// The parameters of the node that it is of.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Reads the rest into an executor that goes on with the code of `table`; `look` sees each engine before its state
    /// is read. Runs engine code: on a thread that is joined before that code is unmapped.
    ///
    /// # Errors
    /// [`StreamError`]; states that were read by then are leaked, safely.
    pub fn executor(
        mut self,
        table: Arc<GenerationTable>,
        mut look: impl FnMut(&EngineImage),
    ) -> Result<CopiedExecutor, StreamError> {
        let mut making = Making::begin(table, &self.header, self.parameters)?;
        while let Some(item) = self.records.next()? {
            if let Item::Engine(engine) = &item {
                look(engine);
            }
            making.put(item)?;
        }
        Ok(CopiedExecutor {
            executor: making.end(),
            tally: self.records.tally,
        })
    }

    /// As [`ImageReader::executor`], and large states are decoded on threads of their own, which have ended when this
    /// returns, while the reading goes on. `wait` is called once the first engine is read, before code of an engine sees a
    /// byte of it; if that fails, none does.
    ///
    /// # Errors
    /// [`StreamError`], also that of `wait`; states that were read by then are leaked, safely.
    pub fn executor_apart(
        mut self,
        table: Arc<GenerationTable>,
        wait: impl FnOnce() -> Result<(), StreamError>,
    ) -> Result<CopiedExecutor, StreamError> {
        let mut making = Making::begin(table, &self.header, self.parameters)?;
        let mut wait = Some(wait);
        std::thread::scope(|scope| {
            let mut decoding = Decoding::new(scope, &mut making);
            let read = loop {
                match self.records.next() {
                    Ok(Some(item)) => {
                        if matches!(item, Item::Engine(_))
                            && let Some(wait) = wait.take()
                        {
                            wait()?;
                        }
                        decoding.put(item)?;
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            // What came before is judged before it.
            decoding.end().and(read)
        })?;
        Ok(CopiedExecutor {
            executor: making.end(),
            tally: self.records.tally,
        })
    }

    /// Reads the rest to see whether it is whole: its records and the digest at its end. Makes nothing of it.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn check(mut self) -> Result<(), StreamError> {
        self.records.look_through()
    }

    /// Reads the rest as it is.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn image(mut self) -> Result<Image, StreamError> {
        let mut image = Image::new(self.header, self.parameters);
        while let Some(item) = self.records.next()? {
            image.put(item);
        }
        Ok(image)
    }
}

/// The part that a record belongs to, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Part {
    what: Option<What>,
    length: usize,
}

/// What stands before the bytes of a record.
#[derive(Debug)]
pub(super) struct RecordHead {
    pub(super) what: What,
    /// The next record is of the same part.
    pub(super) goes_on: bool,
    /// As it is in the stream.
    pub(super) head: [u8; HEAD_BYTES],
}

/// Items out of records, in their order.
#[derive(Debug)]
pub(super) struct Records<R> {
    from: R,
    digest: blake3::Hasher,
    pub(super) tally: Tally,
    /// The rank of the item before.
    rank: Option<u8>,
    engine: Option<EngineId>,
    /// Emptied for the next item.
    part: Vec<u8>,
    /// The bytes that the item would be written as.
    again: Vec<u8>,
}

impl<R: Read> Records<R> {
    pub(super) fn begin(from: R) -> Result<Self, StreamError> {
        let mut records = Self::within(from, None);
        let mut begin = [0; BEGIN.len()];
        records.take(&mut begin)?;
        if begin != *BEGIN {
            return Err(StreamError::NoImage);
        }
        let mut format = [0; 4];
        records.take(&mut format)?;
        records.digest.update(&begin);
        records.digest.update(&format);
        match u32::from_le_bytes(format) {
            IMAGE_FORMAT => Ok(records),
            format => Err(StreamError::Format { format }),
        }
    }

    /// Of a part of a stream, behind an item of this rank.
    pub(super) fn within(from: R, rank: Option<u8>) -> Self {
        Self {
            from,
            digest: blake3::Hasher::new(),
            tally: Tally::default(),
            rank,
            engine: None,
            part: Vec::new(),
            again: Vec::new(),
        }
    }

    /// The next item, with its state if it is an engine's; `None` behind the last, once the end was found right.
    pub(super) fn next(&mut self) -> Result<Option<Item>, StreamError> {
        let (bytes, before) = (std::mem::take(&mut self.part), self.tally);
        let (what, bytes) = self.read_part(bytes)?;
        let item = match what {
            What::Item => self.item(&bytes)?,
            What::State => return Err(self.out_of_order()),
            What::End => {
                let digest = self.tally.digest;
                self.tally = self.ended(&bytes, Tally { digest, ..before })?;
                return Ok(None);
            }
        };
        self.part = bytes;
        Ok(Some(item))
    }

    /// Reads to the end; of what the records are, only whether their bytes are those that were written. Holds one at a
    /// time.
    fn look_through(&mut self) -> Result<(), StreamError> {
        let (mut part, mut bytes) = (Part::default(), Vec::new());
        loop {
            let before = self.tally;
            let RecordHead { what, goes_on, .. } = self.read_record(&mut part, &mut bytes)?;
            match what {
                What::End if !goes_on => return self.is_counted(&bytes, before),
                What::End => continue,
                What::Item | What::State => bytes.clear(),
            }
            if !goes_on {
                part = Part::default();
            }
        }
    }

    /// Whether the end counts the records before it, and has the digest of their bytes.
    fn is_counted(&self, end: &[u8], before: Tally) -> Result<(), StreamError> {
        let digest = self.tally.digest;
        match postcard::take_from_bytes::<Tally>(end) {
            Ok((said, [])) if said.records != before.records => {
                let (said, found) = (Box::new(said), Box::new(before));
                Err(StreamError::Count { said, found })
            }
            Ok((said, [])) if said.digest == digest => Ok(()),
            Ok((_, [])) => Err(StreamError::Digest),
            _ => Err(self.malformed("it is no end")),
        }
    }

    fn item(&mut self, bytes: &[u8]) -> Result<Item, StreamError> {
        let mut item = self.item_alone(bytes)?;
        if let Item::Engine(engine) = &mut item
            && let StateImage::Live(state) = &mut engine.state
        {
            *state = self.state(state)?;
        }
        Ok(item)
    }

    /// An item in its place, without the state that comes behind it.
    pub(super) fn item_alone(&mut self, bytes: &[u8]) -> Result<Item, StreamError> {
        let item: Item = self.decoded(bytes)?;
        if !item.may_follow(self.rank) {
            return Err(self.out_of_order());
        }
        self.rank = Some(item.rank());
        if let Item::Engine(engine) = &item {
            self.tally.engines += 1;
            self.engine = Some(engine.id);
        }
        Ok(item)
    }

    /// The state of the engine that came just now, in place of the empty one in its record.
    fn state(&mut self, in_record: &[u8]) -> Result<Vec<u8>, StreamError> {
        self.is_apart(in_record)?;
        match self.read_part(Vec::new())? {
            (What::State, state) => {
                self.tally.state_bytes += state.len() as u64;
                Ok(state)
            }
            _ => Err(self.out_of_order()),
        }
    }

    /// Whether the state is not in the record of its engine, but behind it.
    pub(super) fn is_apart(&self, in_record: &[u8]) -> Result<(), StreamError> {
        match in_record.is_empty() {
            true => Ok(()),
            false => Err(self.malformed("a state lies in the record of its engine")),
        }
    }

    /// Whether nothing is left to read.
    pub(super) fn is_at_end(&mut self) -> Result<bool, StreamError> {
        let mut more = [0];
        let read = self.from.read(&mut more);
        let read = read.map_err(|source| StreamError::Read { source })?;
        Ok(read == 0)
    }

    /// Checks the tally at the end against the records found.
    pub(super) fn ended(&self, bytes: &[u8], found: Tally) -> Result<Tally, StreamError> {
        let said: Tally = match postcard::take_from_bytes(bytes) {
            Ok((said, [])) => said,
            _ => return Err(self.malformed("it is no end")),
        };
        if self.rank.is_none_or(|rank| rank < 2) {
            return Err(self.out_of_order());
        }
        let counts = |of: &Tally| (of.records, of.engines, of.state_bytes);
        if counts(&said) != counts(&found) {
            let (said, found) = (Box::new(said), Box::new(found));
            return Err(StreamError::Count { said, found });
        }
        match said.digest == found.digest {
            true => Ok(said),
            false => Err(StreamError::Digest),
        }
    }

    /// An item in the one form that it is written in.
    fn decoded(&mut self, bytes: &[u8]) -> Result<Item, StreamError> {
        let item = match postcard::take_from_bytes(bytes) {
            Ok((item, [])) => item,
            _ => return Err(self.malformed("it is no item")),
        };
        let mut again = std::mem::take(&mut self.again);
        again.clear();
        self.again = encoded(&item, again, self.tally.records)?;
        match self.again == bytes {
            true => Ok(item),
            false => Err(self.malformed("it is not in its one form")),
        }
    }

    /// All records of one part, behind what is in `bytes` once that is emptied.
    fn read_part(&mut self, mut bytes: Vec<u8>) -> Result<(What, Vec<u8>), StreamError> {
        bytes.clear();
        let mut part = Part::default();
        loop {
            let record = self.read_record(&mut part, &mut bytes)?;
            if !record.goes_on {
                return Ok((record.what, bytes));
            }
        }
    }

    /// The next record of a part, behind what is in `bytes`.
    pub(super) fn read_record(
        &mut self,
        part: &mut Part,
        bytes: &mut Vec<u8>,
    ) -> Result<RecordHead, StreamError> {
        let mut head = [0; HEAD_BYTES];
        self.take(&mut head)?;
        let [what, length @ ..] = head;
        let (kind, length) = (what & !GOES_ON, u32::from_le_bytes(length) as usize);
        let goes_on = what & GOES_ON != 0;
        self.tally.records += 1;
        let what = What::of(kind).ok_or_else(|| self.malformed("it is of no known kind"))?;
        if what == What::End {
            self.tally.digest = *self.digest.finalize().as_bytes();
        }
        self.digest.update(&head);
        if *part.what.get_or_insert(what) != what {
            return Err(self.out_of_order());
        }
        if length > RECORD_BYTES_MAX || (goes_on && length < RECORD_BYTES_MAX) {
            return Err(self.malformed("it has another length than such a record has"));
        }
        // The writer ends a part with the record that it fills.
        if !goes_on && length == 0 && part.length > 0 {
            return Err(self.malformed("it goes on with nothing"));
        }
        if part.length + length > PART_BYTES_MAX {
            let record = self.tally.records;
            return Err(StreamError::TooLarge { record });
        }
        part.length += length;
        self.take_more(bytes, length)?;
        Ok(RecordHead {
            what,
            goes_on,
            head,
        })
    }

    /// Reads exactly as much; does not digest it.
    fn take(&mut self, into: &mut [u8]) -> Result<(), StreamError> {
        let read = self.from.read_exact(into);
        read.map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => self.cut(),
            _ => StreamError::Read { source },
        })
    }

    /// Reads as much behind what is there, and digests it.
    fn take_more(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<(), StreamError> {
        let start = bytes.len();
        let mut record = (&mut self.from).take(length as u64);
        let read = record.read_to_end(bytes);
        let read = read.map_err(|source| StreamError::Read { source })?;
        if read < length {
            return Err(self.cut());
        }
        self.digest.update(&bytes[start..]);
        Ok(())
    }

    fn cut(&self) -> StreamError {
        StreamError::Cut {
            record: self.tally.records,
            engine: self.engine,
        }
    }

    pub(super) fn malformed(&self, reason: &'static str) -> StreamError {
        let record = self.tally.records;
        StreamError::Malformed { record, reason }
    }

    pub(super) fn out_of_order(&self) -> StreamError {
        let record = self.tally.records;
        StreamError::Order { record }
    }
}
