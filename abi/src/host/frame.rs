//! [`HandleContext`]: the block and the services that a call of an engine's code is given.

use super::services::{Services, Table};
use crate::raw::RawContext;
use crate::{BlockHash, BlockTime, EngineId, Height};
use std::ffi::c_void;
use std::fmt;

/// The block that a call belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BlockFrame {
    /// The block's number.
    pub height: Height,
    /// The block's time.
    pub time: BlockTime,
    /// The block's hash.
    pub hash: BlockHash,
}

/// The services and the block of one engine's batch.
pub struct HandleContext<'a, S> {
    pub(super) services: &'a mut S,
    pub(super) raw: RawContext,
}

impl<'a, S: Services> HandleContext<'a, S> {
    /// The context of `id` in a block; `ordinal` as in [`super::Kind::handle`].
    pub fn new(id: EngineId, frame: BlockFrame, ordinal: u64, services: &'a mut S) -> Self {
        let raw = context(id, frame, ordinal, services);
        Self { services, raw }
    }
}

impl<S> fmt::Debug for HandleContext<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleContext")
            .field("id", &self.raw.id)
            .finish_non_exhaustive()
    }
}

pub(super) fn context<S: Services>(
    id: EngineId,
    frame: BlockFrame,
    ordinal: u64,
    services: &mut S,
) -> RawContext {
    RawContext {
        size: size_of::<RawContext>(),
        host: (&raw mut *services).cast::<c_void>(),
        calls: Table::<S>::CALLS,
        id,
        height: frame.height.0,
        time_ms: frame.time.0,
        block_hash: frame.hash.0,
        ordinal,
        current: 0,
    }
}
