//! A node without a network whose upgrades are looked at from inside the pause.

use crate::bus::kinds::{self, id};
use crate::bus::ops::{Message, Op, Told};
use crossbeam_channel::{Sender, bounded};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId, Height};
use refit_kernel::crew::UpdatePoint;
use refit_kernel::limits::CHUNK_ENGINES;
use refit_kernel::{
    BlockInput, BlockOutcome, Configuration, Counters, DeadLetter, Duty, EngineStatus, Executor,
    GenerationTable, Image, Ingress, LogLine, Quiesced, ReplyError, Stats,
};
use refit_upgrade::{Armed, Directives, Phase, Plan, Unwatched, Verdict, Watch, Withdrawn};
use std::cell::Cell;
use std::time::Duration;

/// Longest wait for an answer of a crew.
const WAIT: Duration = Duration::from_secs(120);

/// A budget that no block of these tests reaches.
pub(crate) const UNBOUNDED: u64 = u64::MAX;

/// Engines that a snapshot shows.
const ENGINES_MAX: usize = 100_000;

/// Held by every world, and whole by a test that counts what lives in this process.
static TURN: RwLock<()> = RwLock::new(());

thread_local! {
    /// Whether this thread's test holds all of [`TURN`].
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// No other test of this program has a world.
pub(crate) struct Alone {
    _turn: RwLockWriteGuard<'static, ()>,
}

/// Waits until no other test has a world, and lets none begin.
pub(crate) fn alone() -> Alone {
    let turn = TURN.write();
    ALONE.set(true);
    Alone { _turn: turn }
}

impl Drop for Alone {
    fn drop(&mut self) {
        ALONE.set(false);
    }
}

/// How a node's work is spread, which nothing that it gives depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) workers: usize,
    /// Engines of one chunk.
    pub(crate) chunk: usize,
}

impl Layout {
    /// Some of them; the first is the plainest.
    pub(crate) const SOME: [Self; 5] = [
        Self::new(1, 64),
        Self::new(1, 16),
        Self::new(2, 16),
        Self::new(4, 64),
        Self::new(2, 128),
    ];

    pub(crate) const fn new(workers: usize, chunk: usize) -> Self {
        Self { workers, chunk }
    }
}

impl From<usize> for Layout {
    /// So many workers, and chunks as a node has them.
    fn from(workers: usize) -> Self {
        Self::new(workers, CHUNK_ENGINES)
    }
}

/// A running node.
pub(crate) struct World {
    duty: Duty,
    pub(crate) height: u64,
    _turn: Option<RwLockReadGuard<'static, ()>>,
}

/// All of a node that can be seen between two blocks.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) states: Vec<(EngineId, Vec<u8>)>,
    pub(crate) statuses: Vec<EngineStatus>,
    /// Messages sent and engines spawned, in the order of the statuses.
    pub(crate) counters: Vec<Counters>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) dead_count: u64,
    pub(crate) backlog: usize,
    pub(crate) totals: Stats,
    /// And whatever else it goes on with: timers, mail, configurations.
    pub(crate) image: Image,
}

/// How an upgrade went.
#[derive(Debug)]
pub(crate) struct Crossed {
    pub(crate) verdict: Verdict,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
}

struct Point {
    armed: Armed,
    watch: Box<dyn Watch>,
    crossed: Option<Crossed>,
    done: Sender<Crossed>,
}

impl World {
    /// A node of these root engines, by name and kind; the n-th starts with the total n.
    pub(crate) fn start<'a>(
        module: &Module,
        engines: &[(&'a str, &'a str)],
        layout: impl Into<Layout>,
    ) -> Self {
        let configured = |(number, (name, kind)): (usize, &(&'a str, &'a str))| {
            let config = match *kind {
                "post" => number.to_string(),
                _ => format!("{{\"number\":{number},\"effects\":null,\"refuses\":false}}"),
            };
            (*name, *kind, config)
        };
        let engines: Vec<_> = engines.iter().enumerate().map(configured).collect();
        Self::start_with(module, &engines, layout)
    }

    /// A node of these root engines, by name, kind and configuration as JSON.
    pub(crate) fn start_with(
        module: &Module,
        engines: &[(&str, &str, String)],
        layout: impl Into<Layout>,
    ) -> Self {
        let Layout { workers, chunk } = layout.into();
        let mut executor = Executor::new(GenerationTable::first(module.kinds().collect()));
        executor.pack(chunk);
        for (name, kind, config) in engines {
            let config = Configuration::json(config.as_bytes());
            let frame = BlockFrame::default();
            executor.start(id(name), kind, config, frame).unwrap();
        }
        Self {
            duty: Duty::start("bus", workers, executor).unwrap(),
            height: 0,
            // A test may have two worlds: they wait for no one who waits for the first.
            _turn: (!ALONE.get()).then(|| TURN.read_recursive()),
        }
    }

    /// Of the kinds of [`kinds::first`], each engine named as its kind.
    pub(crate) fn of_each_kind(workers: usize) -> Self {
        let names = ["alpha", "beta", "plain", "stray", "same", "fixed"];
        Self::start(&kinds::first(), &names.map(|name| (name, name)), workers)
    }

    /// Does something with the executor, between two blocks.
    pub(crate) fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Executor) -> R + Send + 'static,
    ) -> R {
        self.duty.ask(call, WAIT).unwrap()
    }

    /// Executes a block of messages as JSON.
    pub(crate) fn block_json(
        &mut self,
        messages: &[(EngineId, Vec<u8>)],
        budget: u64,
    ) -> BlockOutcome {
        self.block_of(messages.iter().map(keyless).collect(), budget)
    }

    /// Executes a block.
    pub(crate) fn block_of(&mut self, messages: Vec<Ingress>, budget: u64) -> BlockOutcome {
        self.height += 1;
        let frame = BlockFrame {
            height: Height(self.height),
            time: BlockTime(self.height * 1_000),
            ..BlockFrame::default()
        };
        let input = BlockInput {
            frame,
            messages,
            ..BlockInput::default()
        };
        self.call(move |executor| handle_at_most(executor, budget));
        let outcome = self.duty.execute(input).unwrap();
        outcome.recv_timeout(WAIT).unwrap()
    }

    /// Executes a block of messages.
    pub(crate) fn block(&mut self, messages: &[(EngineId, Message)], budget: u64) -> BlockOutcome {
        let json =
            |(to, message): &(EngineId, Message)| (*to, serde_json::to_vec(message).unwrap());
        let messages: Vec<_> = messages.iter().map(json).collect();
        self.block_json(&messages, budget)
    }

    /// Sends one message and gives the reply.
    pub(crate) fn ask(&mut self, to: EngineId, message: Message) -> Result<Told, ReplyError> {
        let mut outcome = self.block(&[(to, message)], UNBOUNDED);
        outcome.replies.sort_by_key(|reply| reply.asker);
        let bytes = outcome.replies.swap_remove(0).outcome?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    /// What the next transition of an engine does.
    pub(crate) fn plan(&mut self, engine: &str, plan: Vec<Op>) {
        self.ask(id(engine), Message::Plan(plan)).unwrap();
    }

    /// What an engine says of itself; `None` if it does not serve.
    pub(crate) fn look(&self, engine: EngineId) -> Option<Told> {
        let answer = self.call(move |executor| executor.query(engine, Codec::Json, b"null"));
        answer
            .ok()
            .map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    /// The trail of an engine that serves.
    pub(crate) fn trail(&self, engine: EngineId) -> Vec<String> {
        self.look(engine).unwrap().trail
    }

    /// Prepares an upgrade and runs it at the next update point.
    pub(crate) fn cross_with(
        &mut self,
        modules: &[Module],
        directives: &Directives,
        watch: impl Watch + 'static,
    ) -> Crossed {
        let table = self.call(|executor| executor.table());
        let plan = Plan::at_hand(&table, modules, directives).unwrap();
        let armed = Armed::new(&plan, &table, modules).unwrap();
        let next = self.duty.next("bus").unwrap();
        let (done, crossed) = bounded(1);
        let point = Point {
            armed,
            watch: Box::new(watch),
            crossed: None,
            done,
        };
        let old = self.duty.hand_over(Box::new(point), next).unwrap();
        let crossed = crossed.recv_timeout(WAIT).unwrap();
        old.unwrap().join();
        crossed
    }

    /// To the second version of all its kinds.
    pub(crate) fn cross(&mut self) -> Crossed {
        self.cross_with(&[kinds::second()], &Directives::default(), Unwatched)
    }

    /// As [`World::cross`], which must commit.
    pub(crate) fn crossed(&mut self) -> Crossed {
        let crossed = self.cross();
        assert!(
            matches!(crossed.verdict, Verdict::Committed(_)),
            "{crossed:?}"
        );
        crossed
    }

    /// As [`World::cross`], which must abort and leave nothing; gives the failure's code.
    pub(crate) fn aborted(&mut self) -> refit_upgrade::Failure {
        let crossed = self.cross();
        crossed.all_old(Phase::Transitioned)
    }

    /// Ends all engines.
    pub(crate) fn discard(self) {
        self.call(Executor::discard_engines);
    }
}

impl Crossed {
    /// It was aborted at `phase`, and all that can be seen is as it was.
    pub(crate) fn all_old(self, phase: Phase) -> refit_upgrade::Failure {
        let Verdict::Aborted { phase: at, failure } = self.verdict else {
            panic!("it was committed")
        };
        assert_eq!(at, phase);
        assert_eq!(self.before, self.after);
        failure
    }

    /// Messages sent and engines spawned by an engine, after it.
    pub(crate) fn counters(&self, engine: EngineId) -> (u64, u64) {
        let place = self
            .after
            .statuses
            .iter()
            .position(|status| status.id == engine);
        let counters = self.after.counters[place.unwrap()];
        (counters.sent, counters.children)
    }
}

impl Snapshot {
    fn take(quiesced: &Quiesced<'_>) -> Self {
        let executor = quiesced.executor();
        let states = executor.encode_states().unwrap();
        let statuses = executor.statuses(ENGINES_MAX);
        let view = quiesced.view();
        let counters = statuses
            .iter()
            .map(|status| view.with(status.id, |slot| slot.counters()));
        let counters = counters.map(Option::unwrap).collect();
        Self {
            states,
            statuses,
            counters,
            dead: executor.dead_letters(),
            dead_count: executor.dead_letter_count(),
            backlog: executor.backlog(),
            totals: executor.totals(),
            image: executor.image(usize::MAX).unwrap(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.duty.stop();
    }
}

impl UpdatePoint for Point {
    fn closing(&mut self) {}

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        let before = Snapshot::take(quiesced);
        let verdict = self.armed.run(quiesced, &mut *self.watch);
        self.crossed = Some(Crossed {
            verdict,
            lines: self.armed.take_lines(),
            before,
            after: Snapshot::take(quiesced),
        });
        assert!(self.armed.take_lines().is_empty(), "lines come out once");
    }

    fn resumed(mut self: Box<Self>) {
        let _ = self.done.send(self.crossed.take().unwrap());
    }
}

/// Withdraws the upgrade at one phase.
pub(crate) struct WithdrawsAt(pub(crate) Phase);

impl Watch for WithdrawsAt {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        let reason = format!("at {phase}");
        if phase == self.0 {
            return Err(Withdrawn { reason });
        }
        Ok(())
    }
}

/// A client's message without a key.
pub(crate) fn keyless((engine, payload): &(EngineId, Vec<u8>)) -> Ingress {
    Ingress {
        engine: *engine,
        client: ClientId::from_bytes([1; 16]),
        share: refit_kernel::Share::default(),
        sequence: None,
        codec: Codec::Json,
        payload: payload.clone(),
    }
}

/// From the next block on, so many messages are handled in each.
fn handle_at_most(executor: &mut Executor, messages: u64) {
    let mut parameters = (**executor.parameters()).clone();
    parameters.block.messages = messages;
    executor.set_parameters(parameters);
}
