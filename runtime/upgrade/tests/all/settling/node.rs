//! A node without a network: an executor on one crew after the other, and update points.

use crossbeam_channel::{Receiver, Sender, bounded};
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_kernel::crew::{Crew, UpdatePoint};
use refit_kernel::{
    BlockInput, BlockOutcome, Configuration, Duty, Executor, GenerationTable, Ingress, Quiesced,
};
use refit_upgrade::{Armed, Directives, Plan, Unwatched, Verdict};
use std::time::{Duration, Instant};

/// Longest wait for an answer of a crew.
const WAIT: Duration = Duration::from_secs(300);

/// A running node.
pub(crate) struct Node {
    duty: Duty,
    height: u64,
}

/// An update point that was passed.
pub(crate) struct Passed {
    pub(crate) verdict: Verdict,
    pub(crate) pause: Duration,
    pub(crate) timers_dropped: u64,
}

struct Point {
    armed: Armed,
    closing: Instant,
    verdict: Option<Verdict>,
    done: Sender<Passed>,
}

/// The engine that is called so.
pub(crate) fn root(name: &str) -> EngineId {
    EngineId::root(name).unwrap()
}

impl Node {
    /// A node of these modules, with an engine of each of these kinds, called as its kind.
    pub(crate) fn start(modules: &[Module], kinds: &[&str]) -> Self {
        let all = modules.iter().flat_map(Module::kinds).collect();
        let mut executor = Executor::new(GenerationTable::first(all));
        for kind in kinds {
            let config = Configuration::json(b"null".as_slice());
            let frame = BlockFrame::default();
            executor.start(root(kind), kind, config, frame).unwrap();
        }
        Self {
            duty: Duty::start("test", 1, executor).unwrap(),
            height: 0,
        }
    }

    /// Does something with the executor, between two blocks.
    pub(crate) fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Executor) -> R + Send + 'static,
    ) -> R {
        self.duty.ask(call, WAIT).unwrap()
    }

    /// Keeps the crew from what is sent from now on, until what this gives is dropped.
    pub(crate) fn hold(&self) -> Sender<()> {
        crate::node::hold(&self.duty)
    }

    /// Sends a block of messages, of which `budget` may be handled.
    pub(crate) fn post(&mut self, messages: &[(&str, u64)], budget: u64) -> Receiver<BlockOutcome> {
        self.height += 1;
        let message = |(to, n): &(&str, u64)| Ingress {
            engine: root(to),
            client: ClientId::from_bytes([1; 16]),
            share: refit_kernel::Share::default(),
            sequence: None,
            codec: Codec::Json,
            payload: n.to_string().into_bytes(),
        };
        let frame = BlockFrame {
            height: Height(self.height),
            time: BlockTime(self.height * 1_000),
            hash: BlockHash([self.height as u8; 32]),
        };
        let messages = messages.iter().map(message).collect();
        let input = BlockInput {
            frame,
            messages,
            ..BlockInput::default()
        };
        self.call(move |executor| {
            let mut parameters = (**executor.parameters()).clone();
            parameters.block.messages = budget;
            executor.set_parameters(parameters);
        });
        self.duty.execute(input).unwrap()
    }

    /// Executes a block of messages.
    pub(crate) fn block(&mut self, messages: &[(&str, u64)]) -> BlockOutcome {
        let outcome = self.post(messages, u64::MAX);
        outcome.recv_timeout(WAIT).unwrap()
    }

    /// Prepares an upgrade for the live generation.
    pub(crate) fn arm(&self, module: &Module, directives: &Directives) -> Armed {
        let table = self.call(|executor| executor.table());
        let new = std::slice::from_ref(module);
        let plan = Plan::at_hand(&table, new, directives).unwrap();
        Armed::new(&plan, &table, new).unwrap()
    }

    /// Sends an upgrade. What is sent right after it comes before the sweep.
    pub(crate) fn begin(&mut self, armed: Armed) -> (Receiver<Passed>, Crew) {
        let next = self.duty.next("test").unwrap();
        let (done, passed) = bounded(1);
        let point = Point {
            armed,
            closing: Instant::now(),
            verdict: None,
            done,
        };
        let old = self.duty.hand_over(Box::new(point), next).unwrap();
        (passed, old.unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.duty.stop();
    }
}

impl UpdatePoint for Point {
    fn closing(&mut self) {
        self.closing = Instant::now();
    }

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.verdict = Some(self.armed.run(quiesced, &mut Unwatched));
    }

    fn resumed(mut self: Box<Self>) {
        let pause = self.closing.elapsed();
        let verdict = self.verdict.take().unwrap();
        let _ = self.done.send(Passed {
            verdict,
            pause,
            timers_dropped: self.armed.timers_dropped(),
        });
    }
}
