//! The thread that keeps checkpoints. The driver says when one is due; a fork of the node, taken between two blocks,
//! writes the states to a file while the node goes on. Once that is kept, what only older ones needed goes: blocks,
//! libraries, records of upgrades.

use super::about::About;
use crate::blocks::intake::{Intake, Photograph, Standpoint};
use crate::code::{CodeLock, armed};
use crate::limits::{CHECKPOINT_CPU_S, CHECKPOINT_LOOK, CHECKPOINT_WAIT_MAX};
use crate::probation::{OnProbation, branches};
use crate::rehearsal::{Forked, Order};
use crate::upgrade::Upgrades;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use refit_abi::Generation;
use refit_kernel::{ArtifactHash, Executor, GenerationTable, ImageScope};
use refit_loader::sys::fork::End;
use refit_store::{Archive, Checkpoint, Fault, Keep, NewCheckpoint, Store};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The parts that the thread works with.
pub(crate) struct CheckpointParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) intake: Sender<Intake>,
    pub(crate) upgrades: Arc<Upgrades>,
    pub(crate) code: Arc<CodeLock>,
    /// The driver says when one is due.
    pub(crate) due: Receiver<()>,
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
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] Fault),
    /// The node changes its code just now: the next one is due soon.
    #[error("the node's code changed meanwhile")]
    Overtaken,
    #[error("the copy of the node {0}")]
    Copy(String),
    #[error("the node ends")]
    Ended,
}

/// Longest wait for the libraries of an upgrade that was committed just now, and the time between two looks.
const LIBRARIES_WAIT_MAX: Duration = Duration::from_secs(60);
const LIBRARIES_LOOK: Duration = Duration::from_millis(2);

/// The generation that is copied.
struct Live {
    generation: Generation,
    /// Of each of its kinds.
    artifacts: Vec<ArtifactHash>,
}

/// What the crew gives back.
struct Taken {
    forked: io::Result<Forked>,
    here: Standpoint,
    table: Arc<GenerationTable>,
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
            crossbeam_channel::select! {
                recv(self.ended) -> _ => return,
                recv(self.parts.due) -> due => if due.is_err() { return },
            }
            let began = Instant::now();
            match self.keep(archive) {
                Ok(about) => {
                    let height = about.ground().tip.height;
                    let took_ms = began.elapsed().as_millis();
                    tracing::debug!(%height, took_ms, "checkpoint");
                }
                Err(NotKept::Ended) => return,
                Err(why) => tracing::warn!(
                    "no checkpoint is kept this time: {why}; the log is kept further back instead"
                ),
            }
        }
    }

    fn keep(&self, archive: &dyn Archive) -> Result<About, NotKept> {
        let new = archive.new_checkpoint()?;
        let Taken {
            forked,
            here,
            table,
        } = self.take(&new)?;
        let about = {
            let libraries = self.parts.upgrades.libraries();
            About::new(&here.ground, &table, &libraries).on_probation(here.on_probation)
        };
        // The libraries may have become those of another generation since it was copied.
        if !about.has_all_code() {
            return Err(NotKept::Overtaken);
        }
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        self.written(forked?)?;
        let keep = Keep {
            height: about.ground().tip.height,
            about: about.to_bytes(),
            also: way_back(archive, about.on_probation.as_ref())?,
        };
        archive.keep_checkpoint(new, keep)?;
        let _code = self.parts.code.lock();
        forget(archive, &about)?;
        Ok(about)
    }

    /// Has the node copied between two blocks.
    fn take(&self, new: &NewCheckpoint) -> Result<Taken, NotKept> {
        let upgrades = &self.parts.upgrades;
        let Live {
            generation,
            artifacts,
        } = self.live()?;
        let order = Order {
            scope: ImageScope {
                artifacts,
                ..ImageScope::whole(usize::MAX)
            },
            head: Vec::new(),
            to: new.file().try_clone()?.into(),
            cpu_s: CHECKPOINT_CPU_S,
        };
        // Taken before the crew is asked: it waits for nobody, and no library is half mapped in the copy.
        let _settled = upgrades.loader.settled();
        let (answer, taken) = bounded(1);
        let fork = move |executor: &mut Executor, here: Standpoint| {
            let is_now = executor.height() == here.ground.tip.height;
            let is_planned = executor.table().number() == generation;
            if is_now && is_planned {
                // Who asked may have given up: then the copy ends with the channel.
                let _ = answer.send(Taken {
                    forked: Forked::fork(executor, order),
                    here,
                    table: executor.table(),
                });
            }
        };
        let photograph = Box::new(Photograph {
            take: Box::new(fork),
        });
        let sent = self.parts.intake.send(Intake::Photograph(photograph));
        sent.map_err(|_| NotKept::Ended)?;
        crossbeam_channel::select! {
            recv(self.ended) -> _ => Err(NotKept::Ended),
            recv(taken) -> taken => taken.map_err(|_| NotKept::Overtaken),
            default(CHECKPOINT_WAIT_MAX) => Err(NotKept::Copy("was not taken in time".to_owned())),
        }
    }

    /// What is live. An upgrade that was committed just now adds its libraries a moment later: states without the names of
    /// their libraries would be kept for nobody.
    fn live(&self) -> Result<Live, NotKept> {
        let upgrades = &self.parts.upgrades;
        let began = Instant::now();
        while began.elapsed() < LIBRARIES_WAIT_MAX {
            let look = |executor: &mut Executor| executor.table();
            let table = upgrades.duty.ask(look, CHECKPOINT_WAIT_MAX);
            let table = table.map_err(|_| NotKept::Ended)?;
            let artifacts = upgrades.libraries().hashes(&table);
            if artifacts.len() == table.iter().count() {
                let generation = table.number();
                return Ok(Live {
                    generation,
                    artifacts,
                });
            }
            drop(table);
            crossbeam_channel::select! {
                recv(self.ended) -> _ => return Err(NotKept::Ended),
                default(LIBRARIES_LOOK) => {}
            }
        }
        Err(NotKept::Overtaken)
    }

    /// Waits until the copy has written all.
    fn written(&self, mut forked: Forked) -> Result<(), NotKept> {
        let began = Instant::now();
        loop {
            match forked.ended_within(CHECKPOINT_LOOK) {
                Some(End::Done) => return Ok(()),
                Some(_) => {
                    use crate::rehearsal::Copying as _;
                    let why = forked.failure().map(|why| why.to_string());
                    return Err(NotKept::Copy(format!(
                        "failed: {}",
                        why.unwrap_or_else(|| "it does not say why".to_owned())
                    )));
                }
                None => {}
            }
            let is_told = matches!(
                self.ended.try_recv(),
                Err(crossbeam_channel::TryRecvError::Disconnected)
            );
            if is_told {
                return Err(NotKept::Ended);
            }
            if began.elapsed() > CHECKPOINT_WAIT_MAX {
                return Err(NotKept::Copy("did not end in time".to_owned()));
            }
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
