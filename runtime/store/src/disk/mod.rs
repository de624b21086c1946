//! [`DiskStore`]: a store that outlives the process: [redb](https://docs.rs/redb) for what is small and many, files
//! beside it for states and libraries.
//!
//! Appends return at once; a thread commits all that has come by then in one transaction ([`commit`]) and tells.

mod commit;
mod files;
mod newest;
mod overlay;
mod queue;
mod reader;
mod tables;
mod view;
mod whole;

use crate::store::{
    AppendError, BLOCK_BYTES_MAX, BlockLog, JOURNAL_READ_RECORDS_MAX, JOURNAL_RECORD_BYTES_MAX,
    Journal, JournalAppendError, JournalReadError, JournalRecord, ReadError, Store, Wake,
};
use crate::{
    Archive, ArchiveView, CHECKPOINT_ABOUT_BYTES_MAX, Checkpoint, Fault, Keep, NewBranch,
    NewCheckpoint, OpenError, RECORD_BYTES_MAX, RecordChange, Step, Steps, Unheard, no_file,
};
use commit::{Committer, Shared};
use crossbeam_channel::bounded;
use files::Files;
use newest::Newest;
use parking_lot::Mutex;
use queue::{Queue, What};
use redb::{Builder, Database, ReadableTable, StorageBackend};
use refit_abi::Height;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use tables::{BLOCKS, CHECKPOINTS, FORMAT, JOURNAL, META, OLD_BRANCH, fault};
use whole::Opened;

pub use newest::Mark;
pub use reader::{LogEnds, STORE_FILES_LISTED_MAX, StoreFile, StoreReader};

/// The form of a store's file.
pub const STORE_FORMAT: u64 = 1;

/// Checkpoints that are kept: the newest, and the one before should that be unreadable.
pub const CHECKPOINTS_KEPT: usize = 2;

/// Journal records that are kept.
pub const JOURNAL_RECORDS_KEPT: u64 = 4_096;

/// Bytes of journal records that are kept; the newest one in any case.
pub const JOURNAL_BYTES_KEPT: u64 = 64 << 20;

/// Bytes of the disk that are left to what a node must still write when it takes in nothing new.
pub const DISK_RESERVE_BYTES: u64 = 64 << 20;

/// Block log, journal and archive in a folder. One process has it at a time.
pub struct DiskStore {
    shared: Arc<Shared>,
    files: Files,
    steps: Arc<dyn Steps>,
    /// The next checkpoint's number.
    number: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

impl DiskStore {
    /// Opens the store in `folder`, and makes it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_heard(folder, Arc::new(Unheard))
    }

    /// As [`DiskStore::open`], and `steps` hears of each step on the way of something to the disk.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_heard(folder: &Path, steps: Arc<dyn Steps>) -> Result<Self, OpenError> {
        let files = Files::make(folder, steps)?;
        let path = files.blocks();
        // Its file is made before anything else: without it, what is there is of a chain whose log is lost.
        let found = path.metadata();
        if found.as_ref().is_ok_and(|found| !found.is_file()) {
            return Err(OpenError::io(&path, no_file()));
        }
        let is_new = found.map_or(true, |file| file.len() == 0);
        if is_new && files.has_any() {
            return Err(OpenError::Damaged {
                path,
                detail: "it is gone or empty, and there are checkpoints or libraries of its chain"
                    .to_owned(),
            });
        }
        let noted = newest::read(&files.newest())?;
        let Opened { db, was_mended } = whole::opened(&path, |builder| builder.create(&path))?;
        // Nobody else has it from here on. It is looked at as a whole before anything is read of it, on a reader of its
        // own: a file that is not whole stays as it is. One that was not closed well is looked at, page by page, as redb
        // mends it: that one is changed by then, also if it is refused below for what it has lost.
        match is_new {
            // Its name is as durable as what will stand in it.
            true => files.keep_names()?,
            false if was_mended => {}
            false => drop(StoreReader::open(folder)?),
        }
        begin(&db, &path)?;
        let mark = newest::reached(&db, noted, &path)?;
        let newest = Newest::begin(&files.newest(), mark);
        let newest = newest.map_err(|error| OpenError::io(&files.newest(), error))?;
        Self::over(files, db, Some(newest))
    }

    /// As [`DiskStore::open`], with the bytes of redb's file elsewhere than in the folder.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(folder: &Path, backend: impl StorageBackend) -> Result<Self, OpenError> {
        let files = Files::make(folder, Arc::new(Unheard))?;
        let path = files.blocks();
        let open = |builder: &mut Builder| builder.create_with_backend(backend);
        let mut opened = whole::opened(&path, open)?;
        opened.check(&path)?;
        begin(&opened.db, &path)?;
        Self::over(files, opened.db, None)
    }

    fn over(files: Files, db: Database, noted: Option<Newest>) -> Result<Self, OpenError> {
        let path = files.blocks();
        let damaged = |why: Fault| damaged(&path, &why);
        let listed = look_at_checkpoints(&db).map_err(damaged)?;
        let numbers: BTreeSet<_> = listed.iter().map(|listed| listed.number).collect();
        let swept = files.keep_only_checkpoints(&numbers);
        swept.map_err(|error| OpenError::io(files.folder(), error))?;
        let blocks = look_at_blocks(&db).map_err(damaged)?;
        let mark = Mark::of(&db).map_err(damaged)?;
        let needless = listed.first().map_or(Height(0), |listed| listed.height);
        let shared = Arc::new(Shared {
            db,
            queue: Queue::after(mark.height),
            wake: Mutex::default(),
        });
        let committer = Committer {
            shared: shared.clone(),
            steps: files.steps().clone(),
            needless,
            journal_bytes: look_at_journal(&shared.db).map_err(damaged)?,
            mark,
            newest: noted,
            more: blocks.is_some_and(|(first, _)| first <= needless.0),
        };
        let thread = std::thread::Builder::new().name("refit-store".to_owned());
        let thread = thread.spawn(move || committer.run());
        Ok(Self {
            shared,
            steps: files.steps().clone(),
            number: AtomicU64::new(numbers.last().map_or(0, |last| last + 1)),
            thread: Some(thread.map_err(|error| OpenError::io(files.folder(), error))?),
            files,
        })
    }

    /// Has something written, and waits until it is durable.
    fn order(&self, what: What) -> Result<u64, Fault> {
        let (done, outcome) = bounded(1);
        self.shared.queue.order(what, done)?;
        outcome.recv().unwrap_or(Err(Fault::Ended))
    }
}

/// Makes the tables of a new file, and refuses one of another form.
fn begin(db: &Database, path: &Path) -> Result<(), OpenError> {
    let begun = || -> Result<u64, redb::Error> {
        let txn = db.begin_write()?;
        tables::make(&txn)?;
        let mut meta = txn.open_table(META)?;
        let found = meta.get(FORMAT)?.map(|found| found.value());
        if found.is_none() {
            meta.insert(FORMAT, STORE_FORMAT)?;
        }
        drop(meta);
        txn.commit()?;
        Ok(found.unwrap_or(STORE_FORMAT))
    };
    let found = begun().map_err(|error| OpenError::redb(path, error))?;
    match found == STORE_FORMAT {
        true => Ok(()),
        false => Err(OpenError::Format {
            path: path.to_owned(),
            found,
            reads: STORE_FORMAT,
        }),
    }
}

fn damaged(path: &Path, why: &Fault) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        detail: why.to_string(),
    }
}

fn look_at_checkpoints(db: &Database) -> Result<Vec<tables::Listed>, Fault> {
    let txn = tables::look(db)?;
    tables::checkpoints(&txn.open_table(CHECKPOINTS).map_err(fault)?)
}

/// The bytes of the journal's records.
fn look_at_journal(db: &Database) -> Result<u64, Fault> {
    let txn = tables::look(db)?;
    let journal = txn.open_table(JOURNAL).map_err(fault)?;
    let mut bytes = 0;
    for entry in journal.iter().map_err(fault)? {
        let (_, record) = entry.map_err(fault)?;
        bytes += record.value().len() as u64;
    }
    Ok(bytes)
}

fn look_at_blocks(db: &Database) -> Result<Option<(u64, u64)>, Fault> {
    let txn = tables::look(db)?;
    tables::ends(&txn.open_table(BLOCKS).map_err(fault)?)
}

/// The newest block, which a checkpoint may have made needless.
fn last_of(db: &Database) -> Result<Height, Fault> {
    let listed = look_at_checkpoints(db)?;
    let newest = listed.last().map_or(Height(0), |listed| listed.height);
    let blocks = look_at_blocks(db)?;
    Ok(blocks.map_or(newest, |(_, last)| Height(last).max(newest)))
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.shared.queue.end();
        if let Some(thread) = self.thread.take() {
            // It has said itself why it panicked.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore")
            .field("folder", &self.files.folder())
            .field("last", &self.last())
            .field("durable", &self.durable_height())
            .finish_non_exhaustive()
    }
}

impl BlockLog for DiskStore {
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError> {
        let bytes = block.len();
        if bytes > BLOCK_BYTES_MAX {
            return Err(AppendError::TooLarge { height, bytes });
        }
        match self.shared.queue.append(height, Arc::from(block)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(expected)) => Err(AppendError::Gap { height, expected }),
            Err(fault) => Err(AppendError::Fault { height, fault }),
        }
    }

    fn durable_height(&self) -> Height {
        self.shared.queue.durable()
    }

    fn wake_with(&self, wake: Wake) {
        *self.shared.wake.lock() = Some(wake);
    }

    fn fault(&self) -> Option<Fault> {
        self.shared.queue.fault()
    }

    fn has_room(&self) -> bool {
        has_room_for(self.files.folder(), 0)
    }

    fn last(&self) -> Height {
        self.shared.queue.last()
    }

    fn read(&self, height: Height) -> Result<Arc<[u8]>, ReadError> {
        if let Some(block) = self.shared.queue.block(height) {
            return Ok(block);
        }
        let fail = |fault| ReadError::Fault { height, fault };
        let txn = tables::look(&self.shared.db).map_err(fail)?;
        let blocks = txn.open_table(BLOCKS).map_err(|error| fail(fault(error)))?;
        if let Some(block) = blocks.get(height.0).map_err(|error| fail(fault(error)))? {
            let block = Arc::from(block.value());
            self.steps.at(Step::BlockRead);
            return Ok(block);
        }
        let last = self.last();
        match tables::ends(&blocks).map_err(fail)? {
            Some((oldest, _)) if height.0 < oldest => Err(ReadError::Pruned {
                height,
                oldest: Height(oldest),
            }),
            None if height <= last => Err(ReadError::Pruned {
                height,
                oldest: last.next(),
            }),
            _ => Err(ReadError::Missing { height, last }),
        }
    }
}

impl Journal for DiskStore {
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError> {
        let bytes = record.len();
        if bytes > JOURNAL_RECORD_BYTES_MAX {
            return Err(JournalAppendError::TooLarge { bytes });
        }
        let order = What::Journal(record.to_vec());
        self.order(order).map_err(JournalAppendError::Fault)
    }

    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError> {
        let fail = JournalReadError::Fault;
        let txn = tables::look(&self.shared.db).map_err(fail)?;
        let table = txn
            .open_table(JOURNAL)
            .map_err(|error| fail(fault(error)))?;
        if let Some((oldest, _)) = tables::ends(&table).map_err(fail)?
            && from < oldest
        {
            return Err(JournalReadError::Pruned { from, oldest });
        }
        let found = table.range(from..).map_err(|error| fail(fault(error)))?;
        let record = |entry: Result<(redb::AccessGuard<'_, u64>, _), redb::StorageError>| {
            let (index, bytes): (_, redb::AccessGuard<'_, tables::Bytes>) =
                entry.map_err(|error| fail(fault(error)))?;
            Ok(JournalRecord {
                index: index.value(),
                bytes: Arc::from(bytes.value()),
            })
        };
        found.take(JOURNAL_READ_RECORDS_MAX).map(record).collect()
    }
}

impl Store for DiskStore {
    fn archive(&self) -> Option<&dyn Archive> {
        Some(self)
    }
}

impl ArchiveView for DiskStore {
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, Fault> {
        view::checkpoints(&self.shared.db, &self.files)
    }

    fn record(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        view::record(&self.shared.db, name)
    }

    fn records(&self, beginning: &str) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        view::records(&self.shared.db, beginning)
    }

    fn code(&self, artifact: &str) -> Option<PathBuf> {
        self.files.code(artifact)
    }
}

impl Archive for DiskStore {
    fn new_checkpoint(&self) -> io::Result<NewCheckpoint> {
        self.files.new_checkpoint()
    }

    fn keep_checkpoint(&self, mut new: NewCheckpoint, keep: Keep) -> Result<(), Fault> {
        bounded_by(keep.about.len(), CHECKPOINT_ABOUT_BYTES_MAX)?;
        for content in keep.changes.iter().flat_map(|change| &change.content) {
            bounded_by(content.len(), RECORD_BYTES_MAX)?;
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let finished = self.files.finish(&mut new, number);
        finished.map_err(|error| Fault::of_io(&error))?;
        self.order(What::Keep { number, keep })?;
        self.sweep()
    }

    fn drop_checkpoint(&self, number: u64) -> Result<(), Fault> {
        self.order(What::Drop { number })?;
        self.sweep()
    }

    fn set_aside(&self, height: Height) -> Result<(), Fault> {
        if self.last() != height || self.durable_height() != height {
            let detail = format!("block {height} is not the last one");
            return Err(Fault::Disk { detail });
        }
        self.order(What::SetAside { height })?;
        self.shared.queue.rewind(Height(height.0 - 1));
        Ok(())
    }

    fn begin_branch(&self, new: NewBranch) -> Result<(), Fault> {
        let last = self.last();
        if new.after > last || self.durable_height() != last {
            let detail = format!(
                "no branch begins after block {}: the log ends with {last}",
                new.after
            );
            return Err(Fault::Disk { detail });
        }
        for content in new.changes.iter().flat_map(|change| &change.content) {
            bounded_by(content.len(), RECORD_BYTES_MAX)?;
        }
        let after = new.after;
        self.order(What::Branch(new))?;
        self.shared.queue.rewind(after);
        self.sweep()
    }

    fn old_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        let txn = tables::look(&self.shared.db)?;
        let table = txn.open_table(OLD_BRANCH).map_err(fault)?;
        let found = table.get(height.0).map_err(fault)?;
        Ok(found.map(|block| block.value().to_vec()))
    }

    fn set_records(&self, changes: Vec<RecordChange>) -> Result<(), Fault> {
        for content in changes.iter().flat_map(|change| &change.content) {
            bounded_by(content.len(), RECORD_BYTES_MAX)?;
        }
        self.order(What::Records(changes)).map(drop)
    }

    fn keep_code(&self, bytes: &[u8]) -> io::Result<String> {
        self.files.keep_code(bytes)
    }

    fn keep_only_code(&self, artifacts: &BTreeSet<String>) -> io::Result<()> {
        self.files.keep_only_code(artifacts)
    }
}

impl DiskStore {
    /// Removes the files of checkpoints that are no longer kept.
    fn sweep(&self) -> Result<(), Fault> {
        let listed = look_at_checkpoints(&self.shared.db)?;
        let numbers = listed.iter().map(|listed| listed.number).collect();
        let swept = self.files.keep_only_checkpoints(&numbers);
        swept.map_err(|error| Fault::of_io(&error))
    }
}

/// Whether the disk of a folder has room for so many bytes beside those that a node must still write.
pub fn has_room_for(folder: &Path, bytes: u64) -> bool {
    // One that cannot be looked at is found full when it is written to.
    rustix::fs::statvfs(folder).map_or(true, |disk| {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        free >= DISK_RESERVE_BYTES.saturating_add(bytes)
    })
}

fn bounded_by(bytes: usize, most: usize) -> Result<(), Fault> {
    match bytes <= most {
        true => Ok(()),
        false => Err(Fault::Disk {
            detail: format!("{bytes} bytes are more than the {most} that are taken"),
        }),
    }
}
