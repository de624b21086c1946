//! [`Snapshots`]: takes a snapshot of the running node. A fork of it writes the image into the file; then the rest is
//! written behind that, while the node goes on.
//!
//! The file has no name while it is made: whatever ends the node, nothing of it stays on the disk.

use super::header::{HeaderParts, SnapshotHeader, SnapshotKind};
use super::marks::{HEADER, named, of_section};
use crate::answers::refusals::ended;
use crate::blocks::intake::{Intake, Standpoint};
use crate::limits::SNAPSHOT_TRIES_MAX;
use crate::recovery::about::About;
use crate::recovery::photograph::{NotTaken, Photographer, Shot, Taken};
use crate::upgrade::Upgrades;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use refit_abi::codes;
use refit_admin::{Moment, Refusal, TakenSnapshot};
use refit_kernel::{ImageReader, Section, SectionTaker, StreamError, cut};
use refit_loader::sys::nameless::nameless;
use refit_ordering::Ground;
use refit_store::{
    Fault, SnapshotError, SnapshotWriter, Sort, Store, has_room_for, snapshot_begin,
};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that are read or written at once.
const PIECE_BYTES: usize = 256 << 10;

/// The parts that snapshots are taken with.
pub(crate) struct SnapshotsParts {
    /// Where the file is made.
    pub(crate) folder: PathBuf,
    /// What the data folder was configured with.
    pub(crate) identity: Vec<u8>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) intake: Sender<Intake>,
    pub(crate) upgrades: Arc<Upgrades>,
}

/// Takes snapshots, one at a time.
pub(crate) struct Snapshots {
    parts: SnapshotsParts,
    /// Held by the one that is under way, until its reader has all of it.
    one: Arc<Semaphore>,
    /// Dropped when the node ends.
    end: Mutex<Option<Sender<()>>>,
    ended: Receiver<()>,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Photograph(#[from] NotTaken),
    #[error(transparent)]
    File(#[from] SnapshotError),
    #[error(transparent)]
    Image(#[from] StreamError),
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("its header cannot be written: {0}")]
    Header(#[from] serde_json::Error),
    #[error("the library {artifact} is not what it was when it was loaded")]
    OtherCode { artifact: String },
}

/// What is known of the states that the fork writes.
struct Beside {
    ground: Ground,
    about: About,
    kinds: Vec<SnapshotKind>,
    /// The libraries that go with them, by their hashes.
    code: Vec<(String, File)>,
}

impl Snapshots {
    pub(crate) fn new(parts: SnapshotsParts) -> Self {
        let (end, ended) = bounded(0);
        Self {
            parts,
            one: Arc::new(Semaphore::new(1)),
            end: Mutex::new(Some(end)),
            ended,
        }
    }

    /// The node ends: one that is under way is given up, and none begins.
    pub(crate) fn end(&self) {
        *self.end.lock() = None;
    }

    /// Takes one. Its states may be those of a block that is not in the log for good.
    pub(crate) fn take(&self, with_code: bool) -> Result<TakenSnapshot, Refusal> {
        let permit = self.one.clone().try_acquire_owned();
        let permit = permit.map_err(|_| under_way())?;
        if !self.has_room() {
            return Err(Refusal::of(503, &Fault::DiskFull));
        }
        let mut tries = SNAPSHOT_TRIES_MAX;
        let taken = loop {
            tries -= 1;
            match self.try_take(with_code) {
                Err(Failed::Photograph(NotTaken::Overtaken)) if tries > 0 => {}
                taken => break taken,
            }
        };
        let (file, bytes, moment) = taken.map_err(|failed| self.refusal(&failed))?;
        let body = Box::new(Body {
            file,
            _permit: permit,
        });
        Ok(TakenSnapshot {
            body,
            bytes,
            moment,
        })
    }

    /// Whether the disk has room for as much as the newest checkpoint has, and for what the node itself needs.
    fn has_room(&self) -> bool {
        let archive = self.parts.store.archive();
        let newest = archive.and_then(|archive| archive.checkpoints().ok()?.pop());
        let bytes = newest.and_then(|newest| Some(fs::metadata(newest.path).ok()?.len()));
        self.parts.store.has_room() && has_room_for(&self.parts.folder, bytes.unwrap_or(0))
    }

    fn try_take(&self, with_code: bool) -> Result<(File, u64, Moment), Failed> {
        let file = nameless(&self.parts.folder)?;
        let photographer = Photographer {
            intake: &self.parts.intake,
            upgrades: &self.parts.upgrades,
            ended: &self.ended,
        };
        let Taken {
            forked,
            here: Standpoint { ground, .. },
            table,
        } = photographer.take(Shot {
            head: snapshot_begin(),
            to: file.try_clone()?.into(),
            is_checkpoint: false,
        })?;
        let beside = {
            let libraries = self.parts.upgrades.libraries();
            Beside {
                about: About::new(&ground, &table, &libraries),
                kinds: SnapshotHeader::kinds(&table, &libraries),
                code: match with_code {
                    true => libraries.opened(&table)?,
                    false => Vec::new(),
                },
                ground,
            }
        };
        // The libraries may have become those of another generation since it was copied.
        if !beside.about.has_all_code() {
            return Err(NotTaken::Overtaken.into());
        }
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        photographer.written(forked?)?;
        let bytes = self.finish(&file, &beside)?;
        let moment = Moment {
            height: beside.ground.tip.height,
            generation: beside.about.generation,
        };
        Ok((file, bytes, moment))
    }

    /// Notes the image that is there, and writes what comes behind it; gives the length of the whole, and leaves the
    /// file at its beginning.
    fn finish(&self, mut file: &File, beside: &Beside) -> Result<u64, Failed> {
        let begin = snapshot_begin().len() as u64;
        file.seek(SeekFrom::Start(begin))?;
        let parameters = {
            let reader = ImageReader::begin(BufReader::new(file))?;
            reader.parameters().clone()
        };
        file.seek(SeekFrom::Start(begin))?;
        let writer = SnapshotWriter::behind_begin(BufWriter::with_capacity(PIECE_BYTES, file));
        let mut noting = Noting { writer };
        let image = cut(BufReader::with_capacity(PIECE_BYTES, file), &mut noting)?;
        file.seek(SeekFrom::End(0))?;
        let Noting { mut writer } = noting;
        let header = SnapshotHeader::new(HeaderParts {
            ground: &beside.ground,
            about: &beside.about,
            state: &image.state,
            kinds: beside.kinds.clone(),
            parameters: &parameters,
            identity: &self.parts.identity,
        })?;
        writer.write(&serde_json::to_vec(&header)?)?;
        writer.close(named(Sort::Header, HEADER))?;
        for (artifact, library) in &beside.code {
            put_library(&mut writer, artifact, library)?;
        }
        let bytes = writer.end()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(bytes)
    }

    fn refusal(&self, failed: &Failed) -> Refusal {
        match failed {
            Failed::Photograph(NotTaken::Ended) => ended(),
            // The copy itself does not say why it was not written.
            _ if !self.parts.store.has_room() => Refusal::of(503, &Fault::DiskFull),
            Failed::Photograph(NotTaken::Failed(why)) => Refusal::of(500, &**why),
            Failed::File(error) => Refusal::of(500, error),
            Failed::System(error) if Fault::of_io(error) == Fault::DiskFull => {
                Refusal::of(503, &Fault::DiskFull)
            }
            _ => Refusal::new(
                503,
                codes::SNAPSHOT_NOT_TAKEN,
                failed.to_string(),
                "take it again; if it stays so, see the node's log",
            ),
        }
    }
}

fn put_library(
    writer: &mut SnapshotWriter<impl Write>,
    artifact: &str,
    mut library: &File,
) -> Result<(), Failed> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match library.read(&mut piece)? {
            0 => break,
            read => writer.write(&piece[..read])?,
        }
    }
    let hash = writer.close(named(Sort::Code, artifact))?;
    match *blake3::Hash::from_bytes(hash).to_hex() == *artifact {
        true => Ok(()),
        false => Err(Failed::OtherCode {
            artifact: artifact.to_owned(),
        }),
    }
}

/// Notes the sections of the image that is in the file.
struct Noting<W> {
    writer: SnapshotWriter<W>,
}

impl<W: Write> SectionTaker for Noting<W> {
    type Error = Failed;

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        self.writer.note(bytes);
        Ok(())
    }

    fn section(&mut self, section: Section) -> Result<(), Failed> {
        Ok(self.writer.close(of_section(section)).map(drop)?)
    }
}

/// The bytes of a snapshot on their way out; no other one is taken meanwhile.
struct Body {
    file: File,
    _permit: OwnedSemaphorePermit,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

fn under_way() -> Refusal {
    Refusal::new(
        503,
        codes::SNAPSHOT_UNDER_WAY,
        "another snapshot of this node is under way",
        "take one when that has ended",
    )
}
