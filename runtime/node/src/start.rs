//! Starting a node: modules, first generation, crew, driver.

use crate::config::{EngineConfig, NodeConfig};
use crate::driver::{Driver, DriverParts};
use crate::handle::Node;
use crate::intake::{self, Door};
use crate::latest::Latest;
use crate::libraries::Libraries;
use crate::upgrade::{Policy, Upgrades};
use parking_lot::Mutex;
use refit_abi::descriptor::KindDescriptor;
use refit_abi::host::{BlockFrame, Kind};
use refit_abi::raw::Codec;
use refit_abi::{EngineId, EngineIdError, State};
use refit_kernel::crew::{Command, Crew, commands};
use refit_kernel::{Executor, GenerationTable};
use refit_loader::{LoadedModule, Loader, OpenError};
use refit_ordering::{Solo, SoloConfig, Tip};
use refit_store::{MemoryStore, Replies, Store};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// This program cannot unmap code.
    #[error("this program cannot take back what modules leave behind: {0}")]
    Loader(#[from] refit_loader::sys::interposers::NotInForce),
    /// An engine's name is no id.
    #[error("{0}")]
    Name(#[from] EngineIdError),
    /// A module could not be loaded.
    #[error("{}: {source}", path.display())]
    Module {
        /// The file.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The module does not say which kind is meant.
    #[error("engine `{engine}`: {} has the kinds {}; say which with `kind = …`", path.display(), kinds.join(", "))]
    WhichKind {
        /// The engine.
        engine: String,
        /// The file.
        path: PathBuf,
        /// The kinds it has.
        kinds: Vec<String>,
    },
    /// Two modules have the same kind.
    #[error("two modules have the engine kind `{kind}`; a node has one code for each kind")]
    TwoModules {
        /// The kind.
        kind: String,
    },
    /// An engine did not start.
    #[error(transparent)]
    Engine(#[from] refit_kernel::StartError),
    /// The system gave no thread.
    #[error("the system starts no more threads: {0}; raise the limit with ulimit -u")]
    Threads(#[from] std::io::Error),
}

impl StartError {
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StartError::Loader(_) => "interposers-missing",
            StartError::Name(_) => "engine-name",
            StartError::Module { source, .. } => source.code(),
            StartError::WhichKind { .. } => "kind-unclear",
            StartError::TwoModules { .. } => "kind-twice",
            StartError::Engine(_) => "engine-start",
            StartError::Threads(_) => "no-threads",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            StartError::Loader(_) => "start the node with the `refit` program",
            StartError::Module { source, .. } => source.next(),
            StartError::Threads(_) => "raise the limit of processes, or set fewer workers",
            _ => "mend the configuration and start again",
        }
    }
}

impl Node {
    /// Starts a node. Blocks until its engines have started.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start(config: NodeConfig) -> Result<Arc<Self>, StartError> {
        let loader = Loader::with_copies_in(config.probe.clone(), config.copies.clone())?;
        let ids = ids(&config.engines)?;
        let modules = load(&loader, &config.engines)?;
        let table = GenerationTable::first_with(kinds(&modules)?, config.grants.clone());
        warn_of_unknown_grants(&table);
        let starts = starts(&config.engines, &ids, &modules)?;
        let (command_sender, command_receiver) = commands();
        let crew = Crew::spawn("refit-g1", config.workers, command_receiver.clone())?;
        let mut executor = Executor::new(table.clone());
        executor.check_faults(config.check_faults);
        crew.baton().start(executor);
        if let Err(error) = start_engines(&command_sender, starts) {
            let _ = command_sender.send(Command::Stop);
            crew.join();
            return Err(error);
        }
        let mut libraries = Libraries::default();
        libraries.add(modules);
        let (intake, outlet) = intake::channel();
        let latest = Arc::new(Mutex::new(Latest {
            generation: table.number(),
            ..Latest::default()
        }));
        let metrics = Arc::new(refit_admin::Metrics::new());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let solo = SoloConfig {
            block_interval_millis: config.block_interval_ms,
            messages_per_block: config.messages_per_block,
            ..SoloConfig::default()
        };
        let driver = Driver::new(DriverParts {
            ordering: Box::new(Solo::new(solo, Tip::default())),
            store: store.clone(),
            replies: Replies::default(),
            intake: outlet,
            commands: command_sender.clone(),
            latest: latest.clone(),
            metrics: metrics.clone(),
            budget: config.handled_per_block,
        });
        let thread = std::thread::Builder::new().name("refit-driver".to_owned());
        let driver = thread.spawn(move || driver.run())?;
        let upgrades = Upgrades::new(
            loader,
            libraries,
            crew,
            (command_sender.clone(), command_receiver),
            intake.clone(),
            store,
            (config.workers, config.watch),
            metrics.clone(),
            Policy {
                rehearsal: config.rehearsal,
                max_pause: config.max_pause,
                pause_limit: config.pause_limit,
                quarantine: config.quarantine,
                on_stuck: config.on_stuck,
            },
        );
        Ok(Arc::new(Node {
            door: Door::new(),
            intake,
            commands: command_sender,
            latest,
            metrics,
            upgrades: Arc::new(upgrades),
            workers: config.workers,
            driver: Mutex::new(Some(driver)),
        }))
    }
}

fn ids(engines: &[EngineConfig]) -> Result<Vec<EngineId>, EngineIdError> {
    engines
        .iter()
        .map(|engine| EngineId::root(&engine.name))
        .collect()
}

/// Loads each file once, in the order in which the engines name them.
fn load(loader: &Loader, engines: &[EngineConfig]) -> Result<Vec<LoadedModule>, StartError> {
    let mut files: Vec<&PathBuf> = Vec::new();
    for engine in engines {
        if !files.contains(&&engine.library) {
            files.push(&engine.library);
        }
    }
    let open = |path: &PathBuf| {
        loader.load_file(path).map_err(|source| StartError::Module {
            path: path.clone(),
            source,
        })
    };
    files.into_iter().map(open).collect()
}

fn kinds(modules: &[LoadedModule]) -> Result<Vec<Kind>, StartError> {
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in modules.iter().flat_map(|loaded| loaded.module().kinds()) {
        let name = &kind.descriptor().kind;
        if kinds.iter().any(|other| other.descriptor().kind == *name) {
            return Err(StartError::TwoModules { kind: name.clone() });
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

/// One engine to start: id, kind, configuration.
type Start = (EngineId, String, String);

fn starts(
    engines: &[EngineConfig],
    ids: &[EngineId],
    modules: &[LoadedModule],
) -> Result<Vec<Start>, StartError> {
    let mut files: Vec<&PathBuf> = Vec::new();
    let mut starts = Vec::new();
    for (engine, id) in engines.iter().zip(ids) {
        if !files.contains(&&engine.library) {
            files.push(&engine.library);
        }
        let place = files
            .iter()
            .position(|file| **file == engine.library)
            .unwrap_or(0);
        let has: Vec<String> = modules[place]
            .module()
            .descriptor()
            .kinds
            .iter()
            .map(|kind| kind.kind.clone())
            .collect();
        let kind = match &engine.kind {
            Some(kind) => kind.clone(),
            None if has.len() == 1 => has[0].clone(),
            None if has.contains(&engine.name) => engine.name.clone(),
            None => {
                let (engine, path) = (engine.name.clone(), engine.library.clone());
                return Err(StartError::WhichKind {
                    engine,
                    path,
                    kinds: has,
                });
            }
        };
        let kinds = &modules[place].module().descriptor().kinds;
        let takes_nothing = kinds.iter().any(|of| of.kind == kind && takes_nothing(of));
        let config = match engine.config.as_str() {
            NOTHING_SAID if takes_nothing => "null".to_owned(),
            said => said.to_owned(),
        };
        starts.push((*id, kind, config));
    }
    Ok(starts)
}

/// The configuration of an engine of which nothing was said: a table without entries, because a
/// configuration file knows no `null`.
const NOTHING_SAID: &str = "{}";

/// Whether a kind is started with `()`, which in JSON is `null`.
fn takes_nothing(kind: &KindDescriptor) -> bool {
    kind.config == <() as State>::schema_id()
}

fn start_engines(
    commands: &crossbeam_channel::Sender<Command>,
    starts: Vec<Start>,
) -> Result<(), StartError> {
    let (done, outcome) = crossbeam_channel::bounded(1);
    let call = move |executor: &mut Executor| {
        let start = |(id, kind, config): &Start| {
            let config = (Codec::Json, config.as_bytes());
            executor.start(*id, kind, config, BlockFrame::default())
        };
        let _ = done.send(starts.iter().try_for_each(start));
    };
    let _ = commands.send(Command::Call(Box::new(call)));
    match outcome.recv() {
        Ok(outcome) => Ok(outcome?),
        // The crew is gone only if it panicked, which has been said already.
        Err(_) => Err(StartError::Threads(std::io::Error::other(
            "the crew has ended",
        ))),
    }
}

/// A section of grants for a kind that is misspelt would leave the real one with all that it declares.
fn warn_of_unknown_grants(table: &GenerationTable) {
    let descriptors = table.iter().map(|(_, entry)| entry.kind.descriptor());
    let kinds: Vec<_> = descriptors.map(|kind| kind.kind.as_str()).collect();
    for name in table.grants().unknown(&kinds) {
        tracing::warn!(
            "the grants name the kind `{name}`, which no engine has; they count for it once one comes"
        );
    }
}
