//! [`StuckList`]: what did not return, in a small file that outlives the process.
//!
//! An entry is written when a call counts as stuck, *before* anyone ends the node for it, and goes when the call
//! returns. One that is there when the node starts says that the life before ended in it, however it ended.

use super::told::StuckCall;
use crate::replace::replace;
use parking_lot::Mutex;
use refit_store::open_file;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries that are kept; of more, the oldest goes.
pub const STUCK_ENTRIES_MAX: usize = 32;

/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// The calls that did not return. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct StuckList {
    path: Option<PathBuf>,
    list: Arc<Mutex<List>>,
}

#[derive(Debug, Default)]
struct List {
    entries: Vec<StuckEntry>,
    /// The file is not as the entries are.
    is_unwritten: bool,
}

/// One call that did not return, and how often the node ended in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckEntry {
    /// The call: `engine evil handles message 2 of client x`.
    pub deed: String,
    /// The engine kind.
    pub kind: String,
    /// The builder's stamp on the code.
    pub build: String,
    /// BLAKE3 of the message's bytes, where they are known: the same message under another key is the same.
    pub digest: Option<String>,
    /// How many lives of the node ended in it.
    pub times: u32,
    /// It runs now, or ran when the node ended.
    pub runs: bool,
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    format: u32,
    entries: Vec<StuckEntry>,
}

impl StuckList {
    /// A list that ends with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Opens the list in the file at `path`, empty if there is none; a call that was running when the node ended
    /// counts once more.
    ///
    /// # Errors
    /// What the system or the decoder says of a file that is there and cannot be read. Nothing depends on it
    /// but what is said: the caller may go on with an empty list.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let mut entries = match read(&path) {
            Ok(text) => decode(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        for entry in entries.iter_mut().filter(|entry| entry.runs) {
            // The run before ended in it: had it returned, `end` would have removed it.
            entry.times = entry.times.saturating_add(1);
        }
        Ok(Self {
            path: Some(path),
            list: Arc::new(Mutex::new(List {
                entries,
                is_unwritten: false,
            })),
        })
    }

    /// The calls in which the run before ended: read once, when the node starts.
    ///
    /// # Errors
    /// If it cannot be written that this was said: it is said again at the next start.
    pub fn take_last(&self) -> io::Result<Vec<StuckEntry>> {
        let mut list = self.list.lock();
        let mut last = Vec::new();
        for entry in list.entries.iter_mut().filter(|entry| entry.runs) {
            // Kept all the same: if the same call hangs again, it is known to have ended several runs.
            entry.runs = false;
            last.push(entry.clone());
        }
        match last.is_empty() {
            true => Ok(last),
            false => self.write(&mut list).map(|()| last),
        }
    }

    /// A call does not return.
    pub(super) fn begin(&self, entry: StuckEntry) -> io::Result<()> {
        let mut list = self.list.lock();
        let entries = &mut list.entries;
        let known = entries.iter().position(|known| known.is(&entry));
        // Removed and added anew, so that the oldest entries are those that were seen the longest ago.
        let times = known.map_or(0, |place| entries.remove(place).times);
        if entries.len() >= STUCK_ENTRIES_MAX {
            entries.remove(0);
        }
        entries.push(StuckEntry { times, ..entry });
        self.write(&mut list)
    }

    /// It returned after all.
    pub(super) fn end(&self, entry: &StuckEntry) -> io::Result<()> {
        let mut list = self.list.lock();
        list.entries.retain(|known| !known.is(entry));
        self.write(&mut list)
    }

    /// Tries once more to write what the disk did not take, such as that a call has returned: else the next start
    /// reports it. To be called when the node ends well.
    pub(super) fn settle(&self) -> io::Result<()> {
        let mut list = self.list.lock();
        match list.is_unwritten {
            true => self.write(&mut list),
            false => Ok(()),
        }
    }

    fn write(&self, list: &mut List) -> io::Result<()> {
        let written = self.write_file(&list.entries);
        list.is_unwritten = written.is_err();
        written
    }

    fn write_file(&self, entries: &[StuckEntry]) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let written = Written {
            format: FORMAT,
            entries: entries.to_vec(),
        };
        let text = serde_json::to_vec_pretty(&written).map_err(io::Error::other)?;
        replace(path, &text)
    }
}

impl StuckEntry {
    /// Of a call that runs now.
    pub(super) fn of(stuck: &StuckCall, build: String, digest: Option<String>) -> Self {
        Self {
            deed: stuck.deed(),
            kind: stuck.label.kind().to_owned(),
            build,
            digest,
            times: 0,
            runs: true,
        }
    }

    /// Whether both are of the same code and the same message.
    fn is(&self, other: &Self) -> bool {
        let same_code = (&self.kind, &self.build) == (&other.kind, &other.build);
        let same_message = match (&self.digest, &other.digest) {
            (Some(one), Some(other)) => one == other,
            // Without a digest, as of a timer, the words for the call are all there is to know it by.
            _ => self.deed == other.deed,
        };
        same_code && same_message
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open_file(path)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut text)?;
    Ok(text)
}

fn decode(text: &[u8]) -> io::Result<Vec<StuckEntry>> {
    let mut written: Written = serde_json::from_slice(text)?;
    if written.format != FORMAT {
        let text = format!("format {}, known is {FORMAT}", written.format);
        return Err(io::Error::other(text));
    }
    written.entries.truncate(STUCK_ENTRIES_MAX);
    Ok(written.entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn entry(number: usize) -> StuckEntry {
        StuckEntry {
            deed: format!("engine evil handles message {number} of client x"),
            kind: "evil".to_owned(),
            build: "b1".to_owned(),
            digest: Some("d1".repeat(32)),
            times: 0,
            runs: true,
        }
    }

    #[test]
    fn what_a_life_ended_in_is_said_at_the_next_start_once_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stuck.json");
        for times in 1..=3 {
            let list = StuckList::open(path.clone()).unwrap();
            let last = list.take_last().unwrap();
            let counted: Vec<_> = last.iter().map(|entry| entry.times).collect();
            assert_eq!(counted, if times == 1 { vec![] } else { vec![times - 1] });
            // The same bytes under another key.
            list.begin(entry(times as usize)).unwrap();
        }
        let list = StuckList::open(path.clone()).unwrap();
        assert_eq!(list.take_last().unwrap()[0].times, 3);
        // A life that ended well.
        let list = StuckList::open(path).unwrap();
        assert_eq!(list.take_last().unwrap(), []);
    }

    #[test]
    fn what_returned_and_what_another_build_did_is_not_held_against_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stuck.json");
        let list = StuckList::open(path.clone()).unwrap();
        list.begin(entry(1)).unwrap();
        list.end(&entry(1)).unwrap();
        let list = StuckList::open(path.clone()).unwrap();
        assert_eq!(list.take_last().unwrap(), []);

        list.begin(entry(1)).unwrap();
        let list = StuckList::open(path.clone()).unwrap();
        list.take_last().unwrap();
        let mended = StuckEntry {
            build: "b2".to_owned(),
            ..entry(1)
        };
        list.begin(mended).unwrap();
        let list = StuckList::open(path).unwrap();
        assert_eq!(list.take_last().unwrap()[0].times, 1);
    }

    #[test]
    fn a_return_that_the_disk_did_not_take_is_written_when_the_node_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stuck.json");
        let list = StuckList::open(path.clone()).unwrap();
        list.begin(entry(1)).unwrap();
        // A folder is where the list is written before it takes its name.
        let beside = path.with_extension("new");
        fs::create_dir(&beside).unwrap();
        assert!(list.end(&entry(1)).is_err() && list.settle().is_err());
        fs::remove_dir(beside).unwrap();
        list.settle().unwrap();
        let list = StuckList::open(path).unwrap();
        assert_eq!(list.take_last().unwrap(), []);
    }

    #[test]
    fn the_list_is_bounded_and_a_file_that_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stuck.json");
        let list = StuckList::open(path.clone()).unwrap();
        for number in 0..STUCK_ENTRIES_MAX + 5 {
            let digest = Some(number.to_string());
            list.begin(StuckEntry {
                digest,
                ..entry(number)
            })
            .unwrap();
        }
        let list = StuckList::open(path.clone()).unwrap();
        assert_eq!(list.take_last().unwrap().len(), STUCK_ENTRIES_MAX);
        fs::write(&path, "{\"format\":1").unwrap();
        assert!(StuckList::open(path.clone()).is_err());
        fs::write(&path, "{\"format\":2,\"entries\":[]}").unwrap();
        assert!(StuckList::open(path).is_err());
    }
}
