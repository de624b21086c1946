//! How long a node waits for what does not end.

use crate::units::{bounded, time};
use clap::Args;
use refit_node::{CALL_LIMIT_MIN, STOP_LIMIT_MIN};
use std::time::Duration;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits of calls and of the end")]
pub(crate) struct WatchArgs {
    /// Says so when a call into an engine (a batch of messages, a query, an init) lasts longer: in the
    /// log, in status, in readyz; in livez after 12 times as long. From 100ms on. [default: 5s]
    #[arg(long, value_name = "TIME", env = "REFIT_CALL_LIMIT", value_parser = call_limit)]
    pub(crate) call_limit: Option<Duration>,
    /// Ends the node at once, with exit code 60, this long after it was told to end. A second signal does it at once.
    /// From 100ms on. [default: 25s]
    #[arg(long, value_name = "TIME", env = "REFIT_STOP_LIMIT", value_parser = stop_limit)]
    pub(crate) stop_limit: Option<Duration>,
}

/// Parses the time after which a call counts as one that does not return.
pub(crate) fn call_limit(text: &str) -> Result<Duration, String> {
    bounded(time(text)?, CALL_LIMIT_MIN, None)
}

/// Parses the time in which a node may end.
pub(crate) fn stop_limit(text: &str) -> Result<Duration, String> {
    bounded(time(text)?, STOP_LIMIT_MIN, None)
}
