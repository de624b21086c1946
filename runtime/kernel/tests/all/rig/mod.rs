//! What the tests of the kernel have in common. The engines are linked in ([`actor`]); a message says what its handler
//! does ([`script`]). Blocks are made of messages here, with a time and a hash that follow from their height. A test
//! executes them on its own thread ([`alone`]), where it looks at the executor between two steps, or on a crew of real
//! threads ([`node`]). For random scripts a plain model ([`model`]) foretells all that a block gives.

pub(crate) mod actor;
pub(crate) mod alone;
pub(crate) mod model;
pub(crate) mod node;
pub(crate) mod script;

use crate::rig::actor::{mute, quiet_planned_panics, v1};
use crate::rig::script::{Config, Memory, Message};
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_kernel::{
    Asker, BlockInput, Configuration, Entry, Executor, GenerationTable, Ingress, Parameters,
    Replied, Share,
};
use std::sync::Arc;

/// Milliseconds between two blocks.
pub(crate) const BLOCK_MILLIS: u64 = 1_000;

/// A budget that no block of these tests spends.
pub(crate) const PLENTY: u64 = 1 << 40;

/// No image of these tests is larger, in bytes.
pub(crate) const LARGE: usize = 64 << 20;

/// The name of the kind that all roots but the mute are of.
pub(crate) const ACTOR: &str = "actor";

/// The code of all nodes at first: version 1 of the actor, and the mute.
pub(crate) fn table() -> Arc<GenerationTable> {
    quiet_planned_panics();
    let modules = [v1::module(), mute::module()].map(|module| Module::linked(module).unwrap());
    GenerationTable::first(modules.iter().flat_map(Module::kinds).collect())
}

/// The id of a root engine.
pub(crate) fn root(number: usize) -> EngineId {
    EngineId::root(&format!("root-{number}")).unwrap()
}

/// The first `count` of them.
pub(crate) fn roots(count: usize) -> Vec<EngineId> {
    (0..count).map(root).collect()
}

/// The client that all messages without keys are from.
pub(crate) fn tester() -> ClientId {
    ClientId::of("tester")
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

/// The block at a height, of these messages.
pub(crate) fn block(height: u64, messages: Vec<Ingress>) -> BlockInput {
    BlockInput {
        frame: frame(height),
        messages,
        ..BlockInput::default()
    }
}

/// A message of the tester, without a key.
pub(crate) fn ingress(engine: EngineId, message: &Message) -> Ingress {
    unread(engine, serde_json::to_vec(message).unwrap())
}

/// A message of the tester with any payload.
pub(crate) fn unread(engine: EngineId, payload: Vec<u8>) -> Ingress {
    Ingress {
        engine,
        client: tester(),
        share: Share::default(),
        sequence: None,
        codec: Codec::Json,
        payload,
    }
}

/// Messages of the tester, without keys.
pub(crate) fn all_ingress(messages: &[(EngineId, Message)]) -> Vec<Ingress> {
    let write = |(engine, message): &(EngineId, Message)| ingress(*engine, message);
    messages.iter().map(write).collect()
}

/// A message under the key of a client.
pub(crate) fn keyed(key: (&str, u64), engine: EngineId, message: &Message) -> Ingress {
    Ingress {
        client: ClientId::of(key.0),
        sequence: Some(key.1),
        ..ingress(engine, message)
    }
}

/// The entry of the message without a key that this answers.
pub(crate) fn entry(replied: &Replied) -> Entry {
    match replied.asker {
        Asker::Keyless(entry) => entry,
        Asker::Keyed { .. } => panic!("{replied:?}"),
    }
}

/// The index of that entry in its block.
pub(crate) fn index(replied: &Replied) -> u64 {
    entry(replied).index
}

/// Starts a root actor. Its configuration is in postcard, which takes scripts of any depth.
pub(crate) fn start(executor: &mut Executor, id: EngineId, config: &Config) {
    let config = postcard::to_allocvec(config).unwrap();
    let config = Configuration::postcard(&config);
    executor.start(id, ACTOR, config, frame(0)).unwrap();
}

/// The memory of a live actor.
pub(crate) fn memory(executor: &Executor, engine: EngineId) -> Memory {
    let captured = executor.encode_state(engine, LARGE).unwrap();
    // The memory is all that an actor's state has.
    postcard::from_bytes(&captured.state).unwrap()
}

/// From the next block on, the default parameters with this change hold.
pub(crate) fn bounded(executor: &mut Executor, change: impl FnOnce(&mut Parameters)) {
    let mut parameters = Parameters::default();
    change(&mut parameters);
    executor.set_parameters(parameters);
}

/// From the next block on, so many messages are handled in each.
pub(crate) fn handle_at_most(executor: &mut Executor, messages: u64) {
    let mut parameters = (**executor.parameters()).clone();
    parameters.block.messages = messages;
    executor.set_parameters(parameters);
}
