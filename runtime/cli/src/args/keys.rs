//! Keys, and who may sign what with them.

use super::OutputArgs;
use clap::{ArgGroup, Args, Subcommand};
use refit_abi::Height;
use refit_release::Network;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key: writes its secret half to a file that its owner alone may read, and shows the public one.
    Generate(KeyGenerateArgs),
    /// Shows the public half of a key.
    Inspect(KeyInspectArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyGenerateArgs {
    /// File to write the secret half to. One that is there is left as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeyInspectArgs {
    /// File with a secret or a public key; `-` is stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysetCommand {
    /// Makes the first keyset of a network: who may say who signs, and who signs releases.
    ///
    /// Root keys are kept apart from every machine that runs; release keys sign releases. Enough of the root keys have to sign
    /// the keyset itself before a node takes it.
    Create(KeysetCreateArgs),
    /// Makes the keyset that follows another one. Enough root keys of the old and of the new one have to sign it.
    Rotate(KeysetRotateArgs),
    /// Signs a keyset, or takes over the signatures of another copy of it. Needs no node.
    Sign(SignArgs),
    /// Shows a keyset, and who has signed it.
    Inspect(KeysetInspectArgs),
    /// Has the node go by a keyset: the first one, or the one that follows.
    Install(KeysetInstallArgs),
    /// Shows the keyset that the node goes by, and how far it has come in the order of releases.
    Show(OutputArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeysetCreateArgs {
    /// The network: nothing that is signed for it counts in another one.
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Network,
    /// A root key: its text, or a file with it. Once for each key.
    #[arg(long = "root", value_name = "KEY", required = true)]
    pub(crate) root: Vec<String>,
    /// How many root keys have to sign a keyset.
    #[arg(long, value_name = "COUNT")]
    pub(crate) root_threshold: u8,
    /// A release key: its text, or a file with it. Once for each key.
    #[arg(long = "release", value_name = "KEY", required = true)]
    pub(crate) release: Vec<String>,
    /// How many release keys have to sign a release.
    #[arg(long, value_name = "COUNT")]
    pub(crate) release_threshold: u8,
    #[command(flatten)]
    pub(crate) made: KeysetMadeArgs,
}

/// What is said of every keyset that is made.
#[derive(Debug, Args)]
pub(crate) struct KeysetMadeArgs {
    /// The last block at which its signatures count.
    #[arg(long, value_name = "HEIGHT", value_parser = height)]
    pub(crate) expires: Height,
    /// File to write the keyset to. One that is there is left as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeysetRotateArgs {
    /// The keyset that it follows.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The root keys from here on; without any those of before.
    #[arg(long = "root", value_name = "KEY", requires = "root_threshold")]
    pub(crate) root: Vec<String>,
    /// How many of them have to sign a keyset.
    #[arg(long, value_name = "COUNT", requires = "root")]
    pub(crate) root_threshold: Option<u8>,
    /// The release keys from here on; without any those of before.
    #[arg(long = "release", value_name = "KEY", requires = "release_threshold")]
    pub(crate) release: Vec<String>,
    /// How many of them have to sign a release.
    #[arg(long, value_name = "COUNT", requires = "release")]
    pub(crate) release_threshold: Option<u8>,
    #[command(flatten)]
    pub(crate) made: KeysetMadeArgs,
}

/// How a record is signed.
#[derive(Debug, Args)]
#[command(group = signers())]
pub(crate) struct SignArgs {
    /// The file, which is replaced by one with the signatures.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// File with a secret key, which its owner alone may read; `-` is stdin. Once for each key.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// Another copy of it, whose signatures are taken over.
    #[arg(long, value_name = "FILE")]
    pub(crate) with: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeysetInstallArgs {
    /// The keyset.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeysetInspectArgs {
    /// The keyset.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The keyset before it: whether it follows that one is checked.
    #[arg(long, value_name = "FILE")]
    pub(crate) after: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Where signatures come from: keys, copies, or both.
pub(super) fn signers() -> ArgGroup {
    let group = ArgGroup::new("signers").args(["keys", "with"]);
    group.required(true).multiple(true)
}

pub(super) fn height(text: &str) -> Result<Height, String> {
    let number = text.parse().map_err(|_| "give the number of a block")?;
    Ok(Height(number))
}
