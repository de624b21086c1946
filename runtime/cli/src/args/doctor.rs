//! `refit doctor`.

use super::OutputArgs;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Looks at all blocks of the log, however many, and not only at the newest 50000 or 256 MiB.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
