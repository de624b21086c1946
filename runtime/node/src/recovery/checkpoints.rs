//! The thread that keeps checkpoints. The driver says when one is due; a fork of the node, taken between two blocks,
//! writes the states to a file while the node goes on. Once that is kept, what only older ones needed goes: blocks,
//! libraries, records of upgrades.

use super::about::About;
use super::image_file::tree_of;
use super::photograph::{NotTaken, Photographer, Shot, Taken};
use crate::blocks::intake::{Intake, Wanted};
use crate::blocks::states::{Hashed, KeptState};
use crate::code::{CodeLock, armed};
use crate::limits::TOLD_WAIT_MAX;
use crate::probation::{OnProbation, branches};
use crate::upgrade::Upgrades;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use refit_abi::Generation;
use refit_kernel::StreamError;
use refit_store::{Archive, Checkpoint, Fault, Keep, Store};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// The parts that the thread works with.
pub(crate) struct CheckpointParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) intake: Sender<Intake>,
    pub(crate) upgrades: Arc<Upgrades>,
    pub(crate) code: Arc<CodeLock>,
    /// The driver says when one is due.
    pub(crate) due: Receiver<Wanted>,
}

/// The thread; it ends with this.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    end: Option<Sender<()>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why there is no checkpoint this time.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Photograph(#[from] NotTaken),
    #[error("it does not read back: {0}")]
    Unread(#[from] StreamError),
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] Fault),
}

impl Checkpoints {
    /// Begins; nothing is done if the store keeps none.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub(crate) fn begin(parts: CheckpointParts) -> io::Result<Self> {
        let (end, ended) = bounded(0);
        let thread = std::thread::Builder::new().name("refit-checkpoint".to_owned());
        let keeper = Keeper { parts, ended };
        let thread = thread.spawn(move || keeper.run())?;
        Ok(Self {
            end: Some(end),
            thread: Mutex::new(Some(thread)),
        })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.lock().take() {
            // It has said itself why it panicked.
            let _ = thread.join();
        }
    }
}

struct Keeper {
    parts: CheckpointParts,
    /// Disconnects when the thread is to end.
    ended: Receiver<()>,
}

impl Keeper {
    fn run(self) {
        let store = self.parts.store.clone();
        let Some(archive) = store.archive() else {
            return;
        };
        loop {
            let wanted = crossbeam_channel::select! {
                recv(self.ended) -> _ => return,
                recv(self.parts.due) -> due => match due {
                    Ok(wanted) => wanted,
                    Err(_) => return,
                },
            };
            let began = Instant::now();
            match self.keep(archive) {
                Ok(about) => {
                    let height = about.ground().tip.height;
                    let took_ms = began.elapsed().as_millis();
                    tracing::debug!(%height, took_ms, "checkpoint");
                }
                Err(NotKept::Photograph(NotTaken::Ended)) => return,
                Err(why) => tracing::warn!(
                    "no checkpoint is kept this time: {why}; the log is kept further back instead"
                ),
            }
            // Whoever waits for it hears that it has ended.
            drop(wanted.by);
        }
    }

    fn keep(&self, archive: &dyn Archive) -> Result<About, NotKept> {
        let new = archive.new_checkpoint()?;
        let photographer = Photographer {
            intake: &self.parts.intake,
            upgrades: &self.parts.upgrades,
            ended: &self.ended,
        };
        let Taken {
            forked,
            here,
            table,
        } = photographer.take(Shot {
            head: Vec::new(),
            to: new.file().try_clone()?.into(),
            is_checkpoint: true,
        })?;
        let about = {
            let libraries = self.parts.upgrades.libraries();
            About::new(&here.ground, &table, &libraries).on_probation(here.on_probation)
        };
        // The libraries may have become those of another generation since it was copied.
        if !about.has_all_code() {
            return Err(NotTaken::Overtaken.into());
        }
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        photographer.written(forked?)?;
        // Read back, here, while the node goes on: the fork's processor time is the node's too.
        let about = about.of_state(KeptState::of(tree_of(new.file())?));
        let keep = Keep {
            height: about.ground().tip.height,
            about: about.to_bytes(),
            also: way_back(archive, about.on_probation.as_ref())?,
            changes: Vec::new(),
        };
        self.until_told()?;
        archive.keep_checkpoint(new, keep)?;
        self.tell_of_state(&about);
        let _code = self.parts.code.lock();
        forget(archive, &about)?;
        Ok(about)
    }
}

impl Keeper {
    /// Waits until the journal has the upgrades that this checkpoint may have behind it.
    fn until_told(&self) -> Result<(), NotTaken> {
        let Some(untold) = self.parts.upgrades.untold() else {
            return Ok(());
        };
        crossbeam_channel::select! {
            recv(self.ended) -> _ => Err(NotTaken::Ended),
            recv(untold) -> _ => Ok(()),
            default(TOLD_WAIT_MAX) => Err(NotTaken::Overtaken),
        }
    }

    /// Has a header name the state.
    fn tell_of_state(&self, about: &About) {
        let ground = about.ground();
        let state = about.state.as_ref();
        if let Some(state) = state.map(|state| state.at(ground.tip.height)) {
            let branch = ground.branch;
            // A node that has ended names nothing any more; its next start does.
            let _ = self
                .parts
                .intake
                .send(Intake::State(Hashed { branch, state }));
        }
    }
}

/// The number of the checkpoint that a generation on probation would be taken back from.
pub(super) fn way_back(
    archive: &dyn Archive,
    on: Option<&OnProbation>,
) -> Result<Option<u64>, Fault> {
    let Some(on) = on else {
        return Ok(None);
    };
    let of_before = |checkpoint: &Checkpoint| {
        let about = About::from_bytes(&checkpoint.about);
        checkpoint.height <= on.after && about.is_ok_and(|about| about.generation <= on.base)
    };
    let mut kept = archive.checkpoints()?.into_iter();
    Ok(kept.rfind(of_before).map(|kept| kept.number))
}

/// Forgets what no kept checkpoint needs: libraries, and records of upgrades that all of them have behind them. `newest`
/// was kept just now. The caller holds the [`CodeLock`].
fn forget(archive: &dyn Archive, newest: &About) -> Result<(), NotKept> {
    let mut oldest: Generation = newest.generation;
    let mut first = newest.ground().tip.height;
    let mut needed: BTreeSet<String> = newest.artifacts();
    for checkpoint in archive.checkpoints()? {
        if let Ok(about) = About::from_bytes(&checkpoint.about) {
            oldest = oldest.min(about.generation);
            first = first.min(checkpoint.height);
            needed.extend(about.artifacts());
        }
    }
    let (done, open): (Vec<_>, Vec<_>) = armed::all(archive)?
        .into_iter()
        .partition(|recorded| recorded.armed.plan.base < oldest);
    armed::forget(&done, archive)?;
    branches::forget(archive, first)?;
    needed.extend(
        open.iter()
            .flat_map(|recorded| recorded.armed.plan.artifacts()),
    );
    Ok(archive.keep_only_code(&needed)?)
}
