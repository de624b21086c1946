//! What a node's operator wants of upgrades.

use super::time::time;
use clap::Args;
use clap::builder::BoolishValueParser;
use std::num::NonZeroU32;
use std::time::Duration;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Upgrades")]
pub(crate) struct PolicyArgs {
    /// Refuses an upgrade whose rehearsal took a longer pause, such as 5ms.
    #[arg(long, value_name = "TIME", env = "REFIT_MAX_PAUSE", value_parser = time)]
    pub(crate) max_pause: Option<Duration>,
    /// Takes a pause that lasts longer for one that does not end: quarantines the code and restarts.
    /// [default: 30s]
    #[arg(long, value_name = "TIME", env = "REFIT_PAUSE_LIMIT", value_parser = time)]
    pub(crate) pause_limit: Option<Duration>,
    /// Does not run upgrades in a child process, on a copy of the state, before they happen.
    #[arg(long, env = "REFIT_NO_REHEARSAL", value_parser = BoolishValueParser::new())]
    pub(crate) no_rehearsal: bool,
    /// Longest time for a rehearsal. [default: 20s]
    #[arg(long, value_name = "TIME", env = "REFIT_REHEARSAL_WAIT", value_parser = time)]
    pub(crate) rehearsal_wait: Option<Duration>,
    /// Memory that a rehearsal may use, in MiB: old and new states, and the code. [default: 4096]
    #[arg(long, value_name = "MIB", env = "REFIT_REHEARSAL_MEMORY")]
    pub(crate) rehearsal_memory: Option<NonZeroU32>,
}
