//! Blocks of a data folder.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum BlockCommand {
    /// Takes the last block out of the log of a node that does not run, because it ends the node each time.
    ///
    /// Its messages have not happened then, and their clients may send them again. Its bytes are kept aside in the
    /// data folder.
    Quarantine(BlockQuarantineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BlockQuarantineArgs {
    /// The block's height, as the node's status says it.
    #[arg(value_name = "HEIGHT")]
    pub(crate) height: u64,
}
