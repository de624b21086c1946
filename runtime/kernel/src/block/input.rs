//! [`BlockInput`]: one block to execute.

use crate::block::orders::PlacedOrder;
use crate::keys::RequestDigest;
use refit_abi::host::{BlockFrame, Ingress};

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
