//! [`SandboxChoice`]: whether a node confines itself; and the hidden words between a confined node and its helper.

use clap::Args;
use serde::Deserialize;
use std::path::PathBuf;

/// Whether a node confines itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SandboxChoice {
    /// As far as the system can.
    #[default]
    On,
    /// Not at all: code of engines reaches all that the node's user does.
    Off,
    /// In full, or the node does not start.
    Require,
}

/// `refit helper`
#[derive(Debug, Args)]
pub(crate) struct HelperArgs {
    /// The data folder of the node that it helps.
    #[arg(value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,
}

/// Whether a child of a node's confines itself.
#[derive(Debug, Args)]
pub(crate) struct InsideArgs {
    /// Confines itself, with this data folder as the one that it reaches.
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) inside: Option<PathBuf>,
}
