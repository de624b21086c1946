//! Flags of `refit chaos`.

use super::{Kills, OutputArgs};
use clap::Args;
use std::path::PathBuf;

/// Drives nodes of its own (`refit run --store redb`) with clients that write, read and keep a ledger of what was
/// acknowledged, and with upgrades, some of which are taken back or done while the node is stopped; loses data folders and
/// restores snapshots into new ones; kills all of that with SIGKILL, also while they recover; starts them again, and checks
/// that nothing acknowledged is lost or done twice, that no read has shown a state that recovery does not have, that
/// heights and generations only grow, that a generation is entirely old or entirely new, and that a recovery that is
/// repeated gives the same.
#[derive(Debug, Args)]
pub(crate) struct ChaosArgs {
    /// Rounds, each with a data folder of its own and kills at steps, occurrences and times that the seed chooses.
    /// [default: 20, and 1 with --kill]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rounds: Option<u32>,
    /// Kills at each step that a node takes instead, in its first life and in a recovery, and at each of a restore.
    #[arg(long, conflicts_with_all = ["rounds", "kill"])]
    pub(crate) all_steps: bool,
    /// Rounds for each step of --all-steps.
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "all_steps", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) seeds: u32,
    /// Kills exactly so instead, life by life: STEP#OCCURRENCE, a time after the start such as 150ms, or
    /// restore/STEP#OCCURRENCE for the restore of a snapshot.
    #[arg(long, value_name = "KILL,…")]
    pub(crate) kill: Option<Kills>,
    /// Fixes what is chosen; a fresh one is taken, and printed, if it is left out.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Clients, each with a key of its own that it counts up. Of three or more the last one sends without idempotency keys.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) clients: u16,
    /// Puts the rounds' data folders into DIR; a temporary folder otherwise. The folder of a round with a violation is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
