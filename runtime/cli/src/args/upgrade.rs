//! Upgrades.

use super::policy::rehearsal_wait;
use super::{Brought, BudgetArg, BuildingArgs, OutputArgs, Setting};
use crate::units::{seconds, time};
use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{Args, Subcommand, ValueEnum};
use refit_admin::RequestId;
use refit_upgrade::{LINT_CODES, Strategy};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum UpgradeCommand {
    /// Says what new code would do to the node, and writes it down as a plan.
    Plan(PlanArgs),
    /// Has the node run a plan's upgrade once more on a copy of its present state; nothing is applied.
    Rehearse(RehearseArgs),
    /// Applies a plan to the node, or a release.
    Apply(ApplyArgs),
    /// Shows one upgrade; without a number the last one.
    Status(UpgradeStatusArgs),
    /// Waits for the end of an upgrade; without a number for that of the last one. Exits as apply does.
    Wait(UpgradeWaitArgs),
    /// Takes back an upgrade that is staged, rehearsed or waits for its height; no later than its gate closes.
    Cancel(CancelArgs),
    /// Makes the generation on probation permanent: it can no longer be rolled back.
    Confirm(ProbationArgs),
    /// Takes the generation on probation back: the node restarts with the code and the state of before the upgrade,
    /// and carries out again what came after it.
    Rollback(RollbackArgs),
    /// Lists the releases that are kept, with their size and why: the live one, those before it, those that failed.
    ///
    /// Asks the node; if it does not run, its data folder.
    List(OutputArgs),
    /// Writes all that is known of an upgrade into one file, for a report of a mistake.
    ///
    /// The file is JSON: `report` (with all times), `plan`, the code `before`, the program it was `carried_out_by`,
    /// `releases` (with the digests of libraries), `quarantine`, the node `after` (now), its `parameters`, and
    /// `left_out`. A node keeps no lines of its log: add those of the upgrade. No states, no messages, no tokens.
    Bundle(BundleArgs),
    /// Lists all upgrades that the node remembers.
    History(OutputArgs),
    /// Lists code that the node does not bring in again.
    Quarantine(QuarantineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// New code for a kind: a library, or a folder of source that is built first. Or a release, which brings all of its
    /// own: its file, which is imported first, or the id of one that the node has, or as much of its beginning as no other
    /// has.
    #[arg(value_name = "KIND=PATH|RELEASE", required = true)]
    pub(crate) brought: Vec<Brought>,
    /// The block after which the upgrade happens: the present one, or a later. [default: whichever is the newest then]
    #[arg(long, value_name = "HEIGHT", env = "REFIT_AT_HEIGHT")]
    pub(crate) at_height: Option<u64>,
    /// Like --at-height, for the block that is expected after this time, such as 30s, as blocks come now: it comes
    /// sooner if messages make more blocks, and later if they make fewer.
    #[arg(long = "in", value_name = "TIME", conflicts_with = "at_height", value_parser = time)]
    pub(crate) in_time: Option<Duration>,
    #[command(flatten)]
    pub(crate) orders: OrderArgs,
    /// How the node does it: `hot`, while it serves; or `offline`: it stops at the height, and restarts as the new
    /// generation. [default: hot; offline for what only goes so, if the node's `max_downtime` allows it]
    #[arg(long, value_name = "STRATEGY", hide_possible_values = true)]
    pub(crate) strategy: Option<StrategyChoice>,
    /// File to write the plan to; `-` is stdout. A file that is no plan is not replaced; an older plan becomes
    /// FILE.before.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "plan.json",
        env = "REFIT_OUT"
    )]
    pub(crate) out: PathBuf,
    /// Makes no plan whose rehearsal takes a longer pause, such as 5ms; overrides the node's own bound.
    #[arg(long, value_name = "TIME", env = "REFIT_MAX_PAUSE", value_parser = time)]
    pub(crate) max_pause: Option<Duration>,
    /// Does not let the node run the upgrade in a child process, on a copy of its state.
    #[arg(long, env = "REFIT_NO_REHEARSAL", value_parser = BoolishValueParser::new())]
    pub(crate) no_rehearsal: bool,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How a node does an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StrategyChoice {
    /// While it serves.
    Hot,
    /// While it does not serve.
    Offline,
}

impl From<StrategyChoice> for Strategy {
    fn from(choice: StrategyChoice) -> Self {
        match choice {
            StrategyChoice::Hot => Self::Hot,
            StrategyChoice::Offline => Self::Offline,
        }
    }
}

/// What a plan orders beside the code that it brings.
#[derive(Debug, Default, Args)]
pub(crate) struct OrderArgs {
    /// Starts engines of this kind afresh with their old configuration; their states are dropped.
    #[arg(long, value_name = "KIND")]
    pub(crate) restart: Vec<String>,
    /// Gives up queued messages to this kind that its new code does not take: they become dead letters.
    #[arg(long, value_name = "KIND")]
    pub(crate) dead_letters: Vec<String>,
    /// Replies of this kind are meant to differ from what the live code answers: then that is only noted.
    #[arg(long, value_name = "KIND")]
    pub(crate) expect_differences: Vec<String>,
    /// How much the transitions may do on the upgrade bus: messages, rounds, bytes or engines.
    #[arg(long, value_name = "WHAT=COUNT")]
    pub(crate) budget: Vec<BudgetArg>,
    /// Sets a parameter of the node in the same step, such as block.messages=100000: with the new code, or not at all.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<Setting>,
    /// Goes on in spite of an error that the linter found, named by its code.
    #[arg(long, value_name = "CODE", value_parser = PossibleValuesParser::new(LINT_CODES), hide_possible_values = true)]
    pub(crate) allow: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// The plan that `refit upgrade plan` wrote; `-` reads it from stdin.
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Fails if the pause would be longer, such as 5ms; overrides the node's own bound.
    #[arg(long, value_name = "TIME", env = "REFIT_MAX_PAUSE", value_parser = time)]
    pub(crate) max_pause: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// When a snapshot is taken before a plan is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SnapshotBefore {
    Always,
    // No doc comments here: clap would spread every flag of the command over several lines.
    Irreversible,
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The plan that `refit upgrade plan` wrote; `-` reads it from stdin. Or a release, as `plan` takes it: it is planned
    /// and applied.
    #[arg(value_name = "PLAN|RELEASE")]
    pub(crate) plan: PathBuf,
    /// Does it so, whatever the plan says: `hot`, while the node serves; or `offline`: it stops at the height, and restarts
    /// as the new generation.
    #[arg(long, value_name = "STRATEGY", hide_possible_values = true)]
    pub(crate) strategy: Option<StrategyChoice>,
    /// Key, CLIENT/SEQUENCE: the plan is taken on once, however often it is applied; another one under it is refused.
    #[arg(long, value_name = "CLIENT/SEQUENCE")]
    pub(crate) key: Option<RequestId>,
    /// Waits until the upgrade has ended. (This is the default.)
    #[arg(long, overrides_with = "no_wait", env = "REFIT_WAIT", value_parser = BoolishValueParser::new())]
    pub(crate) wait: bool,
    /// Returns as soon as the node has taken the plan on.
    #[arg(long, env = "REFIT_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub(crate) no_wait: bool,
    /// Longest wait for the end of the upgrade.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5min",
        env = "REFIT_WAIT_MAX",
        value_parser = time
    )]
    pub(crate) wait_max: Duration,
    /// The same in seconds, which scripts still say.
    #[arg(long, value_name = "S", hide = true, overrides_with = "wait_max", value_parser = seconds)]
    pub(crate) wait_s: Option<Duration>,
    /// Refuses the upgrade if its rehearsal took a longer pause, such as 5ms; overrides the node's own bound.
    #[arg(long, value_name = "TIME", env = "REFIT_MAX_PAUSE", value_parser = time)]
    pub(crate) max_pause: Option<Duration>,
    /// Does not run the upgrade in a child process first; the node's own --max-pause does not hold then.
    #[arg(long, env = "REFIT_NO_REHEARSAL", value_parser = BoolishValueParser::new())]
    pub(crate) no_rehearsal: bool,
    /// Whether a snapshot of the node, with its code, is taken before the plan is handed over: the state of before, for
    /// `refit snapshot restore`. Irreversible is a plan that drops data, or that no plan leads back from.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "never",
        env = "REFIT_SNAPSHOT_BEFORE"
    )]
    pub(crate) snapshot_before: SnapshotBefore,
    /// File of that snapshot. A file that is no snapshot is not replaced. [default: HEIGHT.snapshot]
    #[arg(long, value_name = "FILE")]
    pub(crate) snapshot_out: Option<PathBuf>,
    /// Longest time for the rehearsal, from 100ms to 5min; overrides the node's own.
    #[arg(long, value_name = "TIME", env = "REFIT_REHEARSAL_WAIT", value_parser = rehearsal_wait)]
    pub(crate) rehearsal_wait: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProbationArgs {
    /// The number of the upgrade that is on probation: another one is refused. [default: whichever it is]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The number of the upgrade that is on probation: another one is refused. [default: whichever it is]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    /// Decides nothing: tries it on a copy, in a process of its own, and says which replies would come out otherwise.
    #[arg(long)]
    pub(crate) check: bool,
    /// Longest wait until the node serves again, such as 30s or 5min.
    #[arg(long, value_name = "TIME", default_value = "1min", env = "REFIT_WAIT_MAX", value_parser = time)]
    pub(crate) wait_max: Duration,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    /// Lets this artifact come in again: its hash, or as much of its beginning as no other has.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) clear: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The upgrade's number.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// The file, which only you may read; `-` is stdout. [default: upgrade-ID.bundle.json]
    #[arg(long, value_name = "FILE", env = "REFIT_OUT")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The upgrade's number.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpgradeStatusArgs {
    /// The upgrade's number.
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    /// Shows each phase as it ends, and the whole upgrade at its end.
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpgradeWaitArgs {
    /// The upgrade's number.
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    /// Longest wait, such as 30s or 5min.
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = time, env = "REFIT_TIMEOUT")]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ApplyArgs {
    /// Longest wait for the end of the upgrade, under its name or its older one.
    pub(crate) fn wait_max(&self) -> Duration {
        self.wait_s.unwrap_or(self.wait_max)
    }
}
