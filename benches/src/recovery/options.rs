//! [`RecoveryOptions`]: what to measure.

use crate::BenchError;
use crate::options::within;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct RecoveryOptions {
    /// The checkpoint of the large state, about, in megabytes.
    pub state_mb: u64,
    /// Bytes of each of its values.
    pub value_bytes: u32,
    /// Messages of the long log.
    pub messages: u64,
    /// Starts of each.
    pub repetitions: u32,
}

impl Default for RecoveryOptions {
    /// 100 MB in values of 100 bytes, 400,000 messages, 5 starts of each.
    fn default() -> Self {
        Self {
            state_mb: 100,
            value_bytes: 100,
            messages: 400_000,
            repetitions: 5,
        }
    }
}

impl RecoveryOptions {
    /// Checks the ranges; `run` calls it first.
    ///
    /// # Errors
    /// [`BenchError::Option`].
    pub fn check(&self) -> Result<(), BenchError> {
        within("state", self.state_mb as f64, 1.0..=10_000.0)?;
        within("value", self.value_bytes.into(), 8.0..=65_536.0)?;
        // More are more than the log has between two checkpoints.
        within("messages", self.messages as f64, 1.0..=500_000.0)?;
        within("repetitions", self.repetitions.into(), 1.0..=1_000.0)
    }
}
