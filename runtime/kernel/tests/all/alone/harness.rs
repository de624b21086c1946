//! A small node for the tests: an executor, driven on this thread or on a crew, with blocks whose
//! time and hash follow from their height.

use crate::alone::actor::v1;
use crate::alone::script::{Config, Message, Reply, Seen};
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_kernel::crew::Helpers;
use refit_kernel::{
    Asker, BlockInput, BlockOutcome, EngineState, Executor, GenerationTable, Ingress, Poison,
    Replied, ReplyError,
};
use std::sync::Arc;

/// Milliseconds from one block to the next.
pub(crate) const BLOCK_MS: u64 = 10;

/// More messages than any test's block handles.
pub(crate) const NO_BUDGET: u64 = u64::MAX;

pub(crate) fn root(number: usize) -> EngineId {
    EngineId::root(&format!("a{number}")).unwrap()
}

pub(crate) fn client(name: &str) -> ClientId {
    ClientId::of(name)
}

pub(crate) fn frame(height: u64) -> BlockFrame {
    let hash = BlockHash([height as u8; 32]);
    BlockFrame {
        height: Height(height),
        time: BlockTime(height * BLOCK_MS),
        hash,
    }
}

pub(crate) fn table() -> Arc<GenerationTable> {
    let module = Module::linked(v1::module()).unwrap();
    GenerationTable::first(module.kinds().collect())
}

/// An executor with `roots` actors.
pub(crate) fn executor(roots: usize) -> Executor {
    let mut executor = Executor::new(table());
    for number in 0..roots {
        start(&mut executor, root(number), Config::default());
    }
    executor
}

pub(crate) fn start(executor: &mut Executor, id: EngineId, config: Config) {
    let config = postcard(&config);
    executor
        .start(id, "actor", (Codec::Postcard, &config), frame(0))
        .unwrap();
}

pub(crate) fn postcard<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).unwrap()
}

/// A message of a client, without a key.
pub(crate) fn ingress(engine: EngineId, stamp: u64, message: Message) -> Ingress {
    let message = Message { stamp, ..message };
    let payload = serde_json::to_vec(&message).unwrap();
    Ingress {
        engine,
        client: client("tester"),
        share: refit_kernel::Share::default(),
        sequence: None,
        codec: Codec::Json,
        payload,
    }
}

/// The same under a key.
pub(crate) fn keyed(key: (&str, u64), engine: EngineId, message: Message) -> Ingress {
    Ingress {
        client: client(key.0),
        share: refit_kernel::Share::default(),
        sequence: Some(key.1),
        ..ingress(engine, 0, message)
    }
}

/// The place of a message without a key in its block.
pub(crate) fn place(replied: &Replied) -> u64 {
    match replied.asker {
        Asker::Keyless(entry) => entry.index,
        Asker::Keyed { .. } => panic!("{replied:?}"),
    }
}

pub(crate) fn block(height: u64, messages: Vec<Ingress>) -> BlockInput {
    BlockInput {
        frame: frame(height),
        messages,
        ..BlockInput::default()
    }
}

/// Executes the next block on this thread.
pub(crate) fn run(executor: &mut Executor, messages: Vec<(EngineId, Message)>) -> BlockOutcome {
    let height = executor.height().0 + 1;
    let messages = messages
        .into_iter()
        .enumerate()
        .map(|(place, (engine, message))| ingress(engine, place as u64, message))
        .collect();
    executor.execute(&Helpers::none(), block(height, messages))
}

/// The reply to the message at a place of the block.
pub(crate) fn reply(outcome: &BlockOutcome, index: u64) -> Result<Reply, ReplyError> {
    let replied = outcome
        .replies
        .iter()
        .find(|replied| place(replied) == index)
        .unwrap();
    replied
        .outcome
        .clone()
        .map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

pub(crate) fn seen(executor: &Executor, engine: EngineId) -> Vec<Seen> {
    let answer = executor.query(engine, Codec::Json, b"null").unwrap();
    serde_json::from_slice(&answer).unwrap()
}

pub(crate) fn poison(executor: &Executor, engine: EngineId) -> Option<Poison> {
    let statuses = executor.statuses(usize::MAX);
    let state = statuses
        .into_iter()
        .find(|status| status.id == engine)
        .unwrap()
        .state;
    match state {
        EngineState::Poisoned(poison) => Some(poison),
        EngineState::Live => None,
    }
}

/// From the next block on, so many messages are handled in each.
pub(crate) fn handle_at_most(executor: &mut Executor, messages: u64) {
    let mut parameters = (**executor.parameters()).clone();
    parameters.block.messages = messages;
    executor.set_parameters(parameters);
}
