//! [`Key`], [`RequestDigest`], [`Entry`] and [`Asker`]: how a client's message or an operator's order is called, the same on every node.

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use refit_abi::host::Ingress;
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId, Height};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Keeps a request's digest apart from every other hash.
const REQUEST_CONTEXT: &str = "refit 2026 request under a key";

/// The same for the digest of an order.
const ORDER_CONTEXT: &str = "refit 2026 order under a key";

/// A client's own name for one of its messages or orders: sending it again means the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The client.
    pub client: ClientId,
    /// The client's number for it.
    pub sequence: u64,
}

/// BLAKE3 over a message and its receiver, or over an order: whether a key belongs to the same request as before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestDigest([u8; 32]);

/// The place of one message in the chain of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The block that brought it.
    pub height: Height,
    /// Its place in that block, from 0.
    pub index: u64,
}

/// The client that gets an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Asker {
    /// Everybody who sent this request under this key, however often.
    Keyed {
        /// The key.
        key: Key,
        /// The request: another one under the same key has another answer.
        request: RequestDigest,
    },
    /// The sender of the message at this place.
    Keyless(Entry),
}

/// How a client's message that waits is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Under its key: its sender and its sequence.
    Keyed,
    /// It has no key. Its sequence is its place in the block at this height.
    Keyless(Height),
}

impl RequestDigest {
    /// The digest of a message to an engine.
    pub fn of(engine: EngineId, codec: Codec, payload: &[u8]) -> Self {
        static CONTEXT: LazyLock<ContextKey> =
            LazyLock::new(|| hash_derive_key_context(REQUEST_CONTEXT));
        let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXT);
        let mut head = [0; 17];
        head[..16].copy_from_slice(&engine.to_bytes());
        head[16] = codec as u8;
        hasher.update(&head);
        hasher.update(payload);
        Self(*hasher.finalize().as_bytes())
    }

    /// The digest of a client's message.
    pub fn of_message(message: &Ingress) -> Self {
        Self::of(message.engine, message.codec, &message.payload)
    }

    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of an order: its kind and its content.
    pub(crate) fn of_order(kind: u8, said: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(ORDER_CONTEXT);
        hasher.update(&[kind]);
        hasher.update(said);
        Self(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
