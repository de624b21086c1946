//! The flags of the benches of durability: `refit bench durable | recovery | rollback | checkpoint`.

use super::OutputArgs;
use clap::Args;
use refit_benches::checkpoint::CheckpointOptions;
use refit_benches::durable::DurableOptions;
use refit_benches::recovery::RecoveryOptions;
use refit_benches::rollback::RollbackOptions;
use std::path::PathBuf;

/// The disk that is measured.
#[derive(Debug, Args)]
pub(crate) struct DiskArgs {
    /// A folder on the disk that is measured. What the bench makes there it removes.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DurableArgs {
    /// Clients at once, each with a group of messages under way.
    #[arg(long, value_name = "COUNT", default_value_t = 60)]
    clients: u32,
    /// Messages of a group.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    group: u32,
    /// Length of each window, in seconds.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Pairs of windows: on the disk and in memory.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pairs: u32,
    /// Messages of the lone client.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    lone: u32,
    /// Swaps on each node.
    #[arg(long, value_name = "COUNT", default_value_t = 21)]
    swaps: u32,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl DurableArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> DurableOptions {
        DurableOptions {
            clients: self.clients,
            group: self.group,
            seconds: self.seconds,
            pairs: self.pairs,
            lone: self.lone,
            swaps: self.swaps,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RecoveryArgs {
    /// The checkpoint of the large state, about, in megabytes.
    #[arg(long, value_name = "MB", default_value_t = 100)]
    state: u64,
    /// Bytes of each of its values.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    value: u32,
    /// Messages of the long log.
    #[arg(long, value_name = "COUNT", default_value_t = 400_000)]
    messages: u64,
    /// Starts of each.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    repetitions: u32,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl RecoveryArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> RecoveryOptions {
        RecoveryOptions {
            state_mb: self.state,
            value_bytes: self.value,
            messages: self.messages,
            repetitions: self.repetitions,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchRollbackArgs {
    /// The node's checkpoint, about, in megabytes.
    #[arg(long, value_name = "MB", default_value_t = 100)]
    state: u64,
    /// Bytes of each value.
    #[arg(long, value_name = "BYTES", default_value_t = 1_000)]
    value: u32,
    /// Messages since the upgrade.
    #[arg(long, value_name = "COUNT", default_value_t = 300_000)]
    messages: u64,
    /// How often, each time a node of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    repetitions: u32,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl BenchRollbackArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> RollbackOptions {
        RollbackOptions {
            state_mb: self.state,
            value_bytes: self.value,
            messages: self.messages,
            repetitions: self.repetitions,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// How often a node is copied for a checkpoint, and how often for a snapshot.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    repetitions: u32,
    /// Measures ten million entries in one engine and a hundred thousand engines too.
    #[arg(long)]
    large: bool,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl CheckpointArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> CheckpointOptions {
        let options = CheckpointOptions {
            repetitions: self.repetitions,
            ..CheckpointOptions::default()
        };
        match self.large {
            true => options.large(),
            false => options,
        }
    }
}
