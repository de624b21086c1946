//! Starting a node: modules, first generation, crew, driver.

mod beginning;
mod bounds;
pub(crate) mod config;
pub(crate) mod folder;
mod going_on;
pub(crate) mod identity;
pub(crate) mod life;
mod load;
pub(crate) mod prepared;
pub(crate) mod trial;

use crate::answers::events::{self, Events};
use crate::blocks::driver::{Driver, DriverParts};
use crate::blocks::intake::{self, Door};
use crate::code::offered::Offered;
use crate::code::{CodeLock, armed};
use crate::known::latest::Latest;
use crate::known::released::Released;
use crate::known::standing::Standing;
use crate::known::tempo::Tempo;
use crate::limits::{ALARMS_MAX, REPLY_WAIT_MAX};
use crate::log::lines;
use crate::probation::{OnPanic, Probation};
use crate::recovery::RecoveryError;
use crate::recovery::checkpoints::{CheckpointParts, Checkpoints};
use crate::recovery::replaying::Replaying;
use crate::recovery::rolled_back::{self, Redo};
use crate::releases::{Builds, KeepError, ReleaseFolder};
use crate::serve::alarms;
use crate::serve::handle::Node;
use crate::serve::place::Place;
use crate::serve::trials::Trials;
use crate::snapshot::{Snapshots, SnapshotsParts};
use crate::start::config::{EngineConfig, NodeConfig, NodeParts};
use crate::trust::{Trust, TrustError};
use crate::upgrade::{NotBrought, Policy, Upgrades, UpgradesParts};
use crate::watch::{CREW_NAME, WatchParts, Watched, Watcher, tell_last};
use beginning::{Beginning, Engines};
use parking_lot::Mutex;
use prepared::{BehindLog, Prepared};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::{EngineId, EngineIdError};
use refit_admin::{ANSWERS_BYTES_MAX, Moment, Room};
use refit_kernel::{Duty, Executor, GenerationTable};
use refit_loader::{Loader, OpenError};
use refit_ordering::{BlockSource, Solo, SoloConfig};
use refit_store::Store;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
        /// The error.
        source: OpenError,
    },
    /// The module does not say which kind is meant.
    #[error("engine `{engine}`: {} has the kinds {}, and none has the engine's name", path.display(), kinds.join(", "))]
    WhichKind {
        /// The engine.
        engine: String,
        /// The file.
        path: PathBuf,
        /// The kinds it has.
        kinds: Vec<String>,
    },
    /// Two modules have the same kind.
    #[error(
        "{} and {} differ and both have the engine kind `{kind}`; a node has one code for each kind",
        paths[0].display(),
        paths[1].display()
    )]
    TwoModules {
        /// The name of the engine kind.
        kind: String,
        /// The files.
        paths: Box<[PathBuf; 2]>,
    },
    /// An engine did not start.
    #[error(transparent)]
    Engine(#[from] refit_kernel::StartError),
    /// Under its bounds the node would do nothing.
    #[error(transparent)]
    Parameters(#[from] refit_kernel::ParametersError),
    /// It is configured beyond a bound.
    #[error("`{name}` is {value}; at most {most} is taken")]
    Beyond {
        /// The name of the setting.
        name: &'static str,
        /// As it is configured.
        value: u64,
        /// The most that it may be.
        most: u64,
    },
    /// Replies would be held back for longer than clients wait.
    #[error(
        "a probation of {blocks} blocks holds replies back for up to {} s on an idle node; clients wait {} s, and it must \
         fit into half of that", .holds.as_secs_f32(), REPLY_WAIT_MAX.as_secs()
    )]
    HoldsTooLong {
        /// Blocks of a probation.
        blocks: u64,
        /// The time that they take when nothing is asked.
        holds: Duration,
    },
    /// The system gave no thread.
    #[error("the system starts no more threads: {0}")]
    Threads(#[from] std::io::Error),
    /// It does not go on from its data folder.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The configured code does not come in.
    #[error(transparent)]
    NotBrought(#[from] NotBrought),
    /// What it knows of whom it trusts is not had, or does not go with the configuration.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The folder of its releases is not had.
    #[error(transparent)]
    Releases(#[from] KeepError),
    /// The node was told to stop before its engines had started.
    #[error("the node was told to end before its engines had started")]
    Ended,
}

impl Explain for StartError {
    fn code(&self) -> &str {
        match self {
            StartError::Loader(_) => codes::INTERPOSERS_MISSING,
            StartError::Name(_) => codes::ENGINE_NAME,
            StartError::Module { source, .. } => source.code(),
            StartError::WhichKind { .. } => codes::KIND_UNCLEAR,
            StartError::TwoModules { .. } => codes::KIND_TWICE,
            StartError::Engine(_) => codes::ENGINE_START,
            StartError::Parameters(error) => error.code(),
            StartError::Beyond { .. } => codes::BEYOND_BOUND,
            StartError::HoldsTooLong { .. } => codes::PROBATION_HOLDS_TOO_LONG,
            StartError::Threads(_) => codes::NO_THREADS,
            StartError::Recovery(error) => error.code(),
            StartError::NotBrought(error) => error.code(),
            StartError::Trust(error) => error.code(),
            StartError::Releases(error) => error.code(),
            StartError::Ended => codes::NODE_ENDED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            StartError::Loader(_) => "start the node with the `refit` program",
            StartError::Module { source, .. } => return source.next(),
            StartError::Recovery(error) => return error.next(),
            StartError::NotBrought(error) => return error.next(),
            StartError::Trust(error) => return error.next(),
            StartError::Releases(error) => return error.next(),
            StartError::Threads(_) => {
                "raise the limit of processes (ulimit -u), or set fewer workers"
            }
            StartError::Ended => "start it again",
            StartError::WhichKind { .. } => {
                "give the engine a kind's name, or say which with `kind = …` beside its `name` in the configuration file"
            }
            StartError::TwoModules { .. } => "name the same file for all engines of the kind",
            StartError::HoldsTooLong { .. } => {
                "set fewer probation_blocks (at most 15: an idle node makes one block a second), or probation_replies = \"leave\""
            }
            _ => "mend the configuration and start again",
        })
    }
}

impl Node {
    /// Starts a node. Blocks until its engines have started.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start(config: NodeConfig) -> Result<Arc<Self>, StartError> {
        Self::start_with(config, NodeParts::default())
    }

    /// As [`Node::start`], with a block source, a store and a clock of the caller's.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start_with(config: NodeConfig, parts: NodeParts) -> Result<Arc<Self>, StartError> {
        Self::prepare_with(config, parts)?.start()
    }

    /// Makes a node without its engines: until they start it answers or refuses requests, and waits for no engine.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn prepare(config: NodeConfig) -> Result<Prepared, StartError> {
        Self::prepare_with(config, NodeParts::default())
    }

    /// As [`Node::prepare`], with a block source, a store and a clock of the caller's.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn prepare_with(config: NodeConfig, parts: NodeParts) -> Result<Prepared, StartError> {
        // Before anything is started: nothing has to be undone for a value that is out of bounds.
        config.check()?;
        // Before code of engines is loaded: a panic in it becomes a line that names the engine.
        lines::listen();
        let loader = Loader::with_copies_in(config.probe.clone(), config.copies.clone())?;
        let NodeParts {
            source,
            store,
            clock,
        } = parts;
        let Beginning {
            table,
            parameters,
            libraries,
            ground,
            code,
            engines,
            on_probation,
            identity,
            states,
        } = Beginning::find(&config, &loader, &*store)?;
        let trust = Arc::new(Trust::open(
            store.clone(),
            config.keyset.as_deref(),
            config.builders.clone(),
        )?);
        let releases = config.data_dir.as_deref().map(ReleaseFolder::open);
        let releases = releases.transpose()?;
        let on_panic = config.on_panic();
        let probation = Probation::of_folder(on_probation, store.archive(), config.replies);
        let probation = Arc::new(probation.map_err(RecoveryError::from)?);
        let (branches, redo) = rolled_back::branches(&*store)?;
        let one_by_one = redo.as_ref().map(Redo::one_by_one).unwrap_or_default();
        let anew = redo.as_ref().map(Redo::through).unwrap_or_default();
        if let (Some(redo), Some(archive)) = (&redo, store.archive()) {
            probation.revises(redo.revision(archive)?);
        }
        tell_last(&config.stuck_list);
        let watched = Arc::new(Watched::default());
        let duty = Duty::park(&format!("{CREW_NAME}1"), config.workers)?;
        // Before the first call into an engine: an `init` that does not return is seen too.
        if let Some(records) = duty.records() {
            watched.on_duty(records);
        }
        let duty = Arc::new(duty);
        watched.runs(&table);
        let standing = Arc::new(Standing::beginning(&parameters));
        let moment = Moment {
            height: ground.tip.height,
            generation: table.number(),
        };
        let released = Arc::new(Released::beginning(moment, store.archive().is_some()));
        if let Engines::Roots { .. } = engines {
            let mut executor = Executor::with_parameters(table.clone(), parameters);
            executor.check_faults(config.check_faults);
            duty.begin(executor);
        }
        let (intake, outlet) = intake::channel();
        let latest = Arc::new(Mutex::new(Latest {
            height: moment.height,
            time: ground.tip.time,
            generation: moment.generation,
            branch: ground.branch,
            starting: true,
            tempo: Tempo::new(Duration::from_millis(config.idle_interval_ms)),
            ..Latest::default()
        }));
        let metrics = Arc::new(refit_admin::Metrics::new());
        // Shown from the start, before there is a block.
        metrics.set_generation(table.number());
        config.quarantine.tell(metrics.clone());
        let is_solo = source.is_none();
        // Blocks that others decide leave no room for an upgrade that only this node knows.
        let configured = match config.brings_code && is_solo && store.archive().is_some() {
            true => libraries_of(&config.engines),
            false => Vec::new(),
        };
        let behind = BehindLog {
            configured,
            is_solo,
        };
        let source = source.unwrap_or_else(|| Box::new(solo(&config)));
        // It is told of each upgrade of the log, its end, and whether it can be read.
        let (tell, heard) = crossbeam_channel::unbounded();
        let source: Box<dyn BlockSource> = match engines {
            // They are there, or they begin again under a log that is there.
            Engines::Kept(_) | Engines::Roots { first: None, .. } if store.archive().is_some() => {
                let replaying = Replaying::new(store.clone(), redo, source, tell);
                let comes = behind.has_code() || takes_up(&*store, is_solo)?;
                Box::new(replaying.holding(comes))
            }
            _ => source,
        };
        let watcher = Watcher::spawn(WatchParts {
            watched: watched.clone(),
            limit: config.call_limit,
            list: config.stuck_list,
            store: store.clone(),
            latest: latest.clone(),
            metrics: metrics.clone(),
        })?;
        let Events {
            log: events,
            writer,
        } = events::log(ground.branch, moment.height);
        // One word is enough: whoever hears it takes all that came by then.
        let (checkpoints, due) = crossbeam_channel::bounded(1);
        let (tell_alarms, alarms) = crossbeam_channel::bounded(ALARMS_MAX);
        let driver = Driver::new(DriverParts {
            source,
            clock: clock.clone(),
            store: store.clone(),
            ground,
            standing: standing.clone(),
            released: released.clone(),
            intake: outlet,
            duty: duty.clone(),
            latest: latest.clone(),
            metrics: metrics.clone(),
            events: writer,
            checkpoints,
            probation: probation.clone(),
            takes_back: on_panic == OnPanic::RollBack,
            one_by_one,
            anew,
            alarms: tell_alarms.clone(),
            branches,
            states,
        });
        let thread = std::thread::Builder::new().name("refit-driver".to_owned());
        let driver = thread.spawn(move || driver.run())?;
        let code_lock = Arc::new(CodeLock::default());
        let upgrades = Arc::new(Upgrades::new(UpgradesParts {
            loader,
            libraries,
            generation: moment.generation,
            height: moment.height,
            code: code_lock.clone(),
            probation: probation.clone(),
            duty: duty.clone(),
            intake: intake.clone(),
            store: store.clone(),
            offered: Offered::begin(place_of(config.data_dir.as_deref(), "offered")),
            watch: config.watch,
            metrics: metrics.clone(),
            watched: watched.clone(),
            standing: standing.clone(),
            clock,
            trust,
            releases: releases.map(Arc::new),
            builds: Arc::new(Builds::new(config.build)),
            policy: Policy {
                rehearsal: config.rehearsal,
                max_pause: config.max_pause,
                refuses_new_capabilities: config.refuses_new_capabilities,
                pause_limit: config.pause_limit,
                quarantine: config.quarantine,
                // Blocks that others have decided are never made anew.
                probation_blocks: match store.archive() {
                    Some(_) if is_solo => config.probation_blocks,
                    _ => 0,
                },
                max_downtime: config.max_downtime,
                on_offline: match store.archive() {
                    Some(_) if is_solo => config.on_offline,
                    _ => None,
                },
                on_stuck: config.on_stuck,
            },
        }));
        let checkpoints = Checkpoints::begin(CheckpointParts {
            store: store.clone(),
            intake: intake.clone(),
            upgrades: upgrades.clone(),
            code: code_lock,
            due,
        })?;
        let snapshots = Snapshots::new(SnapshotsParts {
            folder: config.data_dir.clone().unwrap_or(config.copies),
            identity: identity.to_bytes(),
            store: store.clone(),
            intake: intake.clone(),
            upgrades: upgrades.clone(),
        });
        let node = Arc::new(Node {
            snapshots,
            door: Door::new(),
            intake,
            duty,
            latest,
            standing,
            metrics,
            events,
            upgrades,
            released,
            store,
            probation,
            on_roll_back: config.on_roll_back,
            alarms: tell_alarms,
            trials: Trials {
                command: config.trial,
                folder: place_of(config.data_dir.as_deref(), "trial"),
                on_panic,
                trying: Mutex::default(),
            },
            checkpoints: Mutex::new(Some(checkpoints)),
            life: life::begin(),
            place: Place::new(config.data_dir),
            answers: Room::new(ANSWERS_BYTES_MAX),
            driver: Mutex::new(Some(driver)),
            watched,
            _watcher: watcher,
            known: Mutex::new(None),
        });
        alarms::watch(Arc::downgrade(&node), alarms)?;
        // If an `init` does not return the crew answers nobody: this is what a status says then.
        node.know_at_start(&table);
        Ok(Prepared {
            node,
            engines,
            heard,
            code,
            behind,
        })
    }
}

/// The libraries of these engines.
fn libraries_of(engines: &[EngineConfig]) -> Vec<PathBuf> {
    engines
        .iter()
        .map(|engine| engine.library.clone())
        .collect()
}

/// Whether a start may go on with an upgrade before the block that follows its log. Where others decide the blocks, that is
/// only one for which the node has stopped: theirs must come meanwhile.
fn takes_up(store: &dyn Store, is_solo: bool) -> Result<bool, StartError> {
    let Some(archive) = store.archive() else {
        return Ok(false);
    };
    let recorded = armed::all(archive).map_err(RecoveryError::from)?;
    Ok(recorded.iter().any(|it| is_solo || it.armed.is_offline()))
}

/// Solo ordering as the configuration says.
fn solo(config: &NodeConfig) -> Solo {
    Solo::new(SoloConfig {
        block_interval_millis: config.block_interval_ms,
        idle_interval_millis: config.idle_interval_ms,
        messages_per_block: config.messages_per_block,
        ..SoloConfig::default()
    })
}

/// Where a node keeps what it needs for a while: in its folder, if it has one.
fn place_of(data_dir: Option<&Path>, name: &str) -> PathBuf {
    match data_dir {
        Some(folder) => folder.join(name),
        None => std::env::temp_dir().join(format!("refit-{name}-{}", std::process::id())),
    }
}

fn ids(engines: &[EngineConfig]) -> Result<Vec<EngineId>, EngineIdError> {
    engines
        .iter()
        .map(|engine| EngineId::root(&engine.name))
        .collect()
}

/// A section of grants for a kind that is misspelt would leave the real one with all that it declares.
fn warn_of_unknown_grants(table: &GenerationTable) {
    let descriptors = table.iter().map(|(_, entry)| entry.kind.descriptor());
    let kinds: Vec<_> = descriptors.map(|kind| kind.kind.as_str()).collect();
    for name in table.grants().unknown(&kinds) {
        tracing::warn!(
            "the grants name the kind `{name}`, which no engine has; they take effect once an engine of that kind starts"
        );
    }
}
