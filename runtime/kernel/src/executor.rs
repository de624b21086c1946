//! [`Executor`]: the sequential half of a node: all that the leader of a crew owns. What is done with it is said in the
//! rooms above: `block` executes blocks, `swap` changes its code, `look` and `image` read it.

use crate::causes::Causes;
use crate::engines::Engines;
use crate::engines::last_good::LastGood;
use crate::engines::outbox::Outbox;
use crate::engines::room::Made;
use crate::engines::spare::Spare;
use crate::engines::timers::Timers;
use crate::gate::Gate;
use crate::generation::settling::Settling;
use crate::generation::table::GenerationTable;
use crate::keys::Keys;
use crate::outcome::dead_letters::{DeadLetter, DeadLetters};
use crate::outcome::{BlockOutcome, Stats};
use crate::parameters::Parameters;
use arc_swap::ArcSwap;
use refit_abi::Height;
use refit_abi::host::BlockFrame;
use std::fmt;
use std::sync::Arc;

/// The parts that the leader, its helpers and the next crew share.
pub(crate) struct Shared {
    pub(crate) gate: Arc<Gate>,
    pub(crate) table: ArcSwap<GenerationTable>,
}

/// The part of its budget that a block has used so far.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// Bytes of messages that were handled.
    pub(crate) handled_bytes: u64,
    /// Bytes of the replies and events that came of them, each charged for its place.
    pub(crate) effect_bytes: u64,
    /// Bytes of the answers that are given again, charged likewise.
    pub(crate) repeated_bytes: u64,
    /// The outputs of the `init` of engines that this round has started.
    pub(crate) started: Made,
}

/// Executes blocks. Owned by the leader of the crew on duty; handed on at an upgrade.
pub struct Executor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) engines: Engines,
    /// The values that the results of blocks depend on, beside the engines and the blocks.
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) height: Height,
    /// The newest executed block.
    pub(crate) frame: BlockFrame,
    /// Effects of what happened between two blocks; they leave with the next.
    pub(crate) between: BlockOutcome,
    /// How far the newest generation has taken over its states.
    pub(crate) settling: Settling,
    /// Emptied, with its memory, for the next round.
    pub(crate) outboxes: Vec<Outbox>,
    pub(crate) spare: Spare,
    pub(crate) timers: Timers,
    pub(crate) dead: DeadLetters,
    /// Which requests of clients wait or were answered.
    pub(crate) keys: Keys,
    /// The causes of all letters and timers that wait.
    pub(crate) causes: Causes,
    /// The part of its budget that the block has used.
    pub(crate) used: Used,
    pub(crate) totals: Stats,
    /// Whether states are compared at faults.
    pub(crate) faults_checked: bool,
    /// Whose states before each message are written down.
    pub(crate) last_good: Option<Arc<LastGood>>,
}

impl Executor {
    /// An executor of no engines, at height 0, over the first generation's code, with the default parameters and what
    /// the table grants.
    pub fn new(table: Arc<GenerationTable>) -> Self {
        let parameters = Parameters::granting(table.grants().clone());
        Self::with_parameters(table, parameters)
    }

    /// As [`Executor::new`], with these parameters: their grants hold, not the table's.
    pub fn with_parameters(table: Arc<GenerationTable>, parameters: Parameters) -> Self {
        let table = table.granting(&parameters.grants);
        let shared = Shared {
            gate: Arc::new(Gate::new()),
            table: ArcSwap::new(table),
        };
        Self {
            shared: Arc::new(shared),
            engines: Engines::new(),
            keys: Keys::new(parameters.keys),
            causes: Causes::new(parameters.cause),
            parameters: Arc::new(parameters),
            height: Height(0),
            frame: BlockFrame::default(),
            between: BlockOutcome::default(),
            settling: Settling::default(),
            outboxes: Vec::new(),
            spare: Spare::default(),
            timers: Timers::default(),
            dead: DeadLetters::default(),
            used: Used::default(),
            totals: Stats::default(),
            faults_checked: false,
            last_good: None,
        }
    }

    /// The code that is live.
    pub fn table(&self) -> Arc<GenerationTable> {
        self.shared.table.load_full()
    }

    /// The values that the results of blocks depend on, beside the engines and the blocks.
    pub fn parameters(&self) -> &Arc<Parameters> {
        &self.parameters
    }

    /// From the next block on, other parameters hold. What waits beyond a bound that is lower now is not dropped: there
    /// is no room for more until it is gone.
    pub fn set_parameters(&mut self, parameters: Parameters) {
        self.put_in_force(Arc::new(parameters));
    }

    pub(crate) fn put_in_force(&mut self, parameters: Arc<Parameters>) {
        let live = self.table();
        let table = live.granting(&parameters.grants);
        if !Arc::ptr_eq(&live, &table) {
            drop(self.shared.publish(table));
        }
        self.keys.set_bounds(parameters.keys);
        self.causes.bounds = parameters.cause;
        self.parameters = parameters;
    }

    /// The newest executed block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Messages that wait for the next block.
    pub fn backlog(&self) -> usize {
        self.engines.waiting.letters
    }

    /// Number of engines.
    pub fn engines(&self) -> usize {
        self.engines.directory.len()
    }

    /// Counts since the node started.
    pub fn totals(&self) -> Stats {
        self.totals
    }

    /// The newest dead letters.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead.kept().cloned().collect()
    }

    /// How many dead letters are kept.
    pub fn dead_letters_kept(&self) -> usize {
        self.dead.kept().count()
    }

    /// How many dead letters there were in all.
    pub fn dead_letter_count(&self) -> u64 {
        self.dead.count()
    }

    /// Whether a handler that returns a fault must leave its state as it was, byte by byte: each message is handled
    /// alone, and its engine's state written down before it. For development; off at first.
    pub fn check_faults(&mut self, on: bool) {
        self.faults_checked = on;
    }

    /// From the next block on, finds out the state that an engine had before the message that poisons it.
    pub fn look_for(&mut self, last_good: Arc<LastGood>) {
        self.last_good = Some(last_good);
    }

    /// How many engines, of those that start from now on, lie in one chunk, which is what a worker claims. What
    /// blocks give does not depend on it.
    pub fn pack(&mut self, chunk_engines: usize) {
        self.engines.per_chunk = chunk_engines.max(1);
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("height", &self.height)
            .field("generation", &self.shared.table.load().number())
            .field("engines", &self.engines.directory.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// One pointer exchange; returns the table that was live.
    pub(crate) fn publish(&self, table: Arc<GenerationTable>) -> Arc<GenerationTable> {
        self.table.swap(table)
    }
}
