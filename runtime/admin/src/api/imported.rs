//! Releases on their way into a node: `POST /v1/releases`, `GET /v1/releases/{id}`, `POST /v1/releases/{id}/build`, `POST
//! /v1/releases/prune`.

use refit_abi::Height;
use refit_abi::descriptor::Descriptor;
use refit_abi::host::Explained;
use serde::{Deserialize, Serialize};

/// A release, by its id and by what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseName {
    /// BLAKE3 of its manifest, in hexadecimal.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The version of the keyset that signed it: counts before the sequence.
    pub epoch: u64,
    /// Its number among the releases of the epoch.
    pub sequence: u64,
}

/// Whose word an upgrade went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
#[non_exhaustive]
pub enum Authorised {
    /// The command of an operator who named its libraries.
    Command,
    /// The signatures of enough release keys, and the command of an operator who named the release.
    Keyset {
        /// The keyset's version.
        version: u64,
    },
}

/// What came of a record that was handed to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Imported {
    /// It was a release.
    Release(ReleaseImported),
    /// It says that a release is not to be used.
    Revocation(ReleaseRevoked),
    /// Builders say which file comes of a source.
    Attestation(FileAttested),
}

/// A release that the node has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseImported {
    /// Which.
    pub release: ReleaseName,
    /// The release keys that have signed it.
    pub signers: Vec<String>,
    /// Whether the node had all of it before.
    pub is_repeated: bool,
    /// Its bytes on the disk.
    pub bytes: u64,
    /// Whether its source is there.
    pub has_source: bool,
    /// Files that it names and that have not come, in hexadecimal.
    pub missing: Vec<String>,
}

/// A release that is not to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRevoked {
    /// Its id, in hexadecimal.
    pub release: String,
    /// Why, in the words of those who revoke it.
    pub reason: String,
    /// The upgrade to it that was taken back, if one was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<u64>,
    /// Whether it is live: a revocation is heard until the commit, and then only a later release helps.
    pub is_live: bool,
}

/// A file that builders have attested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAttested {
    /// The file, in hexadecimal.
    pub file: String,
    /// The known builders who have attested it.
    pub builders: Vec<String>,
    /// How many the node asks for.
    pub threshold: u8,
}

/// What a release would bring into this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedRelease {
    /// Which.
    pub release: ReleaseName,
    /// The first block behind which it may become live.
    pub from: Height,
    /// The last one.
    pub until: Height,
    /// Kinds whose engines start afresh.
    pub restart: Vec<String>,
    /// Kinds whose replies are meant to differ.
    pub expected: Vec<String>,
    /// Whether the node stops for it.
    pub is_offline: bool,
    /// Its libraries for this node that are not live.
    pub libraries: Vec<OfferedLibrary>,
}

/// One library of a release, which a child process has found fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedLibrary {
    /// Where the node keeps it.
    pub path: String,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub artifact: String,
    /// What it says of itself.
    pub descriptor: Descriptor,
    /// By what it reaches outside of the node.
    pub outside: Vec<String>,
    /// The level that this node has built it at, such as `L3`; absent of one that came with the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
}

/// How far a release's source is built: `POST` and `GET /v1/releases/{id}/build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseBuild {
    /// The release's id, in hexadecimal.
    pub release: String,
    /// Where it stands.
    pub state: BuildState,
    /// The package that is being built, or was last.
    pub package: String,
    /// Whether what it depends on is compiled, for this and for later releases.
    pub dependencies: bool,
    /// The parts that were compiled so far in this stage.
    pub compiled: u64,
    /// The time since it was begun, or that it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The level that the last library was built at, such as `L3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Explained>,
}

/// Where the build of a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BuildState {
    /// It is under way.
    Building,
    /// All libraries are there.
    Built,
    /// One is not.
    Failed,
}

/// Releases that were removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasesPruned {
    /// Which.
    pub releases: Vec<ReleaseName>,
    /// The ids of those of which nobody could say more: they were damaged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
    /// The bytes that they had on the disk.
    pub bytes: u64,
}

/// The keyset that a node goes by: `GET /v1/keyset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysetInForce {
    /// BLAKE3 of its record, in hexadecimal.
    pub id: String,
    /// The network that it is for.
    pub network: String,
    /// Its version.
    pub version: u64,
    /// The last block at which its signatures count.
    pub expires: Height,
    /// How many root keys sign the next keyset.
    pub root_threshold: u8,
    /// The root keys.
    pub root: Vec<String>,
    /// How many release keys sign a release.
    pub release_threshold: u8,
    /// The release keys.
    pub release: Vec<String>,
    /// The newest release that the node has committed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<NewestRelease>,
    /// The releases that are not to be used, in hexadecimal.
    #[serde(default)]
    pub revoked: Vec<String>,
}

/// The newest release that a node has committed to: it never goes behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestRelease {
    /// Its id, in hexadecimal.
    pub id: String,
    /// Its epoch.
    pub epoch: u64,
    /// Its sequence.
    pub sequence: u64,
}
