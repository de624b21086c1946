//! The flags for a node's policy on upgrades.

use crate::units::{bounded, bytes, time};
use clap::Args;
use clap::builder::BoolishValueParser;
use refit_node::rehearsal::{REHEARSAL_WAIT_MAX, REHEARSAL_WAIT_MIN};
use refit_node::{OnPanic, PAUSE_LIMIT_MIN, PROBATION_BLOCKS_MAX, Replies};
use serde::Deserialize;
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
    /// How long the node may not serve for an upgrade that it cannot do while it serves, such as 5s: such an upgrade is then
    /// planned as `offline`. 0s: it is refused, also if it is ordered. [default: only if it is ordered]
    #[arg(long, value_name = "TIME", env = "REFIT_MAX_DOWNTIME", value_parser = downtime)]
    pub(crate) max_downtime: Option<Duration>,
    /// For so many blocks after an upgrade the node can be rolled back; 0: not at all. Another plan is refused
    /// meanwhile. [default: 32]
    #[arg(long, value_name = "COUNT", env = "REFIT_PROBATION_BLOCKS", value_parser = probation_blocks)]
    pub(crate) probation_blocks: Option<u64>,
    /// What a panic of an engine's does meanwhile: its engine is poisoned, as ever; or the node is rolled back, unless
    /// the code of before panics there too; or it executes no more blocks until you decide. [default: poison]
    #[arg(long, value_name = "WHAT", env = "REFIT_PROBATION_PANIC")]
    pub(crate) probation_panic: Option<PanicChoice>,
    /// When replies of these blocks leave: as ever, or when they can no longer be taken back. Then a panic rolls the node
    /// back, unless you say otherwise, and the blocks must fit into half of a client's wait. [default: leave]
    #[arg(long, value_name = "WHEN", env = "REFIT_PROBATION_REPLIES")]
    pub(crate) probation_replies: Option<RepliesChoice>,
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

/// What a panic does while a generation is on probation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PanicChoice {
    /// The engine is poisoned, and you decide.
    Poison,
    /// The node is rolled back, unless the code of before panics there too.
    Rollback,
    /// The node executes no more blocks until you decide.
    Halt,
}

impl From<PanicChoice> for OnPanic {
    fn from(choice: PanicChoice) -> Self {
        match choice {
            PanicChoice::Poison => Self::Poison,
            PanicChoice::Rollback => Self::RollBack,
            PanicChoice::Halt => Self::Halt,
        }
    }
}

/// When the replies of a generation on probation leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RepliesChoice {
    /// As ever.
    Leave,
    /// Once it is permanent.
    Hold,
}

impl From<RepliesChoice> for Replies {
    fn from(choice: RepliesChoice) -> Self {
        match choice {
            RepliesChoice::Leave => Self::Leave,
            RepliesChoice::Hold => Self::Held,
        }
    }
}

/// Parses a time without service, which may be none.
pub(crate) fn downtime(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "0" | "0s" | "0ms" => Ok(Duration::ZERO),
        text => time(text),
    }
}

/// Parses the length of a probation.
pub(crate) fn probation_blocks(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(blocks) if blocks <= PROBATION_BLOCKS_MAX => Ok(blocks),
        Ok(_) => Err(format!("at most {PROBATION_BLOCKS_MAX} are taken")),
        Err(_) => Err("it is not a number of blocks".to_owned()),
    }
}

/// Parses the time after which a pause counts as stuck.
pub(crate) fn pause_limit(text: &str) -> Result<Duration, String> {
    bounded(time(text)?, PAUSE_LIMIT_MIN, None)
}
