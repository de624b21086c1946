//! [`Prepared`]: a node that runs and has no engines yet. It can be asked for its status while its engines start,
//! also while one of them does not finish its start.

use super::beginning::{Engines, First};
use super::going_on::{go_on, replay};
use crate::blocks::chain::Root;
use crate::blocks::intake::Intake;
use crate::log::lines;
use crate::recovery::RecoveryError;
use crate::recovery::first::keep;
use crate::recovery::genesis::Genesis;
use crate::recovery::replaying::Heard;
use crate::serve::handle::Node;
use crate::start::StartError;
use crate::start::config::EngineConfig;
use crossbeam_channel::Receiver;
use refit_abi::Height;
use refit_abi::host::BlockFrame;
use refit_kernel::Configuration;
use refit_kernel::Executor;
use refit_loader::{ArtifactId, LoadedModule};
use refit_store::Archive;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A node whose engines are not started yet.
#[derive(Debug)]
#[must_use = "its engines start with `Prepared::start`"]
pub struct Prepared {
    pub(crate) node: Arc<Node>,
    pub(crate) engines: Engines,
    /// What the log says while it is executed again.
    pub(crate) heard: Receiver<Heard>,
    pub(crate) code: Vec<EngineCode>,
    pub(crate) behind: BehindLog,
}

/// What a start does behind its log, before the node serves.
#[derive(Debug)]
pub(crate) struct BehindLog {
    /// The libraries that come in, if they are not live.
    pub(crate) configured: Vec<PathBuf>,
    /// This node decides its blocks itself: what it takes up is armed before the next one.
    pub(crate) is_solo: bool,
}

impl BehindLog {
    /// Whether libraries come in.
    pub(crate) fn has_code(&self) -> bool {
        !self.configured.is_empty()
    }
}

/// The code that an engine is started with, as it was loaded: not what lies at its path by now.
#[derive(Debug)]
pub struct EngineCode {
    /// The engine's name.
    pub engine: String,
    /// The hash of the library's bytes.
    pub artifact: ArtifactId,
    /// The very bytes, which stay as long as this is open; or why they cannot be had.
    pub bytes: io::Result<File>,
}

impl Prepared {
    /// The node.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The code of each engine. May be taken once.
    pub fn take_code(&mut self) -> Vec<EngineCode> {
        std::mem::take(&mut self.code)
    }

    /// Starts the engines, one after the other; or goes on where the data folder ends, and executes the blocks again
    /// that its newest checkpoint does not have. Blocks until that is over.
    ///
    /// # Errors
    /// [`StartError`]; the node is stopped then.
    pub fn start(self) -> Result<Arc<Node>, StartError> {
        let started = match self.engines {
            Engines::Roots { roots, first } => {
                let replays = first.is_none() && self.node.outlives();
                let started = start_engines(&self.node, roots, first, replays);
                match replays {
                    true => started
                        .and_then(|()| replay(&self.node, Height(0), &self.heard, &self.behind)),
                    false => started,
                }
            }
            Engines::Kept(executor) => go_on(&self.node, *executor, &self.heard, &self.behind),
        };
        match started {
            Ok(()) => {
                self.node.know();
                self.node.alarm_again();
                Ok(self.node)
            }
            Err(error) => {
                // Its threads run already, and nobody else has a handle that could stop them.
                self.node.stop();
                Err(error)
            }
        }
    }
}

fn start_engines(
    node: &Node,
    roots: Vec<Root>,
    first: Option<Box<First>>,
    replays: bool,
) -> Result<(), StartError> {
    let (done, outcome) = crossbeam_channel::bounded(1);
    let latest = node.latest.clone();
    let store = node.store.clone();
    let call = move |executor: &mut Executor| {
        // In one call and not one each: no block comes between two engines that may expect each other.
        let start = |root: &Root| {
            let config = Configuration::json(root.config.as_bytes());
            let started = executor.start(root.id, &root.kind, config, BlockFrame::default());
            // At once: the next block may be hours away, or never come.
            executor.take_lines().iter().for_each(lines::log);
            started
        };
        let started = roots.iter().try_for_each(start).map_err(StartError::from);
        let started = started.and_then(|()| match (first, store.archive()) {
            // Before anything of them is told: a start after a crash has these very engines.
            (Some(first), Some(archive)) => {
                // Before the checkpoint: a folder that has one says whose it is.
                first.identity.write(archive).map_err(RecoveryError::from)?;
                let kept = keep(executor, &first.about, archive);
                Ok(or_genesis(kept, &first, executor, &roots, archive)?)
            }
            _ => Ok(()),
        });
        // Before anyone can ask about the engines.
        latest.lock().starting = started.is_err() || replays;
        let _ = done.send(started.map(|()| executor.awaited()));
    };
    let _ = node.duty.call(call);
    // As long as an `init` takes; but what lies behind the end of the crew nobody takes out.
    match node.duty.answer(&outcome, Duration::MAX) {
        Ok(outcome) => {
            // Messages and timers of an `init` do not wait for a client.
            let _ = node.intake.send(Intake::Started(outcome?));
            Ok(())
        }
        // The crew is gone only if it panicked or was told to stop.
        Err(_) => Err(StartError::Ended),
    }
}

/// Where a state cannot be written, the chain's beginning is kept in place of its first checkpoint.
fn or_genesis(
    kept: Result<(), RecoveryError>,
    first: &First,
    executor: &Executor,
    roots: &[Root],
    archive: &dyn Archive,
) -> Result<(), RecoveryError> {
    match kept {
        Err(RecoveryError::Unwritten(error)) => {
            tracing::error!(
                "no checkpoint can be written, and each start will execute the whole log, which is kept for that: {error}"
            );
            let parameters = (**executor.parameters()).clone();
            Ok(Genesis::new(&first.about, parameters, roots).write(archive)?)
        }
        kept => kept,
    }
}

/// The code of each engine, opened before anything can be put in its place. `places` says which module has
/// each engine.
pub(crate) fn code(
    engines: &[EngineConfig],
    places: &[usize],
    modules: &[LoadedModule],
) -> Vec<EngineCode> {
    let open = |module: &LoadedModule| {
        let path = module.path_for_child();
        File::open(path.ok_or_else(|| io::Error::other("the library has no file"))?)
    };
    let of_engine = |(engine, place): (&EngineConfig, &usize)| EngineCode {
        engine: engine.name.clone(),
        artifact: modules[*place].artifact(),
        bytes: open(&modules[*place]),
    };
    engines.iter().zip(places).map(of_engine).collect()
}
