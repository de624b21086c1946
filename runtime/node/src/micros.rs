//! Times as reports have them: whole microseconds.

use std::time::Duration;

/// A time in microseconds; the most that fits if it is longer.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
