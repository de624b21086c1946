//! [`cut`]: the bytes of an image's [`stream`](super::stream) in sections, each of which is read without the others:
//! one for each engine with its mail and its state, and some for what lies beside the engines. One behind the other
//! they are the stream.
//!
//! Cutting holds one item and one record, and never a whole state; the hash of the state comes of it ([`tree`](super::tree)).

use super::reader::{Part, RecordHead, Records};
use super::stream::{StreamError, Tally, What};
use super::tree::{StateTree, TreeMaker};
use super::{EngineImage, IMAGE_FORMAT, Item, StateImage};
use crate::limits::SECTION_BYTES;
use refit_abi::EngineId;
use std::io::Read;

/// The rank of the items that may come before an engine's.
const BEFORE_ENGINES: u8 = 9;

/// One section, whose bytes have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// Items of one sort beside the engines; the first one has the header, the parameters and the counts.
    Beside(&'static str),
    /// An engine.
    Engine(EngineSection),
    /// The last record.
    End,
}

/// What is known of an engine without its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSection {
    /// Its id.
    pub id: EngineId,
    /// The index of its kind among those of the image.
    pub kind: u32,
    /// Bytes of its state; `None` of one that is poisoned, or was not copied.
    pub state_bytes: Option<u64>,
    /// Messages that wait for it.
    pub letters: u64,
}

/// Takes the sections of a stream.
pub trait SectionTaker {
    /// Why it takes no more.
    type Error: From<StreamError>;

    /// Some bytes of the section that is under way.
    ///
    /// # Errors
    /// Its own.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// All bytes of this section have come.
    ///
    /// # Errors
    /// Its own.
    fn section(&mut self, section: Section) -> Result<(), Self::Error>;
}

/// A stream that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What there was.
    pub tally: Tally,
    /// The hash of the state that it is of.
    pub state: StateTree,
}

/// Takes sections, and does nothing with them.
struct Nobody;

impl SectionTaker for Nobody {
    type Error = StreamError;

    fn bytes(&mut self, _: &[u8]) -> Result<(), StreamError> {
        Ok(())
    }

    fn section(&mut self, _: Section) -> Result<(), StreamError> {
        Ok(())
    }
}

/// Reads a stream to its end, and gives the hash of the state that it is of. `from` is best buffered.
///
/// # Errors
/// [`StreamError`].
pub fn state_tree(from: impl Read) -> Result<StateTree, StreamError> {
    Ok(cut(from, &mut Nobody)?.state)
}

/// Reads a stream to its end, and hands its bytes on in sections. `from` is best buffered.
///
/// # Errors
/// [`StreamError`], and those of the taker; the sections that came by then may be parts of a damaged stream.
pub fn cut<T: SectionTaker>(from: impl Read, to: &mut T) -> Result<Cut, T::Error> {
    let mut records = Records::begin(from)?;
    let mut tree = TreeMaker::default();
    to.bytes(super::stream::BEGIN)?;
    to.bytes(&IMAGE_FORMAT.to_le_bytes())?;
    let mut under_way = UnderWay {
        sort: "beginning",
        bytes: 0,
    };
    let (mut raw, mut item) = (Vec::new(), Vec::new());
    loop {
        let before = records.tally;
        let what = read_whole(&mut records, &mut raw, &mut item)?;
        match what {
            What::State => return Err(records.out_of_order().into()),
            What::End => {
                let digest = records.tally.digest;
                let tally = records.ended(&item, Tally { digest, ..before })?;
                under_way.close(to)?;
                to.bytes(&raw)?;
                to.section(Section::End)?;
                let state = tree.end();
                return Ok(Cut { tally, state });
            }
            What::Item => {}
        }
        let read = records.item_alone(&item)?;
        tree.item(&read)?;
        if under_way.sort != read.sort() || under_way.bytes >= SECTION_BYTES {
            under_way.close(to)?;
            under_way.sort = read.sort();
        }
        to.bytes(&raw)?;
        under_way.bytes += raw.len();
        if let Item::Engine(engine) = &read {
            let mut hashing = Hashing {
                to,
                tree: &mut tree,
            };
            let state_bytes = state(&mut records, engine, &mut raw, &mut hashing)?;
            to.section(Section::Engine(EngineSection {
                id: engine.id,
                kind: engine.kind,
                state_bytes,
                letters: engine.mailbox.len() as u64,
            }))?;
            under_way.bytes = 0;
        }
    }
}

/// The section beside the engines that is not closed.
struct UnderWay {
    sort: &'static str,
    bytes: usize,
}

impl UnderWay {
    fn close<T: SectionTaker>(&mut self, to: &mut T) -> Result<(), T::Error> {
        match std::mem::take(&mut self.bytes) {
            0 => Ok(()),
            _ => to.section(Section::Beside(self.sort)),
        }
    }
}

/// All records of one part: with their heads in `raw`, and without in `item`.
fn read_whole<R: Read>(
    records: &mut Records<R>,
    raw: &mut Vec<u8>,
    item: &mut Vec<u8>,
) -> Result<What, StreamError> {
    raw.clear();
    item.clear();
    let mut part = Part::default();
    loop {
        let start = item.len();
        let RecordHead {
            what,
            goes_on,
            head,
        } = records.read_record(&mut part, item)?;
        raw.extend_from_slice(&head);
        raw.extend_from_slice(&item[start..]);
        // Its own loop hands on what may be long.
        if !goes_on || what == What::State {
            return Ok(what);
        }
    }
}

/// The bytes of a state go to the taker, and into the tree.
struct Hashing<'a, T> {
    to: &'a mut T,
    tree: &'a mut TreeMaker,
}

/// Hands on the state of an engine, record by record; its length, if there is one.
fn state<R: Read, T: SectionTaker>(
    records: &mut Records<R>,
    engine: &EngineImage,
    held: &mut Vec<u8>,
    Hashing { to, tree }: &mut Hashing<'_, T>,
) -> Result<Option<u64>, T::Error> {
    let StateImage::Live(in_record) = &engine.state else {
        return Ok(None);
    };
    records.is_apart(in_record)?;
    let (mut part, mut bytes) = (Part::default(), 0);
    loop {
        held.clear();
        let record = records.read_record(&mut part, held)?;
        if record.what != What::State {
            return Err(records.out_of_order().into());
        }
        bytes += held.len() as u64;
        to.bytes(&record.head)?;
        to.bytes(held)?;
        tree.state(held);
        if !record.goes_on {
            records.tally.state_bytes += bytes;
            return Ok(Some(bytes));
        }
    }
}

impl EngineImage {
    /// Reads an engine out of its section alone.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn from_section(bytes: &[u8]) -> Result<Self, StreamError> {
        let mut records = Records::within(bytes, Some(BEFORE_ENGINES));
        let engine = match records.next()? {
            Some(Item::Engine(engine)) => *engine,
            _ => return Err(records.out_of_order()),
        };
        match records.is_at_end()? {
            true => Ok(engine),
            false => Err(records.malformed("there is more behind the engine")),
        }
    }
}
