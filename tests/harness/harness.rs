//! [`Harness`]: one node in this process, and what a test does to it.

use crate::{Withdraw, Workshop, own_copy};
use parking_lot::Mutex;
use refit_abi::host::Explain;
use refit_abi::{EngineId, Generation, Height};
use refit_admin::api::{
    EngineRestarted, ParameterChange, ParametersReport, RehearsalReport, Status, UpgradeAccepted,
    UpgradeReport,
};
use refit_admin::{
    ApplyOptions, Bytes, CarriedOut, Entrance, Node as _, OrderedBy, Refusal, Replied,
};
use refit_loader::{Loader, OpenError};
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts};
use refit_upgrade::{Live, LiveKind, OfferedModule, Plan, PlanError};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The longest time that an upgrade may take in a test, from its plan to the retired code.
pub const UPGRADE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Times that a busy node is asked how it is.
const STATUS_TRIES_MAX: usize = 240;

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(1);

/// Longest life of an idle thread of the runtime: longer than any test, so that counts are steady.
const IDLE_THREAD_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why a plan was not made or not taken on: what an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The stable name.
    pub code: String,
    /// The error, in a sentence.
    pub detail: String,
    /// The next step.
    pub next: String,
}

/// One node and the folder of its module files.
#[derive(Debug)]
pub struct Harness {
    node: Arc<Node>,
    runtime: Runtime,
    workshop: Workshop,
    folder: TempDir,
    watch: Arc<Mutex<Withdraw>>,
}

impl Harness {
    /// Starts a node with these root engines, each a name, its kind and the module that has it.
    pub fn start(workshop: &Workshop, engines: &[(&str, &str, &Path)]) -> Self {
        Self::start_with(workshop, engines, |_| ())
    }

    /// As [`Harness::start`], with a changed configuration.
    ///
    /// Each module is brought in as a copy of its own, so that its mappings are this node's alone.
    ///
    /// # Panics
    /// If the node does not start.
    pub fn start_with(
        workshop: &Workshop,
        engines: &[(&str, &str, &Path)],
        configure: impl FnOnce(&mut NodeConfig),
    ) -> Self {
        Self::start_on(workshop, engines, NodeParts::default(), configure)
    }

    /// As [`Harness::start_with`], with a block source, a store and a clock of the test's.
    ///
    /// # Panics
    /// If the node does not start.
    pub fn start_on(
        workshop: &Workshop,
        engines: &[(&str, &str, &Path)],
        parts: NodeParts,
        configure: impl FnOnce(&mut NodeConfig),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut copies: Vec<(&Path, PathBuf)> = Vec::new();
        let mut configured = Vec::new();
        for (name, kind, library) in engines {
            if !copies.iter().any(|(original, _)| original == library) {
                copies.push((library, own_copy(library, folder.path())));
            }
            let copy = copies
                .iter()
                .find(|(original, _)| original == library)
                .unwrap();
            configured.push(EngineConfig {
                name: (*name).to_owned(),
                kind: Some((*kind).to_owned()),
                library: copy.1.clone(),
                config: "{}".to_owned(),
            });
        }
        let watch = Arc::new(Mutex::new(Withdraw::default()));
        let mut config = NodeConfig::new(configured, workshop.probe());
        config.watch = watch.clone();
        configure(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(1)
            .thread_keep_alive(IDLE_THREAD_MAX)
            .enable_time()
            .build()
            .unwrap();
        let node = Node::start_with(config, parts).unwrap();
        Self {
            node,
            runtime,
            workshop: workshop.clone(),
            folder,
            watch,
        }
    }

    /// The node itself.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The runtime on which this harness waits.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The watch of the node's upgrades.
    pub fn watch(&self) -> &Mutex<Withdraw> {
        &self.watch
    }

    /// A folder for files of this test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A copy of `library` that no other node has.
    pub fn own_copy(&self, library: &Path) -> PathBuf {
        own_copy(library, self.folder.path())
    }

    /// Sends a message that is not meant to be repeated.
    ///
    /// # Errors
    /// The refusal that the client gets.
    pub fn send(&self, engine: &str, message: Value) -> Result<Replied, Refusal> {
        let bytes = Bytes::from(message.to_string());
        self.runtime
            .block_on(self.node.send(id(engine), Entrance::UNIX, None, bytes))
    }

    /// Sends a message under the idempotency key `CLIENT/SEQUENCE`.
    ///
    /// # Errors
    /// The refusal that the client gets.
    pub fn send_keyed(&self, engine: &str, key: &str, message: Value) -> Result<Replied, Refusal> {
        let (request, bytes) = (key.parse().unwrap(), Bytes::from(message.to_string()));
        self.runtime.block_on(
            self.node
                .send(id(engine), Entrance::UNIX, Some(request), bytes),
        )
    }

    /// Asks an engine something; gives its answer as JSON.
    ///
    /// # Errors
    /// The refusal that the client gets.
    pub fn query(&self, engine: &str, query: Value) -> Result<Value, Refusal> {
        let bytes = Bytes::from(query.to_string());
        let answer = self.runtime.block_on(self.node.query(id(engine), bytes))?;
        Ok(serde_json::from_slice(&answer.body).unwrap())
    }

    /// The node's status; asked again as long as it is busy and would report its engines as they were before.
    pub fn status(&self) -> Status {
        let look = || {
            let status = self.node.status().ok();
            status.filter(|status| status.engines_at.is_none() || status.stuck.is_some())
        };
        let looked = (0..STATUS_TRIES_MAX).find_map(|_| look());
        looked.unwrap()
    }

    /// The live generation.
    pub fn generation(&self) -> Generation {
        self.status().generation
    }

    /// Every engine's state as bytes.
    pub fn states(&self) -> Vec<(EngineId, Vec<u8>)> {
        self.node.states().unwrap()
    }

    /// The generation that a plan starts from.
    pub fn live(&self) -> Live {
        let status = self.status();
        let kinds = status.kinds.into_iter();
        let kinds = kinds.map(|kind| LiveKind {
            descriptor: kind.descriptor,
            artifact: kind.artifact,
        });
        Live {
            generation: status.generation,
            kinds: kinds.collect(),
        }
    }

    /// The module at `path` as a candidate to replace `kind`, inspected and probed as the command
    /// line does.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    pub fn candidate(&self, kind: &str, path: &Path) -> Result<OfferedModule, Reason> {
        let loader = Loader::new(self.workshop.probe()).unwrap();
        let probed = loader.probe_file(path)?;
        Ok(OfferedModule {
            path: path.to_str().unwrap().to_owned(),
            artifact: probed.staged().id().to_string(),
            meant: Some(kind.to_owned()),
            descriptor: probed.verdict().descriptor().clone(),
            outside: probed.staged().inspection().outside_words(),
        })
    }

    /// Plans to replace kinds by the modules at these paths.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    pub fn plan(
        &self,
        modules: &[(&str, &Path)],
        at_height: Option<Height>,
    ) -> Result<Plan, Reason> {
        let candidates = modules
            .iter()
            .map(|(kind, path)| self.candidate(kind, path));
        let candidates = candidates.collect::<Result<Vec<_>, _>>()?;
        Ok(Plan::make(&self.live(), &candidates, at_height)?)
    }

    /// Hands a plan's text to the node.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    pub fn begin(&self, plan: String) -> Result<u64, Refusal> {
        self.begin_with(plan, ApplyOptions::default())
    }

    fn begin_with(&self, plan: String, options: ApplyOptions) -> Result<u64, Refusal> {
        let applied = self
            .node
            .apply(Bytes::from(plan), OrderedBy::default(), options);
        Ok(self.runtime.block_on(applied)?.id)
    }

    /// Hands a plan's text to the node under the idempotency key `CLIENT/SEQUENCE`.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    ///
    /// # Panics
    /// If the key is none.
    pub fn begin_keyed(
        &self,
        key: &str,
        plan: String,
        options: ApplyOptions,
    ) -> Result<UpgradeAccepted, Refusal> {
        let applied = self.node.apply(Bytes::from(plan), by(key), options);
        self.runtime.block_on(applied)
    }

    /// Sets a parameter, under the idempotency key `CLIENT/SEQUENCE`; an empty one is none.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    ///
    /// # Panics
    /// If the key is none and is not empty.
    pub fn set(
        &self,
        key: &str,
        name: &str,
        value: u64,
    ) -> Result<CarriedOut<ParametersReport>, Refusal> {
        let change = ParameterChange {
            set: [(name.to_owned(), value)].into(),
            ..ParameterChange::default()
        };
        let set = self.node.set_parameters(change, by(key));
        self.runtime.block_on(set)
    }

    /// Starts an engine afresh, under a key as [`Harness::set`] takes it.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    ///
    /// # Panics
    /// As [`Harness::set`], or if the name is none.
    pub fn restart(&self, key: &str, engine: &str) -> Result<CarriedOut<EngineRestarted>, Refusal> {
        let restart = self.node.restart(engine.parse().unwrap(), by(key));
        self.runtime.block_on(restart)
    }

    /// Hands a plan to the node to be rehearsed alone.
    ///
    /// # Errors
    /// The refusal that the operator gets, if it is not rehearsed.
    pub fn rehearse(&self, plan: &Plan) -> Result<RehearsalReport, Refusal> {
        let plan = Bytes::from(serde_json::to_vec(plan).unwrap());
        self.runtime.block_on(self.node.rehearse(plan))
    }

    /// Hands a plan to the node and waits for the upgrade's end.
    ///
    /// # Errors
    /// The refusal that the operator gets, if it is not taken on.
    pub fn apply(&self, plan: &Plan) -> Result<UpgradeReport, Refusal> {
        self.apply_with(plan, ApplyOptions::default())
    }

    /// As [`Harness::apply`], with options.
    ///
    /// # Errors
    /// The refusal that the operator gets, if it is not taken on.
    pub fn apply_with(&self, plan: &Plan, options: ApplyOptions) -> Result<UpgradeReport, Refusal> {
        let id = self.begin_with(serde_json::to_string(plan).unwrap(), options)?;
        Ok(self.ended(id))
    }

    /// Takes an upgrade back; `None` if the node does not know it.
    ///
    /// # Errors
    /// The refusal that the operator gets.
    pub fn cancel(&self, id: u64) -> Result<Option<UpgradeReport>, Refusal> {
        self.node.cancel_upgrade(id)
    }

    /// The node's report of an upgrade.
    ///
    /// # Panics
    /// If the node does not know it.
    pub fn node_report(&self, id: u64) -> UpgradeReport {
        self.node.upgrade(id).unwrap()
    }

    /// Waits until an upgrade has ended and its modules, old or new, are retired.
    ///
    /// # Panics
    /// If it takes longer than [`UPGRADE_WAIT_MAX`].
    pub fn ended(&self, id: u64) -> UpgradeReport {
        let deadline = Instant::now() + UPGRADE_WAIT_MAX;
        loop {
            let report = self.node.upgrade(id).unwrap();
            if report.state.is_final() && self.status().upgrade.is_none() {
                return self.node.upgrade(id).unwrap();
            }
            assert!(
                Instant::now() < deadline,
                "upgrade {id} does not end: {report:?}"
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Plans, applies and waits.
    ///
    /// # Panics
    /// If it is not planned or not taken on.
    pub fn upgrade(&self, kind: &str, path: &Path) -> UpgradeReport {
        let plan = self.plan(&[(kind, path)], None).unwrap();
        self.apply(&plan).unwrap()
    }

    /// Waits until the node has executed the block at `height`.
    ///
    /// # Panics
    /// If it takes longer than [`UPGRADE_WAIT_MAX`].
    pub fn wait_for_height(&self, height: Height) {
        let deadline = Instant::now() + UPGRADE_WAIT_MAX;
        while self.status().height < height {
            assert!(Instant::now() < deadline, "height {height} does not come");
            std::thread::sleep(LOOK);
        }
    }
}

fn id(engine: &str) -> EngineId {
    engine.parse().unwrap()
}

impl From<OpenError> for Reason {
    fn from(error: OpenError) -> Self {
        let (code, next) = (error.code().to_owned(), error.next().into_owned());
        Self {
            code,
            detail: error.to_string(),
            next,
        }
    }
}

impl From<PlanError> for Reason {
    fn from(error: PlanError) -> Self {
        let (code, next) = (error.code().to_owned(), error.next().into_owned());
        Self {
            code,
            detail: error.to_string(),
            next,
        }
    }
}

/// The key of an order, as the node takes it; an empty text is no key.
fn by(key: &str) -> OrderedBy {
    OrderedBy {
        request: (!key.is_empty()).then(|| key.parse().unwrap()),
        ..OrderedBy::default()
    }
}
