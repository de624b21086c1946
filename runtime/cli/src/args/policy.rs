//! The flags for a node's policy on upgrades.

use crate::units::{bounded, bytes, time};
use clap::Args;
use clap::builder::BoolishValueParser;
use refit_node::PAUSE_LIMIT_MIN;
use refit_node::rehearsal::{REHEARSAL_WAIT_MAX, REHEARSAL_WAIT_MIN};
use std::time::Duration;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Upgrades")]
pub(crate) struct PolicyArgs {
    /// Refuses an upgrade whose rehearsal took a longer pause, such as 5ms.
    #[arg(long, value_name = "TIME", env = "REFIT_MAX_PAUSE", value_parser = time)]
    pub(crate) max_pause: Option<Duration>,
    /// Counts a pause that lasts longer as one that does not end: quarantines the code and restarts. An upgrade that
    /// waits as long for the one before to settle is let go. From 100ms on. [default: 30s]
    #[arg(long, value_name = "TIME", env = "REFIT_PAUSE_LIMIT", value_parser = pause_limit)]
    pub(crate) pause_limit: Option<Duration>,
    /// Does not run upgrades in a child process, on a copy of the state, before they happen.
    #[arg(long, env = "REFIT_NO_REHEARSAL", value_parser = BoolishValueParser::new())]
    pub(crate) no_rehearsal: bool,
    /// Longest time for a rehearsal, from 100ms to 5min. [default: 20s]
    #[arg(long, value_name = "TIME", env = "REFIT_REHEARSAL_WAIT", value_parser = rehearsal_wait)]
    pub(crate) rehearsal_wait: Option<Duration>,
    /// Memory that a rehearsal may use, such as 512MiB: old and new states, and the code. [default: 4GiB]
    #[arg(long, value_name = "SIZE", env = "REFIT_REHEARSAL_MEMORY", value_parser = rehearsal_memory)]
    pub(crate) rehearsal_memory: Option<u64>,
}

/// Parses the memory for a rehearsal. A number alone was mebibytes once, so that it is refused rather than taken for bytes.
pub(crate) fn rehearsal_memory(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(number) => Err(format!("{number} has no unit: write such as {number}MiB")),
        Err(_) => bytes(text),
    }
}

/// Parses the time for a rehearsal.
pub(crate) fn rehearsal_wait(text: &str) -> Result<Duration, String> {
    bounded(time(text)?, REHEARSAL_WAIT_MIN, Some(REHEARSAL_WAIT_MAX))
}

/// Parses the time after which a pause counts as stuck.
pub(crate) fn pause_limit(text: &str) -> Result<Duration, String> {
    bounded(time(text)?, PAUSE_LIMIT_MIN, None)
}
