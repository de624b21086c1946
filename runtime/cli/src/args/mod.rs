//! The command line: one file for each group of flags.

mod authoring;
mod bench;
mod block;
mod brought;
mod budget;
mod building;
mod chaos;
mod common;
mod configuration;
mod demo;
mod doctor;
mod documents;
mod durability;
mod engine;
mod events;
mod explain;
mod keys;
mod kills;
mod listening;
mod message;
mod named_json;
mod named_path;
mod output;
mod parameters;
mod policy;
mod release;
mod run;
mod sandbox;
mod snapshot;
mod store;
mod upgrade;
mod variables;
mod watch;

pub(crate) use authoring::{CheckArgs, FreezeArgs, NewArgs};
pub(crate) use bench::{BenchCommand, BusArgs, CompareArgs, CopyArgs, ServeArgs, SwapArgs};
pub(crate) use block::{BlockCommand, BlockQuarantineArgs};
pub(crate) use brought::Brought;
pub(crate) use budget::BudgetArg;
pub(crate) use building::{BuildingArgs, CacheArgs};
pub(crate) use chaos::ChaosArgs;
pub(crate) use common::CommonArgs;
pub(crate) use configuration::{ConfigCheckArgs, ConfigCommand, InitArgs};
pub(crate) use demo::DemoArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use documents::{CompletionsArgs, ManArgs};
pub(crate) use durability::{BenchRollbackArgs, CheckpointArgs, DurableArgs, RecoveryArgs};
pub(crate) use engine::{
    BuildArgs, BuildProfile, CaptureArgs, CleanArgs, DevArgs, EngineCommand, EngineOrderArgs,
    InspectArgs, ProbeArgs, TrialArgs,
};
pub(crate) use events::EventsArgs;
pub(crate) use explain::ExplainArgs;
pub(crate) use keys::{
    KeyCommand, KeyGenerateArgs, KeyInspectArgs, KeysetCommand, KeysetCreateArgs,
    KeysetInspectArgs, KeysetInstallArgs, KeysetMadeArgs, KeysetRotateArgs, SignArgs,
};
pub(crate) use kills::{Kill, Kills};
pub(crate) use listening::{ListeningArgs, listen_addr};
pub(crate) use message::{QueryArgs, SendArgs};
pub(crate) use named_json::NamedJson;
pub(crate) use named_path::NamedPath;
pub(crate) use output::{OutputArgs, StatusArgs};
pub(crate) use parameters::{ParametersCommand, SetArgs, Setting};
pub(crate) use policy::{
    PanicChoice, PolicyArgs, RepliesChoice, downtime, pause_limit, rehearsal_wait,
};
pub(crate) use release::{
    AttestArgs, ImportArgs, PackArgs, ReleaseBuildArgs, ReleaseCommand, ReleaseDiffArgs,
    ReleaseShowArgs, ReleaseSourceArgs, ReleaseVerifyArgs, RevokeArgs,
};
pub(crate) use run::{RunArgs, block_interval};
pub(crate) use sandbox::{BuildsArgs, HelperArgs, InsideArgs, ReleaseBuilderArgs, SandboxChoice};
pub(crate) use snapshot::{
    CreateArgs, DiffArgs, MigrateArgs, RestoreArgs, SnapshotCommand, SnapshotInspectArgs,
    VerifyArgs,
};
pub(crate) use store::{CodeChoice, StoreKind};
pub(crate) use upgrade::{
    ApplyArgs, BundleArgs, CancelArgs, OrderArgs, PlanArgs, ProbationArgs, QuarantineArgs,
    RehearseArgs, RollbackArgs, SnapshotBefore, UpgradeCommand, UpgradeStatusArgs, UpgradeWaitArgs,
};
pub(crate) use variables::name_in;
pub(crate) use watch::{WatchArgs, call_limit, stop_limit};

use clap::{CommandFactory, Parser, Subcommand};

/// Runs a node whose engines are replaced, all in one step, while it serves.
#[derive(Debug, Parser)]
#[command(name = "refit", version, propagate_version = true)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows it all: a node, HTTP clients, and four upgrades under load.
    Demo(DemoArgs),
    /// Runs a node until it is told to stop by SIGINT, SIGTERM or SIGHUP.
    Run(RunArgs),
    /// Writes a commented configuration file to begin with.
    Init(InitArgs),
    /// Looks into the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Builds engine libraries and looks into them.
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Shows the state of a running node.
    Status(StatusArgs),
    /// Sends a message to an engine and prints its reply.
    Send(SendArgs),
    /// Asks an engine something, without changing it.
    Query(QueryArgs),
    /// Shows the events that engines emit, as they come.
    Events(EventsArgs),
    /// Plans, applies, follows and takes back upgrades.
    #[command(subcommand)]
    Upgrade(UpgradeCommand),
    /// Shows and sets limits, budgets and grants of a running node.
    #[command(subcommand)]
    Parameters(ParametersCommand),
    /// Takes snapshots of a running node, looks into them, and restores them.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Makes keys and looks at them.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Says whose signatures make a release: makes, rotates and signs keysets.
    #[command(subcommand)]
    Keyset(KeysetCommand),
    /// Packs, signs and checks releases.
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Looks after blocks of a data folder.
    #[command(subcommand)]
    Block(BlockCommand),
    /// Kills a node under load, again and again, and checks that nothing was lost.
    Chaos(ChaosArgs),
    /// Says what a data folder is like, and what to do about it. Changes nothing; best while no node runs on it.
    Doctor(DoctorArgs),
    /// Measures what upgrades and messages cost on this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Says what an error's code means, and what to do.
    Explain(ExplainArgs),
    /// Writes a shell's completion script for this program.
    Completions(CompletionsArgs),
    /// Writes the manual pages.
    Man(ManArgs),
    /// Loads a library in this process, describes it, and ends. The node calls it.
    #[command(hide = true)]
    Probe(ProbeArgs),
    /// Runs an upgrade that comes on stdin, on a copy of the state, and ends. The node calls it.
    #[command(hide = true)]
    Rehearsal(InsideArgs),
    /// Rolls a copy of a node's store back, says what that has come to, and ends. The node calls it.
    #[command(hide = true)]
    Trial(TrialArgs),
    /// Starts what a confined node may not, as the node tells it on stdin, and ends with it. The node starts it.
    #[command(hide = true)]
    Helper(HelperArgs),
    /// Makes the room of a build of a release's source, as it is told on stdin, and ends. Whoever builds starts it.
    #[command(hide = true)]
    Launcher,
    /// Builds a package of a release's source, which it is told on stdin, and ends. The node has it started.
    #[command(hide = true)]
    ReleaseBuilder(ReleaseBuilderArgs),
}

/// The parser, with the exit codes in every help.
pub(crate) fn command() -> clap::Command {
    complete(Cli::command()).after_help(crate::exit::help())
}

fn complete(command: clap::Command) -> clap::Command {
    let command = variables::without_empty(command);
    let names: Vec<_> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let command = command.after_help(crate::exit::short());
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, complete)
    })
}
