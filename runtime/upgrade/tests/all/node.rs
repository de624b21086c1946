//! A node without a network: an executor on real crews, and update points.

use crate::ring::{Answer, Message, Reply, peer};
use crossbeam_channel::{Receiver, Sender, bounded};
use refit_abi::host::Explain;
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId, Generation, Height};
use refit_kernel::crew::{Crew, Query, UpdatePoint};
use refit_kernel::{
    BlockInput, BlockOutcome, Configuration, Duty, Executor, GenerationTable, Ingress, Quiesced,
    ReplyError,
};
use refit_upgrade::{
    ArmError, Armed, Directives, Phase, Plan, PlanError, Unwatched, Verdict, Watch, Withdrawn,
};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an answer of a crew.
const WAIT: Duration = Duration::from_secs(300);

/// A budget that no block of these tests reaches.
pub(crate) const UNBOUNDED: u64 = u64::MAX;

/// A running node.
pub(crate) struct Node {
    duty: Duty,
    height: u64,
    /// Messages that a block handles at most.
    budget: u64,
}

/// Why an upgrade cannot be prepared.
#[derive(Debug)]
pub(crate) enum Unready {
    Plan(PlanError),
    Arm(ArmError),
}

impl Unready {
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Plan(error) => error.code(),
            Self::Arm(error) => error.code(),
        }
    }
}

/// An upgrade at its update point.
struct Point {
    armed: Armed,
    watch: Box<dyn Watch>,
    verdict: Option<Verdict>,
    done: Sender<(Verdict, Armed)>,
}

impl Node {
    /// A node of `engines` engines, number and total alike, that run `module`.
    pub(crate) fn start(module: &Module, engines: u64, workers: usize) -> Self {
        let executor = Executor::new(GenerationTable::first(module.kinds().collect()));
        Self::start_on(executor, engines, workers)
    }

    /// As [`Node::start`], on an executor that has none yet.
    pub(crate) fn start_on(mut executor: Executor, engines: u64, workers: usize) -> Self {
        for number in 0..engines {
            let config = format!("[{number},{number}]");
            let config = Configuration::json(config.as_bytes());
            executor
                .start(peer(number), "ring", config, BlockFrame::default())
                .unwrap();
        }
        handle_at_most(&mut executor, UNBOUNDED);
        Self {
            duty: Duty::start("test", workers, executor).unwrap(),
            height: 0,
            budget: UNBOUNDED,
        }
    }

    /// Does something with the executor, between two blocks.
    pub(crate) fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Executor) -> R + Send + 'static,
    ) -> R {
        self.duty.ask(call, WAIT).unwrap()
    }

    /// Keeps the crew from what is sent from now on, until what this gives is dropped: what must be in the queue
    /// behind something is there before that begins.
    pub(crate) fn hold(&self) -> Sender<()> {
        hold(&self.duty)
    }

    /// Has so many messages handled in each block from now on; waits until that is so, unless it is so.
    pub(crate) fn bound(&mut self, budget: u64) {
        if std::mem::replace(&mut self.budget, budget) != budget {
            self.call(move |executor| handle_at_most(executor, budget));
        }
    }

    /// Executes a block of messages to engines, by number.
    pub(crate) fn block(&mut self, messages: &[(u64, Message)], budget: u64) -> BlockOutcome {
        self.post(messages, budget).recv_timeout(WAIT).unwrap()
    }

    /// As [`Node::block`], not waiting for the outcome.
    pub(crate) fn post(
        &mut self,
        messages: &[(u64, Message)],
        budget: u64,
    ) -> Receiver<BlockOutcome> {
        self.height += 1;
        let frame = BlockFrame {
            height: Height(self.height),
            time: BlockTime(self.height * 1_000),
            ..BlockFrame::default()
        };
        let ingress = |(to, message): &(u64, Message)| Ingress {
            engine: peer(*to),
            client: ClientId::from_bytes([1; 16]),
            share: refit_kernel::Share::default(),
            sequence: None,
            codec: Codec::Json,
            payload: serde_json::to_vec(message).unwrap(),
        };
        let messages = messages.iter().map(ingress).collect();
        let input = BlockInput {
            frame,
            messages,
            ..BlockInput::default()
        };
        self.bound(budget);
        self.duty.execute(input).unwrap()
    }

    /// Sends one message and gives the reply.
    pub(crate) fn ask(&mut self, to: u64, message: Message) -> Reply {
        let outcome = self.block(&[(to, message)], UNBOUNDED);
        read(&outcome.replies[0].outcome)
    }

    /// What an engine says of itself, and the generation that said it.
    pub(crate) fn look(&self, engine: u64) -> (Answer, Generation) {
        let (done, answer) = bounded(1);
        let query = Query {
            engine: peer(engine),
            codec: Codec::Json,
            query: b"null".to_vec(),
            answer: Box::new(move |answer, _, generation| {
                done.send((answer.unwrap(), generation)).unwrap();
            }),
        };
        self.duty.query(query).unwrap();
        let (bytes, generation) = answer.recv_timeout(WAIT).unwrap();
        (serde_json::from_slice(&bytes).unwrap(), generation)
    }

    /// All states as bytes.
    pub(crate) fn states(&self) -> Vec<(EngineId, Vec<u8>)> {
        self.call(|executor| executor.encode_states().unwrap())
    }

    /// The code that is live.
    pub(crate) fn table(&self) -> Arc<GenerationTable> {
        self.call(|executor| executor.table())
    }

    /// Sweeps until no state of the generation before is left.
    pub(crate) fn sweep(&self) {
        let replaced = self.call(|executor| {
            executor.sweep();
            executor.take_replaced()
        });
        refit_kernel::replaced::discard(replaced).unwrap();
    }

    /// Prepares an upgrade for the live generation.
    pub(crate) fn arm(&self, module: &Module) -> Result<Armed, Unready> {
        let (table, new) = (self.table(), std::slice::from_ref(module));
        let plan = Plan::at_hand(&table, new, &Directives::default()).map_err(Unready::Plan)?;
        Armed::new(&plan, &table, new).map_err(Unready::Arm)
    }

    /// Runs an armed upgrade at the next update point and lets the old crew end.
    pub(crate) fn run(&mut self, armed: Armed, watch: impl Watch + 'static) -> Verdict {
        let (ended, old) = self.begin(armed, watch);
        let (verdict, _) = ended.recv_timeout(WAIT).unwrap();
        old.join();
        verdict
    }

    /// As [`Node::run`], not waiting for it: what ends it, and the crew that ends with it.
    pub(crate) fn begin(
        &mut self,
        armed: Armed,
        watch: impl Watch + 'static,
    ) -> (Receiver<(Verdict, Armed)>, Crew) {
        let (done, ended) = bounded(1);
        let point = Point {
            armed,
            watch: Box::new(watch),
            verdict: None,
            done,
        };
        (ended, self.send(Box::new(point)))
    }

    /// Sends an update point; gives the crew that runs it.
    pub(crate) fn send(&mut self, point: Box<dyn UpdatePoint>) -> Crew {
        let next = self.duty.next("test").unwrap();
        self.duty.hand_over(point, next).unwrap().unwrap()
    }

    /// Upgrades to a module, unwatched.
    pub(crate) fn upgrade(&mut self, module: &Module) -> Verdict {
        let armed = self.arm(module).unwrap();
        self.run(armed, Unwatched)
    }
}

/// See [`Node::hold`].
pub(crate) fn hold(duty: &Duty) -> Sender<()> {
    let (held, until) = bounded(0);
    let wait = move |_: &mut Executor| assert!(until.recv_timeout(WAIT).is_err());
    duty.call(wait).unwrap();
    held
}

impl Drop for Node {
    fn drop(&mut self) {
        self.duty.stop();
    }
}

impl UpdatePoint for Point {
    fn closing(&mut self) {}

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.verdict = Some(self.armed.run(quiesced, &mut *self.watch));
    }

    fn resumed(mut self: Box<Self>) {
        let _ = self.watch.reached(Phase::Resumed);
        let verdict = self.verdict.take().unwrap();
        let _ = self.done.send((verdict, self.armed));
    }
}

/// Withdraws the upgrade at one phase.
pub(crate) struct WithdrawsAt(pub(crate) Phase);

impl Watch for WithdrawsAt {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        match phase == self.0 {
            true => Err(Withdrawn {
                reason: format!("at {phase}"),
            }),
            false => Ok(()),
        }
    }
}

/// The reply that is in an outcome.
pub(crate) fn read(outcome: &Result<Vec<u8>, ReplyError>) -> Reply {
    serde_json::from_slice(outcome.as_ref().unwrap()).unwrap()
}

/// From the next block on, so many messages are handled in each.
fn handle_at_most(executor: &mut Executor, messages: u64) {
    let mut parameters = (**executor.parameters()).clone();
    parameters.block.messages = messages;
    executor.set_parameters(parameters);
}
