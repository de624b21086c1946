//! [`SnapshotHeader`]: the facts about a snapshot, as JSON.

use crate::code::libraries::Libraries;
use crate::hex::{hex, unhex};
use crate::recovery::about::About;
use crate::trust::CarriedTrust;
use refit_abi::build::ABI_EPOCH;
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use refit_abi::schema::{SchemaId, Type};
use refit_abi::{BlockTime, Generation, Height};
use refit_kernel::{GenerationTable, IMAGE_FORMAT, Parameters, STATE_FORM, StateTree};
use refit_ordering::{Ground, StateHash};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest header that is read, in bytes.
pub(crate) const HEADER_BYTES_MAX: u64 = 64 << 20;

/// The facts about a snapshot. A reader leaves out what it does not know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// The release of refit that wrote it.
    pub refit: String,
    /// The epoch of the contract with engines.
    pub abi_epoch: u32,
    /// The form of the image.
    pub image_format: u32,
    /// The hash that names the chain.
    pub chain: String,
    /// How often the chain was rolled back or restored.
    pub branch: u64,
    /// The block after which the states are as they are here.
    pub height: Height,
    /// Its time.
    pub time: BlockTime,
    /// Its hash.
    pub block: String,
    /// The generation that was live.
    pub generation: Generation,
    /// The hash of the states; a snapshot of an older release has none.
    #[serde(default)]
    pub state: Option<SnapshotState>,
    /// The hash of the live code.
    pub manifest: String,
    /// The parameters in force: limits, budgets, grants.
    pub parameters: serde_json::Value,
    /// The live code, in the order in which the image counts the kinds.
    pub kinds: Vec<SnapshotKind>,
    /// What stands beside the checkpoint, in hexadecimal.
    pub about: String,
    /// What the data folder was configured with.
    pub identity: Box<RawValue>,
    /// Records of the upgrades that were done on the snapshot itself, in their order: a restored node has them in its
    /// history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offline: Vec<serde_json::Value>,
    /// Whom the node trusted, and how far it had come in the order of releases; a snapshot of an older release of refit does
    /// not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<CarriedTrust>,
}

/// The hash of the states of a snapshot: that of a checkpoint at the same place, which a block's header names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// The form of what is hashed: two hashes of different forms say nothing of each other.
    pub form: u32,
    /// The hash, in hexadecimal.
    pub hash: String,
}

impl SnapshotState {
    /// That of a tree.
    pub(crate) fn of(tree: &StateTree) -> Self {
        Self {
            form: STATE_FORM,
            hash: StateHash(tree.root).to_string(),
        }
    }
}

/// The code of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotKind {
    /// Its name.
    pub kind: String,
    /// The version of its state.
    pub version: u32,
    /// The schema of its state.
    pub schema: SchemaId,
    /// The package of its library.
    pub package: String,
    /// The version of that package.
    pub package_version: String,
    /// BLAKE3 of the library, in hexadecimal.
    pub artifact: String,
    /// The build of the library.
    pub build_id: String,
    /// The compiler, and the target.
    pub toolchain: String,
    /// The epoch of the contract that it was built against.
    pub abi_epoch: u32,
    /// Whether states go back from its version to an older one.
    pub has_way_back: bool,
    /// The state, described.
    pub state: Type,
}

impl SnapshotKind {
    /// A kind of this module, whose file has this hash.
    pub(crate) fn of(module: &Descriptor, kind: &KindDescriptor, artifact: String) -> Self {
        Self {
            kind: kind.kind.clone(),
            version: kind.version,
            schema: kind.schema,
            package: module.package.clone(),
            package_version: module.package_version.clone(),
            artifact,
            build_id: module.build_id.clone(),
            toolchain: format!("{} {}", module.toolchain, module.target),
            abi_epoch: module.abi_epoch,
            has_way_back: !kind.ways_back.is_empty(),
            state: kind.state.clone(),
        }
    }
}

/// What a header is made of.
pub(crate) struct HeaderParts<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) about: &'a About,
    pub(crate) state: &'a StateTree,
    pub(crate) kinds: Vec<SnapshotKind>,
    pub(crate) parameters: &'a Parameters,
    pub(crate) identity: &'a [u8],
    pub(crate) offline: Vec<serde_json::Value>,
    pub(crate) trust: Option<CarriedTrust>,
}

impl SnapshotHeader {
    /// Of a node.
    pub(crate) fn new(parts: HeaderParts<'_>) -> Result<Self, serde_json::Error> {
        let HeaderParts {
            ground,
            about,
            state,
            kinds,
            parameters,
            identity,
            offline,
            trust,
        } = parts;
        Ok(Self {
            refit: env!("CARGO_PKG_VERSION").to_owned(),
            abi_epoch: ABI_EPOCH,
            image_format: IMAGE_FORMAT,
            chain: ground.chain.to_string(),
            branch: ground.branch.0,
            height: ground.tip.height,
            time: ground.tip.time,
            block: ground.tip.hash.to_string(),
            generation: about.generation,
            state: Some(SnapshotState::of(state)),
            manifest: ground.manifest.to_string(),
            parameters: serde_json::to_value(parameters)?,
            kinds,
            about: hex(&about.to_bytes()),
            identity: serde_json::from_slice(identity)?,
            offline,
            trust,
        })
    }

    /// The kinds of a generation.
    pub(crate) fn kinds(table: &GenerationTable, libraries: &Libraries) -> Vec<SnapshotKind> {
        let kind = |kind: &refit_abi::host::Kind| {
            let (module, artifact) = (kind.module().descriptor(), libraries.artifact(kind));
            SnapshotKind::of(module, kind.descriptor(), artifact)
        };
        table.iter().map(|(_, entry)| kind(&entry.kind)).collect()
    }

    /// The name of the chain; empty if the identity does not say it.
    pub fn chain_name(&self) -> String {
        #[derive(Deserialize)]
        struct Named {
            chain: String,
        }
        let named: Result<Named, _> = serde_json::from_str(self.identity.get());
        named.map_or_else(|_| String::new(), |named| named.chain)
    }

    /// What stands beside the checkpoint; why not, if it is something else.
    pub(crate) fn about(&self) -> Result<About, String> {
        let bytes = unhex(&self.about).ok_or("its `about` is no hexadecimal text")?;
        About::from_bytes(&bytes)
    }
}
