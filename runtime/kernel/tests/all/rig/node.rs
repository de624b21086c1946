//! A node without its outside: an executor on a crew, blocks in, outcomes out.

use crate::rig::actor::v2;
use crate::rig::script::{Config, Memory, Message};
use crate::rig::{ACTOR, PLENTY, all_ingress, block, frame, handle_at_most, memory, table};
use crossbeam_channel::{Sender, bounded};
use refit_abi::host::Module;
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Generation};
use refit_kernel::crew::{Query, UpdatePoint};
use refit_kernel::{
    BlockOutcome, Configuration, DeadLetter, Duty, EngineStatus, Executor, ImageReader, ImageScope,
    Ingress, QueryError, Quiesced, Replacement,
};
use std::time::Duration;

/// Longest wait for an answer of a crew.
const WAIT: Duration = Duration::from_secs(300);

/// An executor on a crew of some workers.
pub(crate) struct Node {
    duty: Duty,
    height: u64,
}

impl Node {
    /// A node of no engines with `workers` threads.
    pub(crate) fn new(workers: usize) -> Self {
        let executor = Executor::new(table());
        Self {
            duty: Duty::start("test", workers, executor).unwrap(),
            height: 0,
        }
    }

    /// Has the executor taken out and a copy of it put in its place, made of its image by other workers.
    pub(crate) fn restarted(self, workers: usize) -> Self {
        let height = self.height;
        let copy = self.call(|executor| {
            let mut bytes = Vec::new();
            let scope = ImageScope::whole(usize::MAX);
            executor.write_image(&scope, &mut bytes).unwrap();
            let reader = ImageReader::begin(bytes.as_slice()).unwrap();
            reader.executor(executor.table(), |_| ()).unwrap().executor
        });
        Self {
            duty: Duty::start("again", workers, copy).unwrap(),
            height,
        }
    }

    /// A node with root engines.
    pub(crate) fn with_roots(workers: usize, roots: &[EngineId]) -> Self {
        let node = Self::new(workers);
        for root in roots {
            node.start(*root, &Config::default());
        }
        node
    }

    /// Starts a root actor; its configuration is in JSON, as an operator's is.
    pub(crate) fn start(&self, id: EngineId, config: &Config) {
        let config = serde_json::to_vec(config).unwrap();
        self.call(move |executor| {
            let config = Configuration::json(&config);
            executor.start(id, ACTOR, config, frame(0)).unwrap();
        });
    }

    /// Starts the root called `mute`.
    pub(crate) fn start_mute(&self) -> EngineId {
        let id = EngineId::root("mute").unwrap();
        self.call(move |executor| {
            executor
                .start(id, "mute", Configuration::json(b"null"), frame(0))
                .unwrap();
        });
        id
    }

    /// Executes the next block.
    pub(crate) fn block(&mut self, messages: Vec<Ingress>, budget: u64) -> BlockOutcome {
        self.height += 1;
        let block = block(self.height, messages);
        self.call(move |executor| handle_at_most(executor, budget));
        self.duty.execute(block).unwrap().recv().unwrap()
    }

    /// Executes a block of these messages to its end.
    pub(crate) fn run(&mut self, messages: &[(EngineId, Message)]) -> BlockOutcome {
        self.block(all_ingress(messages), PLENTY)
    }

    /// Asks an actor how many messages it has handled.
    pub(crate) fn query(&self, engine: EngineId) -> Result<Vec<u8>, QueryError> {
        let (sender, answered) = bounded(1);
        let query = Query {
            engine,
            codec: Codec::Json,
            query: b"null".to_vec(),
            answer: Box::new(move |answer, _, _| sender.send(answer).unwrap()),
        };
        self.duty.query(query).unwrap();
        answered.recv().unwrap()
    }

    /// Does something with the executor between two blocks.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Executor) -> T + Send + 'static,
    ) -> T {
        self.duty.ask(call, WAIT).unwrap()
    }

    /// Every live state's bytes.
    pub(crate) fn states(&self) -> Vec<(EngineId, Vec<u8>)> {
        self.call(|executor| executor.encode_states().unwrap())
    }

    /// The memory of a live actor.
    pub(crate) fn memory(&self, engine: EngineId) -> Memory {
        self.call(move |executor| memory(executor, engine))
    }

    /// How all engines are.
    pub(crate) fn statuses(&self) -> Vec<EngineStatus> {
        self.call(|executor| executor.statuses(usize::MAX))
    }

    /// How one engine is.
    pub(crate) fn status(&self, engine: EngineId) -> EngineStatus {
        self.statuses()
            .into_iter()
            .find(|status| status.id == engine)
            .unwrap()
    }

    /// The dead letters that are kept.
    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.call(|executor| executor.dead_letters())
    }

    /// Replaces the actor's code by that of a module of the same schema and layout.
    pub(crate) fn swap(&mut self, module: &Module) -> Generation {
        let crew = self.duty.next("next").unwrap();
        let (sender, resumed) = bounded(1);
        let point = Swap {
            module: module.clone(),
            generation: None,
            resumed: sender,
        };
        let old = self.duty.hand_over(Box::new(point), crew).unwrap();
        old.unwrap().join();
        resumed.recv().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.duty.call(Executor::discard_engines);
        self.duty.stop();
    }
}

/// An update point that adopts all states.
struct Swap {
    module: Module,
    generation: Option<Generation>,
    resumed: Sender<Generation>,
}

impl UpdatePoint for Swap {
    fn closing(&mut self) {}

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        let live = quiesced.table();
        let (index, _) = live.find(ACTOR).unwrap();
        let kind = self.module.kind(ACTOR).unwrap();
        let replaced = Replacement {
            index,
            kind,
            pending: None,
        };
        let next = live.next(vec![replaced], vec![]);
        self.generation = Some(next.number());
        drop(quiesced.publish(next));
    }

    fn resumed(self: Box<Self>) {
        self.resumed.send(self.generation.unwrap()).unwrap();
    }
}

/// Version 2 of the actor's code.
pub(crate) fn version_2() -> Module {
    Module::linked(v2::module()).unwrap()
}
