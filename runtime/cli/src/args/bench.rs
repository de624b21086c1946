//! The flags of `refit bench`.

use super::OutputArgs;
use super::durability::{BenchRollbackArgs, CheckpointArgs, DiskArgs, DurableArgs, RecoveryArgs};
use clap::{Args, Subcommand};
use refit_benches::bus::BusOptions;
use refit_benches::compare::{CompareOptions, Subject};
use refit_benches::copy::CopyOptions;
use refit_benches::release::ReleaseOptions;
use refit_benches::serve::{ServeOptions, ServeStore};
use refit_benches::swap::{BenchClass, SwapOptions};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// The pause of real swaps, over engines × entries × class: swap.csv, swap.json, swap.svg.
    Swap(SwapArgs),
    /// The cost that the gate and the batched call into a library add to one message.
    Gate(OutputArgs),
    /// Messages a second between engines on one worker.
    Messages(OutputArgs),
    /// Upgrade messages, and engines started while an upgrade runs: bus.csv, bus.json.
    Bus(BusArgs),
    /// How long no block runs while the engines are copied, and the memory that it takes.
    Copy(CopyArgs),
    /// A real node under HTTP clients: requests a second, latency, processor time, swaps meanwhile, and a log on the disk.
    Serve(ServeArgs),
    /// Messages a second whose answers wait for the disk, a lone client, and pauses, beside a log in memory.
    Durable(DurableArgs),
    /// A start on the folder of a node that has ended: with a large state, and with a long log.
    Recovery(RecoveryArgs),
    /// What it takes to look whether a release may be used: signatures, and the hash of a file.
    Release(ReleaseArgs),
    /// How long a node does not serve while an upgrade is taken back.
    Rollback(BenchRollbackArgs),
    /// How long a checkpoint or a snapshot stops blocks, and what it costs the blocks behind it.
    Checkpoint(CheckpointArgs),
    /// This program against another one, pair by pair: does a revision cost speed?
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SwapArgs {
    /// Numbers of engines.
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1,1000,100000"
    )]
    engines: Vec<u64>,
    /// Numbers of entries in each engine.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "10")]
    entries: Vec<u64>,
    /// How the states cross.
    #[arg(
        long = "class",
        value_name = "CLASS,…",
        value_delimiter = ',',
        default_value = "carry,adopt,migrate,hand"
    )]
    classes: Vec<BenchClass>,
    /// How often each cell is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 11)]
    repetitions: u32,
    /// Threads of a crew. [default: the machine's cores]
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,
    /// Messages a second of the load.
    #[arg(long, value_name = "HZ", default_value_t = 1_000)]
    rate: u32,
    /// Fixes the order of the cells.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Folder of the files.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) out: PathBuf,
    /// Measures cells of more than ten million entries too.
    #[arg(long)]
    large: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The other program: a `refit` that was built for release in a checkout of its own.
    #[arg(value_name = "PROGRAM")]
    base: PathBuf,
    /// The benches to compare.
    #[arg(
        long,
        value_name = "BENCH,…",
        value_delimiter = ',',
        default_value = "swap,gate,messages,bus"
    )]
    only: Vec<Subject>,
    /// How often each is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 31)]
    pairs: u32,
    /// Fixes which of a pair runs first, and the bootstrap.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The ratio that a cell's whole 95 % interval must lie above to be called slower.
    #[arg(long, value_name = "RATIO", default_value_t = 1.03)]
    limit: f64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl CompareArgs {
    /// As the benches take it; `head` is this program.
    pub(crate) fn options(&self, head: PathBuf) -> CompareOptions {
        CompareOptions {
            base: self.base.clone(),
            head,
            pairs: self.pairs,
            subjects: self.only.clone(),
            seed: self.seed,
            limit: self.limit,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BusArgs {
    /// How often each case is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 11)]
    repetitions: u32,
    /// Threads of a crew. [default: the machine's cores]
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,
    /// Folder of the files.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl BusArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> BusOptions {
        let mut options = BusOptions::default();
        options.repetitions = self.repetitions;
        options.workers = self.workers.unwrap_or(options.workers);
        options.out = Some(self.out.clone());
        options
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The file that is hashed, in megabytes.
    #[arg(long, value_name = "MB", default_value_t = 64)]
    file: u32,
    /// How often each is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 51)]
    repetitions: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ReleaseArgs {
    /// As the bench takes it.
    pub(crate) fn options(&self) -> ReleaseOptions {
        ReleaseOptions {
            file_mb: self.file,
            repetitions: self.repetitions,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// Memory of the states, in MiB.
    #[arg(
        long,
        value_name = "MIB,…",
        value_delimiter = ',',
        default_value = "1,100"
    )]
    states: Vec<u64>,
    /// Numbers of engines that have it.
    #[arg(
        long,
        value_name = "COUNT,…",
        value_delimiter = ',',
        default_value = "1,1000"
    )]
    engines: Vec<u64>,
    /// How often each way is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    repetitions: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl CopyArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> CopyOptions {
        CopyOptions {
            state_mib: self.states.clone(),
            engines: self.engines.clone(),
            repetitions: self.repetitions,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Counts of connections for single puts; all else is measured with the middle one.
    #[arg(
        long,
        value_name = "COUNT,…",
        value_delimiter = ',',
        default_value = "64,256,900"
    )]
    connections: Vec<u32>,
    /// Length of each window, in seconds.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Requests a second of all open loops. [default: the greatest that are kept up; half of it for swaps]
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// Pairs of windows with keys and without, and with a swap and without.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pairs: u32,
    /// Fixes which of a pair comes first.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Where the node keeps its blocks: memory or redb. The other one is compared with it in any case.
    #[arg(long, value_name = "STORE", default_value = "memory")]
    store: ServeStore,
    #[command(flatten)]
    pub(crate) disk: DiskArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ServeArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> ServeOptions {
        ServeOptions {
            connections: self.connections.clone(),
            seconds: self.seconds,
            rate_hz: self.rate,
            pairs: self.pairs,
            seed: self.seed,
            store: self.store,
        }
    }
}

impl SwapArgs {
    /// As the benches take it.
    pub(crate) fn options(&self) -> SwapOptions {
        let mut options = SwapOptions::new(&self.out);
        options.engines.clone_from(&self.engines);
        options.entries.clone_from(&self.entries);
        options.classes.clone_from(&self.classes);
        options.repetitions = self.repetitions;
        options.workers = self.workers.unwrap_or(options.workers);
        options.rate_hz = self.rate;
        options.seed = self.seed;
        options.large = self.large;
        options
    }
}
