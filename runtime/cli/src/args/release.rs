//! Releases: packing, signing, looking into them.

use super::keys::{SignArgs, height};
use super::{NamedPath, OutputArgs};
use clap::{Args, Subcommand};
use refit_abi::Height;
use refit_release::{Network, ReleaseId};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Makes a release of libraries: one file with a manifest that says all of it, for signers to read and to sign.
    Pack(Box<PackArgs>),
    /// Signs a release, or takes over the signatures of another copy of it. Needs no node.
    Sign(SignArgs),
    /// Checks every byte of releases, and whether those have signed them who may.
    ///
    /// With --keyset: whether enough of its release keys have signed. Without: all bytes, and whose signatures are there; who
    /// may sign is not checked then, and is said so. Every file is looked at; one that is not taken makes the command fail.
    Verify(ReleaseVerifyArgs),
    /// Shows what a release says, whoever has signed it: what a signer should read.
    Show(ReleaseShowArgs),
    /// Compares two releases: modules, schemas, capabilities.
    Diff(ReleaseDiffArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// New code for a kind: a library that `refit engine build` wrote. Once for each library.
    #[arg(long = "engine", value_name = "KIND=PATH", required = true)]
    pub(crate) engines: Vec<NamedPath>,
    /// What people call it, such as `accounts 2.1`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: String,
    /// What is new.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) about: String,
    /// The network that it is for.
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Network,
    /// The version of the keyset that is to sign it.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) epoch: u64,
    /// Its number among the releases of that keyset: a node never goes back in it.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sequence: u64,
    /// The release that it follows.
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<ReleaseId>,
    /// The first block behind which it may become live.
    #[arg(long, value_name = "HEIGHT", default_value = "0", value_parser = height)]
    pub(crate) from: Height,
    /// The last one.
    #[arg(long, value_name = "HEIGHT", value_parser = height)]
    pub(crate) until: Height,
    /// A kind whose replies are meant to differ from those of the code before.
    #[arg(long = "expect-differences", value_name = "KIND")]
    pub(crate) expect_differences: Vec<String>,
    /// File to write the release to. One that is there is left as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseVerifyArgs {
    /// The releases.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The keyset whose release keys have to have signed them.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyset: Option<PathBuf>,
    /// The block at which the signatures have to count.
    #[arg(long, value_name = "HEIGHT", default_value = "0", value_parser = height, requires = "keyset")]
    pub(crate) at: Height,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseShowArgs {
    /// The release.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseDiffArgs {
    /// One release.
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// The other one.
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
