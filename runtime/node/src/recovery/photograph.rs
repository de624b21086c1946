//! [`Photographer`]: has the node copied between two blocks, for a checkpoint or a snapshot. A fork of the node writes
//! the states to a file while the node goes on.

use crate::blocks::intake::{Intake, Photograph, Standpoint};
use crate::limits::{CHECKPOINT_CPU_S, CHECKPOINT_LOOK, CHECKPOINT_WAIT_MAX};
use crate::rehearsal::{Copying as _, Forked, Order, RehearsalError};
use crate::upgrade::Upgrades;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use refit_abi::Generation;
use refit_kernel::{ArtifactHash, Executor, GenerationTable, ImageScope};
use refit_loader::sys::fork::End;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for the libraries of an upgrade that was committed just now, and the time between two looks.
const LIBRARIES_WAIT_MAX: Duration = Duration::from_secs(60);
const LIBRARIES_LOOK: Duration = Duration::from_millis(2);

/// The generation that is copied.
struct Live {
    generation: Generation,
    /// Of each of its kinds.
    artifacts: Vec<ArtifactHash>,
}

/// Has copies made.
pub(crate) struct Photographer<'a> {
    pub(crate) intake: &'a Sender<Intake>,
    pub(crate) upgrades: &'a Upgrades,
    /// Disconnects when the node ends.
    pub(crate) ended: &'a Receiver<()>,
}

/// What is wanted.
pub(crate) struct Shot {
    /// Bytes that go before the image.
    pub(crate) head: Vec<u8>,
    /// The file.
    pub(crate) to: OwnedFd,
    /// Whether the log is counted anew from it.
    pub(crate) is_checkpoint: bool,
}

/// What the crew gives back.
pub(crate) struct Taken {
    pub(crate) forked: io::Result<Forked>,
    pub(crate) here: Standpoint,
    /// A handle on live code: to be dropped soon.
    pub(crate) table: Arc<GenerationTable>,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// The node changes its code just now: the next attempt finds it changed.
    #[error("the node's code changed meanwhile")]
    Overtaken,
    #[error("the copy of the node {0}")]
    Copy(&'static str),
    /// The copy says why.
    #[error("the copy of the node failed: {0}")]
    Failed(Box<RehearsalError>),
    #[error("the node ends")]
    Ended,
}

impl Photographer<'_> {
    /// Has the node copied between two blocks.
    pub(crate) fn take(&self, shot: Shot) -> Result<Taken, NotTaken> {
        let Live {
            generation,
            artifacts,
        } = self.live()?;
        let order = Order {
            scope: ImageScope {
                artifacts,
                ..ImageScope::whole(usize::MAX)
            },
            head: shot.head,
            to: shot.to,
            cpu_s: CHECKPOINT_CPU_S,
        };
        // Taken before the crew is asked: it waits for nobody, and no library is half mapped in the copy.
        let _settled = self.upgrades.loader.settled();
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
            is_checkpoint: shot.is_checkpoint,
            take: Box::new(fork),
        });
        let sent = self.intake.send(Intake::Photograph(photograph));
        sent.map_err(|_| NotTaken::Ended)?;
        crossbeam_channel::select! {
            recv(self.ended) -> _ => Err(NotTaken::Ended),
            recv(taken) -> taken => {
                let taken: Taken = taken.map_err(|_| NotTaken::Overtaken)?;
                if let Ok(forked) = &taken.forked {
                    forked.goes_first(&self.upgrades.loader);
                }
                Ok(taken)
            }
            default(CHECKPOINT_WAIT_MAX) => Err(NotTaken::Copy("was not taken in time")),
        }
    }

    /// What is live. An upgrade that was committed just now adds its libraries a moment later: states without the names of
    /// their libraries would be kept for nobody.
    fn live(&self) -> Result<Live, NotTaken> {
        let began = Instant::now();
        while began.elapsed() < LIBRARIES_WAIT_MAX {
            let look = |executor: &mut Executor| executor.table();
            let table = self.upgrades.duty.ask(look, CHECKPOINT_WAIT_MAX);
            let table = table.map_err(|_| NotTaken::Ended)?;
            let artifacts = self.upgrades.libraries().hashes(&table);
            if artifacts.len() == table.iter().count() {
                let generation = table.number();
                return Ok(Live {
                    generation,
                    artifacts,
                });
            }
            drop(table);
            crossbeam_channel::select! {
                recv(self.ended) -> _ => return Err(NotTaken::Ended),
                default(LIBRARIES_LOOK) => {}
            }
        }
        Err(NotTaken::Overtaken)
    }

    /// Waits until the copy has written all.
    pub(crate) fn written(&self, mut forked: Forked) -> Result<(), NotTaken> {
        let began = Instant::now();
        loop {
            match forked.ended_within(CHECKPOINT_LOOK) {
                Some(End::Done) => return Ok(()),
                Some(_) => {
                    let why = forked.failure().map(Box::new);
                    return Err(why.map_or(NotTaken::Copy("failed"), NotTaken::Failed));
                }
                None => {}
            }
            if let Err(TryRecvError::Disconnected) = self.ended.try_recv() {
                return Err(NotTaken::Ended);
            }
            if began.elapsed() > CHECKPOINT_WAIT_MAX {
                return Err(NotTaken::Copy("did not end in time"));
            }
        }
    }
}
