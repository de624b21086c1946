//! Running a node.

use super::{
    BuildingArgs, CodeChoice, ListeningArgs, NamedJson, NamedPath, PolicyArgs, SandboxChoice,
    StoreKind, WatchArgs,
};
use crate::units::{milliseconds, shown_time, time};
use clap::Args;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// An engine to start: a library, or a folder of source that is built first. Replaces the
    /// engines of the configuration file.
    #[arg(
        long = "engine",
        value_name = "NAME=PATH",
        env = "REFIT_ENGINES",
        value_delimiter = ','
    )]
    pub(crate) engines: Vec<NamedPath>,
    /// Configuration of an engine of `--engine`: a JSON text.
    #[arg(long = "engine-config", value_name = "NAME=JSON")]
    pub(crate) engine_configs: Vec<NamedJson>,
    /// Ends when the process that started it, with this id, has ended.
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) end_with: Option<i32>,
    /// Says each step of the store and of an upgrade on this inherited descriptor, a line each, and waits there for one
    /// byte before it goes on: `refit chaos` uses it. A step inside of a pause is not said.
    #[arg(long, value_name = "FD", help_heading = "Testing")]
    pub(crate) announce_steps: Option<i32>,
    /// Where blocks and states are kept: in the data folder, so that the next start goes on where the node ended,
    /// or in memory, where they end with the node [default: redb].
    #[arg(
        long,
        value_name = "STORE",
        env = "REFIT_STORE",
        hide_possible_values = true,
        help_heading = "Blocks"
    )]
    pub(crate) store: Option<StoreKind>,
    /// Which code the engines may be configured with when the data folder has begun: `same` as before; `live`: any,
    /// and the code that was live starts all the same; or `from-config`: any, and if it is not live it comes in before the
    /// node serves, by an upgrade like any other. Nothing else decides then what runs: do not leave it in a unit file
    /// beside upgrades by plan.
    #[arg(
        long,
        value_name = "CODE",
        default_value = "same",
        hide_possible_values = true,
        help_heading = "Blocks"
    )]
    pub(crate) code: CodeChoice,
    /// Time in which a block fills while many messages come, such as 5ms; few messages get their blocks at once.
    #[arg(
        long,
        value_name = "TIME",
        env = "REFIT_BLOCK_INTERVAL",
        value_parser = block_interval,
        help_heading = "Blocks"
    )]
    pub(crate) block_interval: Option<Duration>,
    /// The same in milliseconds, which scripts still say.
    #[arg(
        long,
        value_name = "MS",
        hide = true,
        value_parser = milliseconds,
        overrides_with = "block_interval"
    )]
    pub(crate) block_interval_ms: Option<Duration>,
    /// Messages that one block takes at most.
    #[arg(
        long,
        value_name = "COUNT",
        env = "REFIT_MESSAGES_PER_BLOCK",
        help_heading = "Blocks"
    )]
    pub(crate) messages_per_block: Option<NonZeroU32>,
    /// Threads that run engines.
    #[arg(
        long,
        value_name = "COUNT",
        env = "REFIT_WORKERS",
        help_heading = "Blocks"
    )]
    pub(crate) workers: Option<NonZeroU16>,
    /// Compares an engine's state before and after each message that it answers with a fault, and says so if it
    /// changed: for development, since each message then costs the writing of a state. `engine dev` does it.
    #[arg(long, help_heading = "Blocks")]
    pub(crate) check_faults: bool,
    /// Whether the node confines itself before the first code of an engine comes in: `on`, as far as the system can; `off`;
    /// or `require`, and it does not start where the system cannot do all of it. Inside, engines reach the data folder and
    /// little else [default: on].
    #[arg(
        long,
        value_name = "WHETHER",
        env = "REFIT_SANDBOX",
        hide_possible_values = true,
        help_heading = "Sandbox"
    )]
    pub(crate) sandbox: Option<SandboxChoice>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    #[command(flatten)]
    pub(crate) listening: ListeningArgs,
    /// Level of the log on stderr, or rules such as `info,refit_node=debug`.
    #[arg(long, value_name = "RULES", default_value = "info", env = "REFIT_LOG")]
    #[arg(help_heading = "Output")]
    pub(crate) log: String,
    /// Logs the backtrace of an engine's panic. Code whose backtrace was logged once stays in memory when it is
    /// replaced.
    #[arg(long, env = "REFIT_BACKTRACES", help_heading = "Output")]
    pub(crate) backtraces: bool,
}

impl RunArgs {
    /// The time between two blocks, under its name or its older one.
    pub(crate) fn block_interval(&self) -> Option<Duration> {
        self.block_interval_ms.or(self.block_interval)
    }
}

/// Parses the time between two blocks. A block's time is in milliseconds, so this is too.
pub(crate) fn block_interval(text: &str) -> Result<Duration, String> {
    let interval = time(text)?;
    let whole = Duration::from_millis(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX));
    match whole == interval {
        true => Ok(interval),
        false => Err(format!(
            "{} is not a whole number of milliseconds",
            shown_time(interval)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: RunArgs,
    }

    #[test]
    fn the_time_between_blocks_has_a_unit_and_the_older_flag_is_in_milliseconds() {
        let interval = |words: &[&str]| {
            let typed = Typed::try_parse_from([&["run"], words].concat()).ok()?;
            Some(typed.args.block_interval().map(|it| it.as_millis()))
        };
        assert_eq!(interval(&[]), Some(None));
        assert_eq!(interval(&["--block-interval", "5ms"]), Some(Some(5)));
        assert_eq!(interval(&["--block-interval-ms", "7"]), Some(Some(7)));
        for wrong in [
            ["--block-interval", "5"],
            ["--block-interval", "500us"],
            ["--block-interval-ms", "5ms"],
        ] {
            assert_eq!(interval(&wrong), None, "{wrong:?}");
        }
    }
}
