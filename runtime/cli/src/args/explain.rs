//! Looking codes up.

use super::OutputArgs;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code, as an error shows it. Without one, all are listed.
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
