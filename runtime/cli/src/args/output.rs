//! How the data on stdout is written.

use crate::show::report::JSON_VARIABLE;
use crate::units::{bounded, time};
use clap::Args;
use clap::builder::BoolishValueParser;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Prints one JSON document of a stable shape instead of text for people.
    #[arg(long, env = JSON_VARIABLE, value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// How a node's status is shown.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Shows it again every 2s, or as often as the given time says; with --json a document on each line.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "2s", value_parser = watch_interval)]
    pub(crate) watch: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Shortest time between two looks, so that a watcher is no load.
const WATCH_INTERVAL_MIN: Duration = Duration::from_millis(100);

fn watch_interval(text: &str) -> Result<Duration, String> {
    bounded(time(text)?, WATCH_INTERVAL_MIN, None)
}
