//! The node's one reading of the wall clock: block times come from here.

use refit_abi::BlockTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since the Unix epoch; 0 if this machine's clock is before it.
pub(crate) fn now() -> BlockTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    BlockTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
