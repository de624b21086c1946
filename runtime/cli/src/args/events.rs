//! Reading along.

use super::OutputArgs;
use super::engine::engine;
use clap::Args;
use refit_abi::EngineId;
use refit_admin::api::EventId;

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Only those of this engine: its name, the 32 digits of its id, or NAME#N for the Nth that NAME has started.
    #[arg(long, value_name = "ENGINE", value_parser = engine)]
    pub(crate) engine: Option<EngineId>,
    /// Only those under this topic.
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    /// Only those after this one: BRANCH.HEIGHT.INDEX, as it is shown.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    pub(crate) after: Option<EventId>,
    /// Shows all kept events first, then new ones as they come.
    #[arg(long)]
    pub(crate) all: bool,
    /// Ends after so many events.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
