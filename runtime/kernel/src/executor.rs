//! [`Executor`]: the sequential half of a node: it takes a block, routes its messages, runs the
//! rounds, and gives back the effects.

use crate::block::orders::PlacedOrder;
use crate::block::rounds::Used;
use crate::block::spare::Spare;
use crate::block::started::{Start, Started};
use crate::causes::{Allowance, Causes};
use crate::crew::Helpers;
use crate::engines::Engines;
use crate::engines::outbox::Outbox;
use crate::engines::room::Made;
use crate::engines::slot::{Counters, Slot, SlotState};
use crate::engines::timers::Timers;
use crate::gate::Gate;
use crate::generation::table::{GenerationTable, KindEntry};
use crate::keys::{Keys, RequestDigest, Share};
use crate::limits::ANSWER_BYTES_MAX;
use crate::outcome::dead_letters::{DeadLetter, DeadLetters};
use crate::outcome::receipt::Receipt;
use crate::outcome::{BlockOutcome, QueryError, Stats};
use crate::parameters::Parameters;
use crate::swap::sweep::Settling;
use arc_swap::ArcSwap;
use refit_abi::host::{BlockFrame, CallError, running};
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId, Height, Undelivered};
use std::fmt;
use std::sync::Arc;

/// The parts that the leader, its helpers and the next crew share.
pub(crate) struct Shared {
    pub(crate) gate: Arc<Gate>,
    pub(crate) table: ArcSwap<GenerationTable>,
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
}

/// One block to execute.
#[derive(Clone, Debug, Default)]
pub struct BlockInput {
    /// Height, time and hash.
    pub frame: BlockFrame,
    /// Messages from clients, in order.
    pub messages: Vec<Ingress>,
    /// Operators' orders, by place: the messages have the places that are left.
    pub orders: Vec<PlacedOrder>,
    /// The digests of requests under keys, by place, as far as the caller has them; a missing one is computed. Each
    /// is the [`RequestDigest::of`] of its message: it is no part of the block.
    pub requests: Vec<Option<RequestDigest>>,
}

/// One message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// The receiver.
    pub engine: EngineId,
    /// The sender.
    pub client: ClientId,
    /// By which way it came in.
    pub share: Share,
    /// The client's own number for it: it is handled once, however often it comes. `None`: it has no key, and each
    /// is one of its own.
    pub sequence: Option<u64>,
    /// How it is written, and its reply.
    pub codec: Codec,
    /// Its content.
    pub payload: Vec<u8>,
}

/// Why a root engine did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No loaded module has the kind.
    #[error("no loaded module has the engine kind `{kind}`; add its path to the configuration")]
    UnknownKind {
        /// The kind that was named.
        kind: String,
    },
    /// An engine with the id runs already, or ran under that name and has stopped.
    #[error(
        "an engine called `{engine}` runs already, or ran and has stopped; choose another name"
    )]
    Taken {
        /// The engine's id.
        engine: EngineId,
    },
    /// There are as many engines as may be.
    #[error("the node has {engines_max} engines, the most it may have")]
    Full {
        /// As many as there may be.
        engines_max: usize,
    },
    /// There were as many engines with names as there may be.
    #[error(
        "the node has had {names_max} engines with names, the most it may have; start it without one"
    )]
    Names {
        /// As many as there may be.
        names_max: usize,
    },
    /// It would be started from an `init` that is itself too many levels down.
    #[error(
        "engine `{engine}` did not start: `init` starts engines at most {depth_max} levels deep; start it from `handle`"
    )]
    Depth {
        /// The engine's id.
        engine: EngineId,
        /// How many levels there may be.
        depth_max: usize,
    },
    /// Its `init` did not succeed.
    #[error("engine `{engine}` did not start: {error}")]
    Init {
        /// The engine's id.
        engine: EngineId,
        /// The error of the `init`.
        error: CallError,
    },
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

    fn put_in_force(&mut self, parameters: Arc<Parameters>) {
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

    /// How many engines, of those that start from now on, lie in one chunk, which is what a worker claims. What
    /// blocks give does not depend on it.
    pub fn pack(&mut self, chunk_engines: usize) {
        self.engines.per_chunk = chunk_engines.max(1);
    }

    /// Starts a root engine, before or between blocks.
    ///
    /// # Errors
    /// [`StartError`]; nothing is started.
    pub fn start(
        &mut self,
        id: EngineId,
        kind: &str,
        config: (Codec, &[u8]),
        frame: BlockFrame,
    ) -> Result<(), StartError> {
        let table = self.table();
        let (kind, _) = table.find(kind).ok_or_else(|| StartError::UnknownKind {
            kind: kind.to_owned(),
        })?;
        self.vacant(id)?;
        let parameters = self.parameters.clone();
        let start = Start {
            id,
            kind,
            parent: None,
            config,
            counters: Counters::default(),
            timers_set: 0,
            ordinal: 0,
            node_timers: self.timers.len(),
            parameters: &parameters,
            allowance: Allowance::of(&parameters.message),
        };
        let started = Started::init(&table, &start, frame)?;
        let mut effects = std::mem::take(&mut self.between);
        self.used.started = Made::default();
        let cause = self.causes.begin();
        self.settle_in(started, cause, &table, frame, &mut effects, 0);
        self.causes.let_go(cause);
        self.causes.collect();
        self.close_gaps(&table, &mut effects);
        self.between = effects;
        Ok(())
    }

    /// Executes one block to its end.
    ///
    /// The order in which mailboxes are filled is part of the contract, and the same on every node: what the block before
    /// has left; then timers that are due, by height before by time, each in the order they were set; then the block's
    /// entries in their order. Effects of what happened since the block before (an upgrade, a start) come first in the
    /// outcome.
    pub fn execute(&mut self, helpers: &Helpers, block: BlockInput) -> BlockOutcome {
        let table = self.table();
        let frame = block.frame;
        (self.height, self.frame) = (frame.height, frame);
        let mut out = BlockOutcome {
            height: frame.height,
            generation: table.number(),
            ..std::mem::take(&mut self.between)
        };
        self.begin_block();
        // Most messages are answered in their block.
        out.replies.reserve(block.messages.len());
        self.deliver_due_timers(frame, &mut out);
        self.take_in(block, &table, &mut out);
        self.causes.collect();
        // Effects that were refused above keep no round from being made.
        self.used.effect_bytes = 0;
        while self.goes_on(&out) {
            self.round(helpers, &table, frame, &mut out);
        }
        self.end_block();
        if let Some(parameters) = &out.parameters {
            self.put_in_force(parameters.clone());
        }
        out.engines = self.engines.directory.len();
        out.backlog = self.engines.waiting.letters;
        out.next_timer_height = self.timers.next_height();
        out.next_timer_time = self.timers.next_time();
        let forgotten = self.keys.take_forgotten();
        out.stats.answers_forgotten += forgotten.answers;
        out.stats.clients_forgotten += forgotten.clients;
        out.receipt = Receipt::of(out.height, &out.replies, &out.events);
        self.totals.add(&out.stats);
        self.after_block();
        out
    }

    /// Takes in the entries of a block, each at its place.
    fn take_in(&mut self, block: BlockInput, table: &GenerationTable, out: &mut BlockOutcome) {
        let frame = block.frame;
        let mut orders = block.orders.into_iter().peekable();
        let known = |index: u64| {
            let request = block.requests.get(usize::try_from(index).ok()?);
            request.copied().flatten()
        };
        let mut index = 0;
        for message in block.messages {
            while let Some(order) = orders.next_if(|order| order.index <= index) {
                self.carry_out(order, table, frame, out);
                index += 1;
            }
            self.deliver_ingress(index, known(index), message, table, out);
            index += 1;
        }
        for order in orders {
            self.carry_out(order, table, frame, out);
        }
        self.close_gaps(table, out);
    }

    /// Answers a query between two blocks, in the codec of the question.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query(
        &self,
        engine: EngineId,
        codec: Codec,
        query: &[u8],
    ) -> Result<Vec<u8>, QueryError> {
        let table = self.table();
        let ask = |slot: &mut Slot| {
            let entry = table.get(slot.kind).ok_or(QueryError::Unknown { engine })?;
            slot.settle(entry, self.settling.update_point);
            asked(slot, entry, codec, query)
        };
        let absent = || match self.engines.directory.absence(engine) {
            Undelivered::Unknown => Err(QueryError::Unknown { engine }),
            reason => Err(QueryError::Unavailable { engine, reason }),
        };
        self.engines.with(engine, ask).unwrap_or_else(absent)
    }
}

/// The answer of a settled engine to a query.
fn asked(
    slot: &Slot,
    entry: &KindEntry,
    codec: Codec,
    query: &[u8],
) -> Result<Vec<u8>, QueryError> {
    let engine = slot.id;
    let unavailable = |reason| QueryError::Unavailable { engine, reason };
    let instance = match &slot.state {
        SlotState::Live(instance) => instance,
        SlotState::Poisoned(_) => return Err(unavailable(Undelivered::Poisoned)),
        SlotState::Away => return Err(unavailable(Undelivered::Stopped)),
    };
    let mut answer = Vec::new();
    let _about = running::about(engine);
    entry
        .kind
        .query(instance, codec, query, &mut answer)
        .map_err(|error| QueryError::Call { engine, error })?;
    match answer.len() {
        ..=ANSWER_BYTES_MAX => Ok(answer),
        bytes => Err(QueryError::TooLarge { engine, bytes }),
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
