//! A node without its outside: an executor on a crew, blocks in, outcomes out.

use crate::rig::actor::{Config, Message, mute, v1};
use crossbeam_channel::{Sender, bounded};
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Generation, Height};
use refit_kernel::crew::{Query, UpdatePoint};
use refit_kernel::{
    Asker, BlockInput, BlockOutcome, DeadLetter, Duty, EngineStatus, Entry, Executor,
    GenerationTable, Ingress, QueryError, Quiesced, Replied,
};
use std::sync::Once;
use std::time::Duration;

/// Longest wait for an answer of a crew.
const WAIT: Duration = Duration::from_secs(300);

/// Milliseconds between two blocks.
pub(crate) const BLOCK_MILLIS: u64 = 1_000;

/// A budget that no block of these tests spends.
pub(crate) const PLENTY: u64 = 1 << 40;

/// The name of the kind that all roots but the mute are of.
pub(crate) const ACTOR: &str = "actor";

/// An executor on a crew of some workers.
pub(crate) struct Node {
    duty: Duty,
    height: u64,
}

impl Node {
    /// A node with `workers` threads whose code is version 1 of the actor, and the mute.
    pub(crate) fn new(workers: usize) -> Self {
        quiet_planned_panics();
        let actor = Module::linked(v1::module()).unwrap().kind(ACTOR).unwrap();
        let mute = Module::linked(mute::module())
            .unwrap()
            .kind("mute")
            .unwrap();
        let executor = Executor::new(GenerationTable::first(vec![actor, mute]));
        Self {
            duty: Duty::start("test", workers, executor).unwrap(),
            height: 0,
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

    /// Starts a root actor.
    pub(crate) fn start(&self, id: EngineId, config: &Config) {
        let config = serde_json::to_vec(config).unwrap();
        self.call(move |executor| {
            executor
                .start(id, ACTOR, (Codec::Json, &config), frame(0))
                .unwrap();
        });
    }

    /// Starts the root called `mute`.
    pub(crate) fn start_mute(&self) -> EngineId {
        let id = EngineId::root("mute").unwrap();
        self.call(move |executor| {
            executor
                .start(id, "mute", (Codec::Json, b"null"), frame(0))
                .unwrap();
        });
        id
    }

    /// Executes the next block.
    pub(crate) fn block(&mut self, messages: Vec<Ingress>, budget: u64) -> BlockOutcome {
        self.height += 1;
        let block = BlockInput {
            frame: frame(self.height),
            messages,
            ..BlockInput::default()
        };
        self.call(move |executor| handle_at_most(executor, budget));
        self.duty.execute(block).unwrap().recv().unwrap()
    }

    /// Executes a block of these messages to its end.
    pub(crate) fn run(&mut self, messages: &[(EngineId, Message)]) -> BlockOutcome {
        self.block(ingress(messages), PLENTY)
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

    /// The state of one live actor.
    pub(crate) fn state(&self, engine: EngineId) -> crate::rig::actor::Core {
        let states = self.states();
        let (_, bytes) = states.iter().find(|(id, _)| *id == engine).unwrap();
        postcard::from_bytes::<v1::Actor>(bytes).unwrap().core
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
        let next = live.next(vec![(index, kind, None)], vec![]);
        self.generation = Some(next.number());
        drop(quiesced.publish(next));
    }

    fn resumed(self: Box<Self>) {
        self.resumed.send(self.generation.unwrap()).unwrap();
    }
}

/// The block at a height.
pub(crate) fn frame(height: u64) -> BlockFrame {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&height.to_le_bytes());
    BlockFrame {
        height: Height(height),
        time: BlockTime(height * BLOCK_MILLIS),
        hash: BlockHash(hash),
    }
}

/// `count` ids of root engines.
pub(crate) fn roots(count: usize) -> Vec<EngineId> {
    (0..count)
        .map(|number| EngineId::root(&format!("root-{number}")).unwrap())
        .collect()
}

/// The client that all messages are from.
pub(crate) fn client() -> ClientId {
    ClientId::of("tester")
}

/// Messages from a client, without keys.
pub(crate) fn ingress(messages: &[(EngineId, Message)]) -> Vec<Ingress> {
    let write = |(engine, message): &(EngineId, Message)| Ingress {
        engine: *engine,
        client: client(),
        share: refit_kernel::Share::default(),
        sequence: None,
        codec: Codec::Json,
        payload: serde_json::to_vec(message).unwrap(),
    };
    messages.iter().map(write).collect()
}

/// Where the message of an answer stands.
pub(crate) fn entry(replied: &Replied) -> Entry {
    match replied.asker {
        Asker::Keyless(entry) => entry,
        Asker::Keyed { .. } => panic!("{replied:?}"),
    }
}

/// The panics of scripts are expected; they would fill the output.
fn quiet_planned_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let planned = |text: &&str| text.starts_with(crate::rig::actor::PANIC_TEXT);
            if panic.payload_as_str().filter(planned).is_none() {
                loud(panic);
            }
        }));
    });
}

/// Version 2 of the actor's code.
pub(crate) fn version_2() -> Module {
    Module::linked(crate::rig::actor::v2::module()).unwrap()
}

/// From the next block on, so many messages are handled in each.
pub(crate) fn handle_at_most(executor: &mut Executor, messages: u64) {
    let mut parameters = (**executor.parameters()).clone();
    parameters.block.messages = messages;
    executor.set_parameters(parameters);
}
