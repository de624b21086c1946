//! Flags that every command takes: where the configuration, the data and the node are.

use crate::client::NodeAddress;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Node and configuration")]
pub(crate) struct CommonArgs {
    /// Configuration file. [default: refit.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "REFIT_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the node's data and of its socket. [default: refit-data]
    #[arg(long, value_name = "DIR", env = "REFIT_DATA_DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// The node to talk to: unix:PATH or http://HOST:PORT. [default: the socket in the data folder]
    #[arg(long, value_name = "ADDRESS", env = "REFIT_NODE", global = true)]
    pub(crate) node: Option<NodeAddress>,
    /// File that holds the token of the node's TCP listener; the token itself may be in the
    /// variable REFIT_TOKEN, never in a flag.
    #[arg(long, value_name = "FILE", env = "REFIT_TOKEN_FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,
}
