//! [`Testkit`]: engines and blocks that a test drives.

use crate::address::Address;
use crate::codec;
use crate::effects::Effects;
use crate::look::Invariant;
use crate::modules::Modules;
use crate::node::Node;
use refit_abi::export::LinkedModule;
use refit_abi::host::BlockFrame;
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, Capability, ClientId, Engine, EngineId, Height};
use refit_kernel::{Configuration, QueryError, StartError};
use std::fmt;
use std::sync::OnceLock;

/// Time between two blocks, in milliseconds, unless the test sets another.
const BLOCK_INTERVAL_MS: u64 = 1_000;

/// Engines and blocks, with a test at the controls: what a node does with them, and no node.
///
/// ```
/// # mod counter {
/// #     use refit_abi::{Context, Engine, Fault, Sender, State, Serialize, Deserialize};
/// #     #[derive(Default, State, Serialize, Deserialize)]
/// #     pub struct Counter { pub count: u64 }
/// #     impl Engine for Counter {
/// #         const KIND: &'static str = "counter";
/// #         type Config = ();
/// #         type Message = u64;
/// #         type Reply = u64;
/// #         type Query = ();
/// #         type Answer = u64;
/// #         fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> { Ok(Self::default()) }
/// #         fn handle(&mut self, _: &mut Context<'_>, _: Sender, m: u64) -> Result<u64, Fault> {
/// #             self.count += m;
/// #             Ok(self.count)
/// #         }
/// #         fn query(&self, (): ()) -> Result<u64, Fault> { Ok(self.count) }
/// #     }
/// #     refit_abi::export_engines!(Counter);
/// # }
/// # use counter::Counter;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refit_testkit::Testkit;
///
/// let mut kit = Testkit::new(counter::module());
/// kit.start::<Counter>("mine", &())?;
/// assert_eq!(kit.send::<Counter>("mine", &2)?, 2);
/// assert_eq!(kit.query::<Counter>("mine", &())?, 2);
/// # Ok(())
/// # }
/// ```
///
/// Methods panic, with a sentence, where the test itself is wrong; what an engine says comes back as a
/// `Result`.
pub struct Testkit {
    pub(crate) modules: Modules,
    workers: usize,
    node: OnceLock<Node>,
    pub(crate) frame: BlockFrame,
    interval_ms: u64,
    time: Option<BlockTime>,
    pub(crate) seed: u64,
    pub(crate) client: ClientId,
    pub(crate) effects: Effects,
    pub(crate) faults_checked: bool,
    pub(crate) states_checked: bool,
    pub(crate) invariants: Vec<Invariant>,
}

impl Testkit {
    /// A testkit for the engine kinds of a module: `Testkit::new(my_engine::module())`.
    ///
    /// # Panics
    /// If the module does not describe itself.
    #[track_caller]
    pub fn new(module: LinkedModule) -> Self {
        let mut modules = Modules::default();
        modules.add(module);
        Self {
            modules,
            workers: 1,
            node: OnceLock::new(),
            frame: BlockFrame::default(),
            interval_ms: BLOCK_INTERVAL_MS,
            time: None,
            seed: 0,
            client: ClientId::of("client"),
            effects: Effects::default(),
            faults_checked: true,
            states_checked: false,
            invariants: Vec::new(),
        }
    }

    /// Adds the kinds of another module, before the first engine starts.
    ///
    /// # Panics
    /// If it comes too late, or if two modules have one kind.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, module: LinkedModule) -> Self {
        self.still_unused();
        self.modules.add(module);
        self
    }

    /// Grants the engines of `kind` just this. A kind that is not named is granted what it declares in
    /// `NEEDS`.
    ///
    /// # Panics
    /// If it comes too late.
    #[must_use]
    #[track_caller]
    pub fn grants(mut self, kind: &str, granted: &[Capability]) -> Self {
        self.still_unused();
        self.modules.grant(kind, granted);
        self
    }

    /// Worker threads; 1 by default. The result must not depend on it:
    /// [`assert_deterministic`](crate::assert_deterministic).
    ///
    /// # Panics
    /// If it comes too late.
    #[must_use]
    #[track_caller]
    pub fn workers(mut self, workers: usize) -> Self {
        self.still_unused();
        self.workers = workers;
        self
    }

    /// Another seed of what [`Context::fill_random`](refit_abi::Context::fill_random) gives.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Does not look whether a message that was answered with a fault left the state unchanged.
    #[must_use]
    pub fn without_fault_checks(mut self) -> Self {
        self.faults_checked = false;
        self
    }

    /// Runs every engine's own `check` after each block and upgrade.
    #[must_use]
    pub fn checks(mut self) -> Self {
        self.states_checked = true;
        self
    }

    /// Starts a root engine of kind `E`.
    ///
    /// # Errors
    /// [`StartError`]: no module has the kind, the name is taken, or what its `init` said.
    #[track_caller]
    pub fn start<E: Engine>(
        &mut self,
        name: &str,
        config: &E::Config,
    ) -> Result<EngineId, StartError> {
        let (id, frame) = (root(name), self.frame);
        let config = codec::to_postcard(config);
        let started = self.node().call(move |executor| {
            let config = Configuration::postcard(config.as_slice());
            executor.start(id, E::KIND, config, frame)
        });
        started?;
        Ok(id)
    }

    /// Asks an engine, as a client does, between two blocks.
    ///
    /// # Errors
    /// [`QueryError`]: unknown, not serving, or the engine's own fault.
    #[track_caller]
    pub fn query<E: Engine>(
        &self,
        engine: impl Address,
        query: &E::Query,
    ) -> Result<E::Answer, QueryError> {
        let answer = self.ask(engine.id(), codec::to_json(query))?;
        Ok(codec::from_json(&answer))
    }

    /// As [`Testkit::query`], in a client's own words.
    ///
    /// # Errors
    /// As [`Testkit::query`].
    #[track_caller]
    pub fn query_json(&self, engine: impl Address, query: &str) -> Result<String, QueryError> {
        let answer = self.ask(engine.id(), query.as_bytes().to_vec())?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    #[track_caller]
    fn ask(&self, engine: EngineId, query: Vec<u8>) -> Result<Vec<u8>, QueryError> {
        self.node()
            .call(move |executor| executor.query(engine, Codec::Json, &query))
    }

    /// The newest block.
    pub fn height(&self) -> Height {
        self.frame.height
    }

    /// The newest block's time.
    pub fn block_time(&self) -> BlockTime {
        self.frame.time
    }

    /// The next block carries this time: that of the newest block, because a node's may stand still, or a later one.
    ///
    /// # Panics
    /// If it is earlier.
    #[track_caller]
    pub fn set_block_time(&mut self, time: BlockTime) {
        let newest = self.frame.time;
        assert!(time >= newest, "block time {time} is before {newest}");
        self.time = Some(time);
    }

    /// Time between two blocks from now on, in milliseconds; 1000 by default.
    pub fn set_block_interval(&mut self, milliseconds: u64) {
        self.interval_ms = milliseconds.max(1);
    }

    /// Messages are sent by the client of this name from now on.
    pub fn act_as(&mut self, client: &str) {
        self.client = ClientId::of(client);
    }

    /// The frame of the block that comes next.
    pub(crate) fn next_frame(&mut self) -> BlockFrame {
        let height = self.frame.height.next();
        let usual = BlockTime(self.frame.time.0.saturating_add(self.interval_ms));
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.seed.to_le_bytes());
        hash[8..16].copy_from_slice(&height.0.to_le_bytes());
        self.frame = BlockFrame {
            height,
            time: self.time.take().unwrap_or(usual),
            hash: BlockHash(hash),
        };
        self.frame
    }

    #[track_caller]
    pub(crate) fn node(&self) -> &Node {
        self.node
            .get_or_init(|| Node::start(self.modules.first_generation(), self.workers))
    }

    #[track_caller]
    pub(crate) fn node_mut(&mut self) -> &mut Node {
        self.node();
        match self.node.get_mut() {
            Some(node) => node,
            None => unreachable!("it was just made"),
        }
    }

    #[track_caller]
    fn still_unused(&self) {
        let unused = self.node.get().is_none();
        assert!(unused, "call this before the first engine starts");
    }
}

/// The id of a root engine.
#[track_caller]
pub(crate) fn root(name: &str) -> EngineId {
    match EngineId::root(name) {
        Ok(id) => id,
        Err(error) => panic!("{error}"),
    }
}

impl fmt::Debug for Testkit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Testkit")
            .field("height", &self.frame.height)
            .field("modules", &self.modules)
            .finish_non_exhaustive()
    }
}
