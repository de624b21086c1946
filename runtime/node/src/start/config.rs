//! [`NodeConfig`]: the configuration of a node, and [`NodeParts`], its block source and clock.

use crate::blocks::clock::{Clock, SystemClock};
use crate::code::quarantine::Quarantine;
use crate::limits::{CALL_LIMIT, PAUSE_LIMIT, PROBATION_BLOCKS};
use crate::pause::watchdog::OnStuck;
use crate::probation::{OnPanic, OnRollBack, Replies};
use crate::rehearsal::RehearsalCommand;
use crate::releases::BuildCommand;
use crate::watch::StuckList;
use parking_lot::Mutex;
use refit_kernel::limits::WORKERS_MAX;
use refit_kernel::{BlockBounds, Grants, Parameters};
use refit_loader::ProbeCommand;
use refit_ordering::{BLOCK_INTERVAL_MILLIS, BlockSource, IDLE_INTERVAL_MILLIS};
use refit_release::Quorum;
use refit_store::{DiskStore, MemoryStore, Steps, Store};
use refit_upgrade::{Unwatched, Watch};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The configuration of a node.
pub struct NodeConfig {
    /// The chain's name. Nodes are on one chain if they begin with the same name and engines.
    pub chain: String,
    /// The root engines, in the order in which they start.
    pub engines: Vec<EngineConfig>,
    /// Worker threads of a crew.
    pub workers: usize,
    /// Time in which a block fills while many messages come, in milliseconds; few are given their blocks at once.
    pub block_interval_ms: u64,
    /// Time between two blocks that are made only because a height is awaited, in milliseconds.
    pub idle_interval_ms: u64,
    /// Messages that one block takes in, at most.
    pub messages_per_block: usize,
    /// Messages that one block handles, at most; what is left waits for the next.
    pub handled_per_block: u64,
    /// Whether an engine's state is compared before and after each message that it answers with a fault. It costs
    /// the writing of a state for each message: for development.
    pub check_faults: bool,
    /// The grants: what engines of a kind may do to those of other kinds.
    pub grants: Grants,
    /// Whether a node that goes on from a data folder may be configured with other code than the folder has: what is
    /// live there starts in any case.
    pub live_code: bool,
    /// Whether the code that is configured comes in at the start, if other code is live: as an upgrade, before the node
    /// serves. Of a folder that has begun; [`live_code`](Self::live_code) is implied.
    pub brings_code: bool,
    /// How the loader probes a module.
    pub probe: ProbeCommand,
    /// The folder for private copies of modules, if the system runs none from memory.
    pub copies: PathBuf,
    /// How upgrades are rehearsed in a child process before they happen; not at all if absent.
    pub rehearsal: Option<RehearsalCommand>,
    /// Refuses an upgrade whose rehearsal took a longer pause; an apply may set another bound.
    pub max_pause: Option<Duration>,
    /// Whether code that may do more than the live code is refused, unless its plan allows it.
    pub refuses_new_capabilities: bool,
    /// A pause that lasts longer counts as one that does not end: the code goes into quarantine and `on_stuck` is
    /// called. If the states of the upgrade before take as long to settle, the next upgrade is let go before its
    /// pause.
    pub pause_limit: Duration,
    /// A call into an engine that lasts longer is reported as one that does not return.
    pub call_limit: Duration,
    /// The calls that did not return, kept for the next start.
    pub stuck_list: StuckList,
    /// The folder that the node keeps its lists in, for whoever asks how it is.
    pub data_dir: Option<PathBuf>,
    /// Code that does not come in again.
    pub quarantine: Quarantine,
    /// The bytes of the keyset that the node begins with: whose signatures make a release. One that it has come to since goes
    /// over it. Absent: the node goes by the one that it has, or takes no releases.
    pub keyset: Option<Vec<u8>>,
    /// How a release that came as source is built; not at all if absent.
    pub build: Option<BuildCommand>,
    /// Builders of whom enough must have attested a release's library before it is used. Absent: nobody is asked.
    pub builders: Option<Quorum>,
    /// For so many blocks after an upgrade the node can be rolled back, if its store outlives it; 0: not at all.
    pub probation_blocks: u64,
    /// How a roll-back is tried before it is done; not at all if absent: then no panic rolls the node back.
    pub trial: Option<RehearsalCommand>,
    /// What a panic of an engine's does meanwhile. Absent: the generation is taken back while its replies are held, else
    /// the engine is poisoned.
    pub on_panic: Option<OnPanic>,
    /// When the replies of a generation on probation leave.
    pub replies: Replies,
    /// Is called once a roll-back is decided: stop the node and start it again on the same folder, which carries it out.
    pub on_roll_back: Option<Arc<OnRollBack>>,
    /// The longest time without service that an upgrade for which the node stops may need, by its rehearsal; 0: no upgrade
    /// stops the node. If absent, such an upgrade is done when an operator orders it, and only then.
    pub max_downtime: Option<Duration>,
    /// Is called once the node has stopped for an upgrade: stop it, and start it again on the same folder, which carries the
    /// upgrade out. If absent, plans for which it would stop are refused.
    pub on_offline: Option<Arc<OnRollBack>>,
    /// Is called once, on a thread that is not the crew's, when a pause is stuck. A transition cannot
    /// be stopped inside the process: restart it. If this returns, the node waits on, and gives the
    /// upgrade up should the transition return after all.
    pub on_stuck: Option<Arc<OnStuck>>,
    /// Gets each phase of each upgrade, and may withdraw it.
    pub watch: Arc<Mutex<dyn Watch>>,
}

/// Worker threads of a crew, unless the configuration says how many: one for each processor.
pub fn workers() -> usize {
    let processors = std::thread::available_parallelism();
    processors.map_or(1, usize::from).min(WORKERS_MAX)
}

/// The name of a chain to which none was given.
pub(crate) const CHAIN: &str = "solo";

/// One root engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Its name: the id under which clients reach it.
    pub name: String,
    /// Its kind; if absent, the module's only kind, or the one of the same name.
    pub kind: Option<String>,
    /// The library that has the kind.
    pub library: PathBuf,
    /// Its configuration, as JSON.
    pub config: String,
}

impl NodeConfig {
    /// The first parameters of the chain; later ones come with blocks.
    pub(crate) fn parameters(&self) -> Parameters {
        Parameters {
            block: BlockBounds {
                messages: self.handled_per_block,
                ..BlockBounds::default()
            },
            ..Parameters::granting(self.grants.clone())
        }
    }

    /// What a panic on probation does: while nobody was told anything, taking the generation back costs nothing.
    pub(crate) fn on_panic(&self) -> OnPanic {
        self.on_panic.unwrap_or(match self.replies {
            Replies::Held => OnPanic::RollBack,
            Replies::Leave => OnPanic::Poison,
        })
    }

    /// Has `watch` get each phase of each upgrade.
    pub fn watch_with(&mut self, watch: impl Watch + 'static) {
        self.watch = Arc::new(Mutex::new(watch));
    }

    /// A node of these engines with defaults for the rest.
    pub fn new(engines: Vec<EngineConfig>, probe: ProbeCommand) -> Self {
        Self {
            chain: CHAIN.to_owned(),
            engines,
            workers: workers(),
            block_interval_ms: BLOCK_INTERVAL_MILLIS,
            idle_interval_ms: IDLE_INTERVAL_MILLIS,
            messages_per_block: 8_192,
            handled_per_block: 1 << 20,
            check_faults: false,
            grants: Grants::default(),
            live_code: false,
            brings_code: false,
            probe,
            copies: std::env::temp_dir(),
            rehearsal: None,
            max_pause: None,
            refuses_new_capabilities: false,
            pause_limit: PAUSE_LIMIT,
            call_limit: CALL_LIMIT,
            stuck_list: StuckList::in_memory(),
            data_dir: None,
            quarantine: Quarantine::in_memory(),
            keyset: None,
            build: None,
            builders: None,
            probation_blocks: PROBATION_BLOCKS,
            trial: None,
            on_panic: None,
            replies: Replies::default(),
            on_roll_back: None,
            max_downtime: None,
            on_offline: None,
            on_stuck: None,
            watch: Arc::new(Mutex::new(Unwatched)),
        }
    }
}

/// The source and destination of a node's blocks, and its clock: they differ between a node that makes its own blocks
/// in memory and one that plays fixed ones.
pub struct NodeParts {
    /// Decides blocks; solo ordering as the configuration says if absent.
    pub source: Option<Box<dyn BlockSource>>,
    /// Keeps them.
    pub store: Arc<dyn Store>,
    /// Times them.
    pub clock: Arc<dyn Clock>,
}

impl Default for NodeParts {
    fn default() -> Self {
        Self {
            source: None,
            store: Arc::new(MemoryStore::default()),
            clock: Arc::new(SystemClock),
        }
    }
}

impl NodeParts {
    /// Solo ordering and the machine's clock, over a store in this folder: a node that starts with it goes on where the
    /// one before it ended.
    ///
    /// # Errors
    /// [`OpenError`](refit_store::OpenError).
    pub fn on_disk(folder: &Path) -> Result<Self, refit_store::OpenError> {
        Ok(Self {
            store: Arc::new(DiskStore::open(folder)?),
            ..Self::default()
        })
    }
}

impl NodeParts {
    /// As [`NodeParts::on_disk`], and `steps` hears of each step on the way of something to the disk.
    ///
    /// # Errors
    /// [`OpenError`](refit_store::OpenError).
    pub fn on_disk_heard(
        folder: &Path,
        steps: Arc<dyn Steps>,
    ) -> Result<Self, refit_store::OpenError> {
        Ok(Self {
            store: Arc::new(DiskStore::open_heard(folder, steps)?),
            ..Self::default()
        })
    }
}

impl fmt::Debug for NodeParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeParts")
            .field("solo", &self.source.is_none())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("engines", &self.engines)
            .field("workers", &self.workers)
            .field("block_interval_ms", &self.block_interval_ms)
            .finish_non_exhaustive()
    }
}
