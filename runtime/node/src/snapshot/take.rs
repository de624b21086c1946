//! [`Snapshots`]: takes a snapshot of the running node. A fork of it writes the image into the file; then the rest is
//! written behind that, while the node goes on.
//!
//! The file has no name while it is made: whatever ends the node, nothing of it stays on the disk.

use super::finish::{Beside, Embedded, Unfinished};
use super::header::SnapshotHeader;
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
use refit_loader::sys::nameless::nameless;
use refit_store::{Fault, Store, has_room_for, snapshot_begin};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    File(#[from] Unfinished),
    #[error("{0}")]
    System(#[from] io::Error),
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
            let about = About::new(&ground, &table, &libraries);
            Beside {
                trust: Some(self.parts.upgrades.trust.carried(about.generation)),
                about,
                kinds: SnapshotHeader::kinds(&table, &libraries),
                identity: self.parts.identity.clone(),
                offline: Vec::new(),
                code: match with_code {
                    true => embedded(libraries.opened(&table)?),
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
        let moment = Moment {
            height: beside.ground.tip.height,
            generation: beside.about.generation,
        };
        let bytes = beside.finish(&file)?;
        Ok((file, bytes, moment))
    }

    fn refusal(&self, failed: &Failed) -> Refusal {
        match failed {
            Failed::Photograph(NotTaken::Ended) => ended(),
            // The copy itself does not say why it was not written.
            _ if !self.parts.store.has_room() => Refusal::of(503, &Fault::DiskFull),
            Failed::Photograph(NotTaken::Failed(why)) => Refusal::of(500, &**why),
            Failed::File(Unfinished::File(error)) => Refusal::of(500, error),
            Failed::System(error) | Failed::File(Unfinished::System(error))
                if Fault::of_io(error) == Fault::DiskFull =>
            {
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

fn embedded(opened: Vec<(String, File)>) -> Vec<Embedded> {
    let embed = |(artifact, library): (String, File)| Embedded {
        artifact,
        bytes: Box::new(library),
    };
    opened.into_iter().map(embed).collect()
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
