//! How the data on stdout is written.

use clap::Args;
use clap::builder::BoolishValueParser;

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Prints one JSON document of a stable shape instead of text for people.
    #[arg(long, env = "REFIT_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}
