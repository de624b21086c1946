//! [`Clock`]: where block times come from, and [`SystemClock`], which reads the node's one wall clock.

use refit_abi::BlockTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time that blocks are made by.
pub trait Clock: Send + Sync {
    /// Now, in milliseconds since the Unix epoch. It may stop or step back: block time does not follow it there.
    fn now(&self) -> BlockTime;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// 0 if this machine's clock is before the epoch.
    fn now(&self) -> BlockTime {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        BlockTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
