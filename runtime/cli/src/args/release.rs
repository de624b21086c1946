//! Releases: packing, signing, looking into them.

use super::keys::{SignArgs, height, signers};
use super::{NamedPath, OutputArgs};
use clap::{ArgGroup, Args, Subcommand};
use refit_abi::Height;
use refit_release::{Network, ReleaseId};
use refit_sandbox::Level;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Puts engines' source, the contract and all crates that they need into one folder, as a release takes it.
    ///
    /// Of that folder the libraries can be built without anything beside it, and without network: give it to
    /// `refit release pack --source`.
    Source(ReleaseSourceArgs),
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
    /// Builds the libraries of a release from the source in it, confined, and says whether they are those that it names.
    ///
    /// The release is verified first. Its source is built without network, in a room of its own, as an ordinary user: at level L3
    /// everybody who builds it with the same toolchain gets the same bytes.
    Build(ReleaseBuildArgs),
    /// Says that a library comes of a source, for builders to sign who have built it.
    Attest(AttestArgs),
    /// Says that a release is not to be used, for those to sign who may.
    Revoke(RevokeArgs),
    /// Hands releases, and what revokes or attests them, to the node, which checks who has signed them and keeps them.
    ///
    /// Every file is handed over; one that is not taken makes the command fail.
    Import(ImportArgs),
    /// Lists the releases that are kept, with their size and why; the same as `refit upgrade list`.
    List(OutputArgs),
    /// Removes the imported releases that can no longer come in.
    Prune(OutputArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// New code for a kind: a library that `refit engine build` wrote. Once for each library.
    #[arg(long = "engine", value_name = "KIND=PATH", required = true)]
    pub(crate) engines: Vec<NamedPath>,
    /// Folder with the source that the libraries are of: all of it goes into the release, but for `target` and `.git` at its
    /// top. Links, devices, and names that a file system may take for one another are refused.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// Leaves the libraries out: they say what the release is, and each node builds its own.
    #[arg(long, requires = "source")]
    pub(crate) source_only: bool,
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
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
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
pub(crate) struct ReleaseSourceArgs {
    /// Folders of engines' packages, which take `refit-abi` from the folder of a checkout.
    #[arg(value_name = "ENGINE", required = true)]
    pub(crate) engines: Vec<PathBuf>,
    /// Folder to write to. One that is there is left as it is.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseBuildArgs {
    /// The release.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The keyset whose release keys have to have signed it.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyset: PathBuf,
    /// The block at which the signatures have to count.
    #[arg(long, value_name = "HEIGHT", default_value = "0", value_parser = height)]
    pub(crate) at: Height,
    /// Folder to build in, with what is compiled of dependencies. [default: `releases` in the cache folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// The least that has to stand between the build and this machine: L3, L2, L1 or L0. Below it nothing is built.
    #[arg(long, value_name = "LEVEL", default_value = "L2")]
    pub(crate) min_build_level: Level,
    /// Folder to copy the libraries to. [default: they stay where they were built]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("built_from").args(["source", "release"]).required(true))]
#[command(group = signers())]
pub(crate) struct AttestArgs {
    /// The library that came of the build.
    #[arg(long, value_name = "FILE")]
    pub(crate) library: PathBuf,
    /// Folder with the source that it was built from, as `refit release pack` takes it.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// The release with the source that it was built from, in the place of a folder: `refit release build` has built it.
    #[arg(long, value_name = "FILE")]
    pub(crate) release: Option<PathBuf>,
    /// The network that it is for.
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Network,
    /// File with a builder's secret key, which its owner alone may read; `-` is stdin. Once for each key.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// A copy of it that other builders have signed, whose signatures are taken over.
    #[arg(long, value_name = "FILE")]
    pub(crate) with: Vec<PathBuf>,
    /// File to write it to. One that is there is left as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
#[command(group = signers())]
pub(crate) struct RevokeArgs {
    /// The release's id.
    #[arg(value_name = "ID")]
    pub(crate) release: ReleaseId,
    /// The network that it is for.
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Network,
    /// Why, in a sentence.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// File with a secret key, which its owner alone may read; `-` is stdin. Once for each key.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// A copy of it that others have signed, whose signatures are taken over.
    #[arg(long, value_name = "FILE")]
    pub(crate) with: Vec<PathBuf>,
    /// File to write it to. One that is there is left as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Releases, and what `refit release revoke` and `attest` wrote.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
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
