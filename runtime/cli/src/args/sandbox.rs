//! [`SandboxChoice`]: whether a node confines itself; and the hidden words between a confined node and its helper.

use clap::Args;
use refit_sandbox::Level;
use serde::Deserialize;
use std::ffi::OsString;
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
    #[command(flatten)]
    pub(crate) builds: BuildsArgs,
}

/// Where and how the source of releases is built: fixed when the node begins.
#[derive(Debug, Args)]
pub(crate) struct BuildsArgs {
    /// The folder to build in.
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) root: Option<PathBuf>,
    /// The least that has to stand between a build and the machine.
    #[arg(long, value_name = "LEVEL", default_value = "L2", hide = true)]
    pub(crate) at_least: Level,
}

/// `refit release-builder`
#[derive(Debug, Args)]
pub(crate) struct ReleaseBuilderArgs {
    #[command(flatten)]
    pub(crate) builds: BuildsArgs,
    /// The file to write the library into.
    #[arg(long, value_name = "FILE")]
    pub(crate) library: PathBuf,
    /// The folder of the release.
    #[arg(value_name = "FOLDER")]
    pub(crate) release: PathBuf,
}

/// Whether a child of a node's confines itself.
#[derive(Debug, Args)]
pub(crate) struct InsideArgs {
    /// Confines itself, with this data folder as the one that it reaches.
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) inside: Option<PathBuf>,
}

impl BuildsArgs {
    /// The words that say the same to another process.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words = vec!["--at-least".into(), self.at_least.to_string().into()];
        if let Some(root) = &self.root {
            words.extend(["--root".into(), root.clone().into_os_string()]);
        }
        words
    }
}
