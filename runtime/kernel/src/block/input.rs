//! [`BlockInput`]: one block to execute.

use crate::block::orders::PlacedOrder;
use crate::keys::{RequestDigest, Share};
use refit_abi::host::BlockFrame;
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId};

/// One block to execute.
#[derive(Clone, Debug, Default)]
pub struct BlockInput {
    /// Height, time and hash.
    pub frame: BlockFrame,
    /// Messages from clients, in order.
    pub messages: Vec<Ingress>,
    /// Operators' orders, by the index of their entry: the messages are the entries that are left.
    pub orders: Vec<PlacedOrder>,
    /// The digests of requests under keys, by the index of their entry, as far as the caller has them; a missing one is computed. Each
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
