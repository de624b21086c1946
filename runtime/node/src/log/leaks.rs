//! Tells of states that were too deep to be dropped: where nothing may fail, they keep their memory.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many of the process's leaks are already in the log.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Writes a line to the log if more states were leaked since the last look.
pub(crate) fn tell() {
    let leaked = refit_abi::host::leaked();
    let told = TOLD.fetch_max(leaked, Ordering::Relaxed);
    if leaked > told {
        let more = leaked - told;
        tracing::warn!(
            more,
            leaked,
            "states that are nested too deep to be dropped keep their memory until the node ends"
        );
    }
}
