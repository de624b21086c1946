//! Flags of the demo.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Prints one JSON document instead of the story.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes every request into DIR/requests.csv.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Leaves the node running, and prints four curl lines to try.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Requests each second, over all clients, on a schedule that does not wait for answers.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) rate: u32,
    /// Clients, each on a connection of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) clients: u16,
    /// Length of the window without an upgrade, and of the one with, in seconds.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) window: u16,
}
