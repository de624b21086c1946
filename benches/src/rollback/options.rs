//! [`RollbackOptions`]: what to measure.

use super::client::Filling;
use crate::BenchError;
use crate::options::within;

/// Bytes of a key.
const KEY_BYTES: u64 = 12;

/// Keys that are written on probation.
const SINCE_KEYS: u64 = 10_000;

/// Bytes of the values that are written on probation.
const SINCE_VALUE_BYTES: usize = 16;

/// Messages that make the log so long that a checkpoint is due, and bytes of their values.
const PADDINGS: u64 = 64;
const PADDING_BYTES: usize = 256 << 10;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct RollbackOptions {
    /// The node's checkpoint, about, in megabytes.
    pub state_mb: u64,
    /// Bytes of each value.
    pub value_bytes: u32,
    /// Messages since the upgrade.
    pub messages: u64,
    /// How often, each time a node of its own.
    pub repetitions: u32,
}

impl Default for RollbackOptions {
    /// 100 MB in values of 1,000 bytes, 300,000 messages, three times.
    fn default() -> Self {
        Self {
            state_mb: 100,
            value_bytes: 1_000,
            messages: 300_000,
            repetitions: 3,
        }
    }
}

impl RollbackOptions {
    /// Checks the ranges; `run` calls it first.
    ///
    /// # Errors
    /// [`BenchError::Option`].
    pub fn check(&self) -> Result<(), BenchError> {
        within("state", self.state_mb as f64, 0.0..=10_000.0)?;
        within("value", self.value_bytes.into(), 8.0..=65_536.0)?;
        within("messages", self.messages as f64, 0.0..=10_000_000.0)?;
        within("repetitions", self.repetitions.into(), 1.0..=1_000.0)
    }

    pub(super) fn state(&self) -> Filling {
        // The image has each key and value twice, in the store and in its index.
        let keys = self.state_mb * 1_000_000 / (2 * (KEY_BYTES + u64::from(self.value_bytes)));
        Filling {
            messages: keys,
            keys,
            value_bytes: self.value_bytes as usize,
        }
    }

    /// Messages that only make the log longer.
    pub(super) fn padding() -> Filling {
        Filling {
            messages: PADDINGS,
            keys: 1,
            value_bytes: PADDING_BYTES,
        }
    }

    pub(super) fn since(&self) -> Filling {
        Filling {
            messages: self.messages,
            keys: SINCE_KEYS,
            value_bytes: SINCE_VALUE_BYTES,
        }
    }
}
