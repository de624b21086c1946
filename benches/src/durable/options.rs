//! [`DurableOptions`]: what to measure.

use crate::BenchError;
use crate::options::within;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct DurableOptions {
    /// Clients at once, each with a group of messages under way.
    pub clients: u32,
    /// Messages of a group.
    pub group: u32,
    /// Length of each window, in seconds.
    pub seconds: f64,
    /// Pairs of windows: on the disk and in memory.
    pub pairs: u32,
    /// Messages of the lone client.
    pub lone: u32,
    /// Swaps on each node.
    pub swaps: u32,
}

impl Default for DurableOptions {
    /// 60 clients with groups of 100, 5 pairs of windows of 2 s, 500 messages of a lone client, 21 swaps.
    fn default() -> Self {
        Self {
            clients: 60,
            group: 100,
            seconds: 2.0,
            pairs: 5,
            lone: 500,
            swaps: 21,
        }
    }
}

impl DurableOptions {
    /// Checks the ranges; `run` calls it first.
    ///
    /// # Errors
    /// [`BenchError::Option`].
    pub fn check(&self) -> Result<(), BenchError> {
        within("clients", self.clients.into(), 1.0..=6_144.0)?;
        within("group", self.group.into(), 1.0..=6_144.0)?;
        within("seconds", self.seconds, 0.05..=600.0)?;
        within("pairs", self.pairs.into(), 1.0..=1_000.0)?;
        within("lone", self.lone.into(), 1.0..=1_000_000.0)?;
        within("swaps", self.swaps.into(), 1.0..=1_000.0)
    }
}
