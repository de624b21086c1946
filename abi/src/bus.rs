//! [`UpgradeBus`]: the one handle a transition function has to the outside, for as long as the
//! upgrade runs.

use crate::raw::{Bytes, RawBus};
use crate::{EngineId, Height};
use std::fmt;

/// The temporary bus of one upgrade. Nothing done through it is seen before the upgrade commits.
pub struct UpgradeBus<'a> {
    raw: &'a mut RawBus,
}

impl<'a> UpgradeBus<'a> {
    pub(crate) fn new(raw: &'a mut RawBus) -> Self {
        Self { raw }
    }

    /// The engine whose state is being migrated.
    pub fn id(&self) -> EngineId {
        self.raw.id
    }

    /// The height of the update point: the last block that the old code executed.
    pub fn height(&self) -> Height {
        Height(self.raw.height)
    }

    /// Whether the upgrade was cancelled because another transition failed. A long transition
    /// should look, and return any fault: its result is dropped.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: the host made `raw` for this call, so its table and object outlive it.
        unsafe { ((*self.raw.calls).cancelled)(self.raw.host) }
    }

    /// Writes a line to the node's log, once the upgrade has ended.
    pub fn log(&mut self, line: &str) {
        // SAFETY: as above; the host copies the bytes before it returns.
        unsafe { ((*self.raw.calls).log)(self.raw.host, 3, Bytes::from(line.as_bytes())) }
    }
}

impl fmt::Debug for UpgradeBus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeBus")
            .field("id", &self.raw.id)
            .finish_non_exhaustive()
    }
}
