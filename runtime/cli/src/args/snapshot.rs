//! Snapshots: taking, looking into, restoring.

use super::policy::{rehearsal_memory, rehearsal_wait};
use super::upgrade::OrderArgs;
use super::{BuildingArgs, NamedPath, OutputArgs};
use clap::{Args, Subcommand};
use refit_abi::EngineId;
use refit_release::KeysetId;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Takes a snapshot of a running node between two blocks: all of its states in one file. The node goes on.
    Create(CreateArgs),
    /// Shows what is in a snapshot, or writes one engine's state out of it as a fixture. Needs no node and no code.
    Inspect(SnapshotInspectArgs),
    /// Reads all of a snapshot and says whether it is whole.
    Verify(VerifyArgs),
    /// Makes a snapshot the beginning of a new data folder, from which `refit run` goes on.
    ///
    /// The folder is that of --data-dir; it must have no chain yet, and no node may run on it. Clients' keys, mail and
    /// timers go on where the snapshot was taken. What the node did after that is not in it, so the restored chain is on
    /// a branch of its own, which the ids of its events say.
    ///
    /// Nobody signs a snapshot. One that has a keyset is restored only if the `keyset` of the configuration leads to that, or
    /// if --trust-keyset names it. What its chain has left behind and what is revoked stays out in any case.
    Restore(RestoreArgs),
    /// Upgrades a snapshot without a node: new code and the states after its transitions, in another file.
    ///
    /// The plan is made, or compared, as a node does; the transitions run in a child process on a copy of the states. A
    /// node that is restored from the new snapshot goes on with the new code, behind the same block, and has the
    /// upgrade in its history. The states are those that a node comes to by the same upgrade, to the byte.
    Migrate(Box<MigrateArgs>),
    /// Compares two snapshots: their code, their parameters, their engines, and the entries of the engines' states.
    Diff(DiffArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// File to write to, for its owner alone. A file that is no snapshot is not replaced. [default:
    /// HEIGHT.snapshot]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Puts the libraries of the live engines into it, so that it can be restored without anything else.
    #[arg(long)]
    pub(crate) with_code: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotInspectArgs {
    /// The snapshot.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Writes this engine's state to --out, as `refit engine capture` does. The engine: its name, the 32 digits of its
    /// id, or NAME#N for the engine that NAME has started as its Nth, from 0.
    #[arg(long, value_name = "ENGINE", value_parser = super::engine::engine, requires = "out")]
    pub(crate) engine: Option<EngineId>,
    /// File to write the fixture to, for its owner alone; `-` is stdout. A file that is no fixture is not replaced.
    #[arg(long, value_name = "FILE", requires = "engine")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The snapshot.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The snapshot.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The library of a kind, for a snapshot that was taken without code: the very file that the node ran.
    #[arg(long = "library", value_name = "KIND=PATH")]
    pub(crate) libraries: Vec<NamedPath>,
    /// Takes the snapshot's keyset over, whose id this is: `refit snapshot inspect` shows it. Compare it with what the
    /// authority itself publishes; a snapshot can have anybody's.
    #[arg(long, value_name = "ID")]
    pub(crate) trust_keyset: Option<KeysetId>,
    /// Says each step of the store on this inherited descriptor, as that of `refit run` does.
    #[arg(long, value_name = "FD", help_heading = "Testing")]
    pub(crate) announce_steps: Option<i32>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The snapshot to begin with.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// File to write the new snapshot to, for its owner alone. A file that is no snapshot is not replaced.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    pub(crate) out: Option<PathBuf>,
    /// New code for a kind: a library, or a folder of source that is built first. With --plan: where the plan's library
    /// of that kind is, if not at its path.
    #[arg(
        long = "engine",
        value_name = "KIND=PATH",
        required_unless_present = "plan"
    )]
    pub(crate) engines: Vec<NamedPath>,
    /// Does what this plan says: the file that `refit upgrade plan` wrote, for the node that the snapshot is of.
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["restart", "dead_letters", "budget", "set", "allow"])]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) orders: OrderArgs,
    /// The library that a kind's states are of, for a snapshot without code. Else it is looked for in the snapshot, and
    /// among the libraries that the data folder keeps.
    #[arg(long = "library", value_name = "KIND=PATH")]
    pub(crate) libraries: Vec<NamedPath>,
    /// Puts the libraries into the new snapshot, also if the one before has none in it.
    #[arg(long)]
    pub(crate) with_code: bool,
    /// Runs the transitions, says what would come, and writes nothing.
    #[arg(long)]
    pub(crate) check: bool,
    /// Longest time for the transitions, from 100ms to 5min.
    #[arg(long, value_name = "TIME", default_value = "5min", env = "REFIT_WAIT_MAX", value_parser = rehearsal_wait)]
    pub(crate) wait_max: Duration,
    /// Memory that they may use, such as 512MiB: old and new states, and the code.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", env = "REFIT_REHEARSAL_MEMORY", value_parser = rehearsal_memory)]
    pub(crate) memory: u64,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// One snapshot.
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// The other one.
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
    /// Most entries of each engine that are named.
    #[arg(long, value_name = "COUNT", default_value_t = refit_node::snapshot::DIFFERENCES_MAX)]
    pub(crate) entries: usize,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
